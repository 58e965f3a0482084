import { delimiter } from 'node:path';
import type { Command } from 'commander';
import type { SoapVimSession } from '../vim/index.js';
import { type Environment, variable } from './environment.js';
import type { Run } from './perform.js';
import { readSecretFile, readText } from './read-file.js';
import { UsageError } from './usage-error.js';

/** Where vCenter or an ESXi host is; what is left out comes from the environment, by govc's names. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly thumbprint?: string;
  readonly nfcThumbprint?: string;
  readonly caFile?: string;
  readonly insecure?: boolean;
}

/** Gives a command the options of a connection. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'vCenter or ESXi host, such as https://vcenter.example/sdk (GOVC_URL)')
    .option('--username <name>', 'who logs in (GOVC_USERNAME)')
    .option('--password-file <file>', 'file with the password (or the password in GOVC_PASSWORD)')
    .option('--thumbprint <hex>', "SHA-1 or SHA-256 of the server's certificate (VMDK_DRIVER_THUMBPRINT)")
    .option(
      '--nfc-thumbprint <hex>',
      "the same of the ESXi hosts' certificate, where vCenter does not tell it (VMDK_DRIVER_NFC_THUMBPRINT)",
    )
    .option('--ca-file <file>', 'certificate authorities to trust, PEM (GOVC_TLS_CA_CERTS)')
    .option('--insecure', 'do not check the certificate at all (GOVC_INSECURE)');
}

/**
 * Logs in.
 *
 * @throws UsageError where it is not said where, or by whom
 */
export async function connect(options: ConnectionOptions, { signal, output }: Run): Promise<SoapVimSession> {
  const login = await readLogin(options, process.env);
  const trust = await readTrust(options, process.env);
  const nfcThumbprint = options.nfcThumbprint ?? variable(process.env, 'VMDK_DRIVER_NFC_THUMBPRINT');
  const { SoapVimSession } = await import('../vim/index.js');
  const vim = new SoapVimSession({ ...login, ...trust, nfcThumbprint, logger: output.logger });
  output.server = `${login.host}:${login.port ?? 443}`;
  await vim.connect({ signal });
  return vim;
}

/**
 * What a fleet calls the vCenter: what it is told, or the host's name.
 *
 * @throws UsageError
 */
export function vcenterOf({ vcenter, url }: { readonly vcenter?: string; readonly url?: string }): string {
  if (vcenter !== undefined) return vcenter;
  const given = url ?? variable(process.env, 'GOVC_URL');
  if (given === undefined) throw new UsageError('it is not said which vCenter: give --vcenter or set GOVC_URL');
  return parseUrl(url === undefined ? 'GOVC_URL' : '--url', given).hostname;
}

interface Login {
  readonly host: string;
  readonly port?: number;
  readonly username: string;
  readonly password: string;
}

async function readLogin(options: ConnectionOptions, environment: Environment): Promise<Login> {
  const given = options.url ?? variable(environment, 'GOVC_URL');
  if (given === undefined)
    throw new UsageError('it is not said which vCenter or ESXi host: give --url or set GOVC_URL');
  const url = parseUrl(options.url === undefined ? 'GOVC_URL' : '--url', given);
  if (options.url !== undefined && url.password !== '') {
    throw new UsageError(
      '--url has a password, which others on this machine can read: use GOVC_PASSWORD or --password-file',
    );
  }
  const username = options.username ?? variable(environment, 'GOVC_USERNAME') ?? url.username;
  if (!username) throw new UsageError('it is not said who logs in: give --username or set GOVC_USERNAME');
  const password =
    options.passwordFile === undefined
      ? (variable(environment, 'GOVC_PASSWORD') ?? url.password)
      : await readSecretFile('--password-file', options.passwordFile);
  if (!password) throw new UsageError('there is no password: set GOVC_PASSWORD or give --password-file');
  return { host: url.hostname, ...(url.port && { port: Number(url.port) }), username, password };
}

interface GivenUrl {
  readonly hostname: string;
  readonly port: string;
  readonly username: string;
  readonly password: string;
}

/** As govc takes it: `host`, `user@host:port`, `https://host/sdk`. What it says is not repeated: it may hold a password. */
function parseUrl(source: string, text: string): GivenUrl {
  try {
    const url = new URL(text.includes('://') ? text : `https://${text}`);
    const { protocol, hostname, port } = url;
    const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    if (protocol === 'https:') return { hostname, port, username, password };
  } catch {
    // Said below.
  }
  throw new UsageError(`${source} is not the URL of a server, such as https://vcenter.example/sdk`);
}

interface Trust {
  readonly thumbprint?: string;
  readonly ca?: string[];
  readonly insecure?: boolean;
}

/** An option outweighs the environment; of the environment, what is stricter outweighs what is not. */
async function readTrust(
  { thumbprint, caFile, insecure }: ConnectionOptions,
  environment: Environment,
): Promise<Trust> {
  if (thumbprint !== undefined || caFile !== undefined || insecure === true) {
    return {
      ...(thumbprint !== undefined && { thumbprint }),
      ...(caFile !== undefined && { ca: [await readText('--ca-file', caFile)] }),
      ...(insecure === true && { insecure }),
    };
  }
  const pinned = variable(environment, 'VMDK_DRIVER_THUMBPRINT');
  if (pinned !== undefined) return { thumbprint: pinned };
  const files = variable(environment, 'GOVC_TLS_CA_CERTS');
  if (files !== undefined) {
    const read = files.split(delimiter).filter(Boolean);
    return { ca: await Promise.all(read.map((file) => readText('GOVC_TLS_CA_CERTS', file))) };
  }
  // As Go reads a boolean.
  return /^(?:1|t|true)$/i.test(variable(environment, 'GOVC_INSECURE') ?? '') ? { insecure: true } : {};
}
