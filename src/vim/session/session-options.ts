import { X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { guardLogger, type Logger, loggerSchema, silentLogger } from '../../logger.js';
import { parseInput } from '../../parse-input.js';
import { timeLimitSchema } from '../../time-limit.js';
import type { Peer } from '../tls/peer.js';
import { parseThumbprint, type Thumbprint } from '../tls/thumbprint.js';
import type { Trust } from '../tls/trust.js';

/**
 * Where and how a `SoapVimSession` logs in.
 *
 * At most one of `thumbprint`, `ca` and `insecure` may be given. With none of them the server must show a certificate
 * that is made out to `host` and issued by one of the authorities Node trusts.
 */
export interface SoapVimSessionOptions {
  /** The vCenter's or ESXi host's name or address; an IPv6 address with or without brackets. */
  readonly host: string;
  /** @defaultValue 443 */
  readonly port?: number | undefined;
  readonly username: string;
  readonly password: string;
  /** The SHA-1 or SHA-256 of the server's certificate, hexadecimal with or without colons. No other one is accepted. */
  readonly thumbprint?: string | undefined;
  /**
   * The same of the ESXi hosts that disks' bytes come from and go to, where a lease tells nothing of theirs, or tells it
   * empty. Without it such a host needs a certificate of one of the authorities that are trusted.
   */
  readonly nfcThumbprint?: string | undefined;
  /** The authorities to trust instead of Node's, as PEM. */
  readonly ca?: string | readonly string[] | undefined;
  /** `true`: the server's certificate is not checked at all. Anyone on the way can then read the password. */
  readonly insecure?: boolean | undefined;
  /** How often the session is used at least, so that the server does not end it, in milliseconds. @defaultValue 300000 */
  readonly keepAliveIntervalMs?: number | undefined;
  /**
   * How long the server may take to answer a call, and stay silent within an answer, in milliseconds. Long polls get this
   * on top of the time they ask the server to wait. @defaultValue 120000
   */
  readonly requestTimeoutMs?: number | undefined;
  /** Silent by default. */
  readonly logger?: Logger | undefined;
}

/** What was made of the options. */
export interface SessionSettings {
  readonly peer: Peer;
  readonly trust: Trust;
  readonly nfcThumbprint: Thumbprint | undefined;
  readonly username: string;
  readonly password: string;
  readonly keepAliveIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly logger: Logger;
}

const pem = z.string().refine(isPem, 'is no PEM certificate');

const thumbprintText = z.string().transform((text, context) => {
  const thumbprint = parseThumbprint(text);
  if (thumbprint === undefined) context.addIssue('is neither a SHA-1 nor a SHA-256 thumbprint');
  return thumbprint ?? z.NEVER;
});

const schema = z
  .strictObject({
    host: z
      .string()
      .trim()
      .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
      .refine(isHost, 'is neither a host name nor an address'),
    port: z.int().min(1).max(65535).default(443),
    username: z.string().min(1),
    password: z.string(),
    thumbprint: thumbprintText.optional(),
    nfcThumbprint: thumbprintText.optional(),
    ca: z.union([pem, z.array(pem).min(1).readonly()]).optional(),
    insecure: z.boolean().optional(),
    keepAliveIntervalMs: timeLimitSchema.default(300_000),
    requestTimeoutMs: timeLimitSchema.default(120_000),
    logger: loggerSchema.default(silentLogger).transform((logger) => guardLogger(logger)),
  })
  .superRefine(({ thumbprint, ca, insecure }, context) => {
    const given = Object.entries({ thumbprint, ca, insecure: insecure === true ? true : undefined });
    const names = given.filter(([, value]) => value !== undefined).map(([name]) => name);
    if (names.length > 1) {
      context.addIssue({ code: 'custom', path: [names[0] ?? ''], message: `excludes ${names.slice(1).join(' and ')}` });
    }
  });

/**
 * @throws InvalidInputError that names the option at fault
 */
export function parseSessionOptions(options: SoapVimSessionOptions): SessionSettings {
  const { host, port, thumbprint, nfcThumbprint, ca, insecure, ...settings } = parseInput('options', schema, options);
  return { ...settings, peer: { host, port }, nfcThumbprint, trust: trustOf({ thumbprint, ca, insecure }) };
}

function trustOf({ thumbprint, ca, insecure }: Pick<z.infer<typeof schema>, 'thumbprint' | 'ca' | 'insecure'>): Trust {
  if (thumbprint !== undefined) return { kind: 'pin', thumbprint };
  if (ca !== undefined) return { kind: 'ca', pem: ca };
  return { kind: insecure === true ? 'insecure' : 'system' };
}

function isHost(host: string): boolean {
  return isIPv6(host) || /^[a-z\d](?:[a-z\d._-]*[a-z\d])?\.?$/i.test(host);
}

function isPem(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}
