import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { Ref, SoapClient } from './soap-client.js';
import { at, textAt, type XmlNode } from './xml-node.js';

export interface NfcReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** SHA-1 fingerprint of the peer's certificate. */
  readonly fingerprint: string;
}

/** One HTTPS request to an NFC URL. Rejects where the connection is cut. */
export function nfc(
  method: string,
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: Buffer } = {},
): Promise<NfcReply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, rejectUnauthorized: false, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      const { socket } = response;
      const fingerprint = socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint : '';
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks), fingerprint });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const streamType = { 'Content-Type': 'application/x-vnd.vmware-streamVmdk' };

/** Waits until a lease is ready and returns its info. */
export async function leaseReady(client: SoapClient, lease: Ref): Promise<XmlNode> {
  for (;;) {
    const state = (await client.property(lease, 'state'))!.text;
    if (state === 'ready') return (await client.property(lease, 'info'))!;
    if (state !== 'initializing') throw new Error(`the lease is ${state}`);
  }
}

export function deviceUrl(info: XmlNode): string {
  return textAt(info, 'deviceUrl.url')!;
}

export function thumbprint(info: XmlNode): string {
  return at(info, 'deviceUrl.sslThumbprint')!.text;
}
