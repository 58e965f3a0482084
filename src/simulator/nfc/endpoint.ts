import type { Certificate } from '../certificate.js';
import type { Settings } from '../options.js';

/** Where disks move. */
export interface NfcEndpoint {
  readonly host: string;
  readonly port: number;
  readonly certificate: Certificate;
}

/** The URL of one disk under a lease. */
export function diskUrl({ host, port }: NfcEndpoint, settings: Settings, ticket: string, targetId: string): string {
  return `https://${urlHost(settings.leaseUrlHost, host, port)}/nfc/${ticket}/${targetId}`;
}

function urlHost(form: Settings['leaseUrlHost'], host: string, port: number): string {
  switch (form) {
    case 'address':
      return `${host.includes(':') ? `[${host}]` : host}:${port}`;
    case '*':
      return '*';
    case '*:port':
      return `*:${port}`;
  }
}

/** What a lease says about the endpoint's certificate. */
export function leaseThumbprint({ certificate }: NfcEndpoint, form: Settings['leaseThumbprint']): string {
  switch (form) {
    case 'sha1':
      return certificate.thumbprint;
    case 'sha256':
      return certificate.thumbprintSha256;
    case 'none':
      return '';
  }
}
