import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { install } from './install.js';
import type { Peer } from './peer.js';
import { PeerUnavailableError } from './peer-unavailable-error.js';

/** A program of the operating system. */
export interface DebianProgram extends Peer {
  readonly path: string;
}

/**
 * A program on the `PATH`, or else out of a Debian package where this may be installed.
 *
 * @param versionArgs make it print its version, on either output
 * @throws PeerUnavailableError
 */
export async function debianProgram(
  name: string,
  debianPackage: string,
  versionArgs: readonly string[] = ['--version'],
): Promise<DebianProgram> {
  const version = (await printedVersion(name, versionArgs)) ?? (await installed(name, debianPackage, versionArgs));
  return { name, version, path: name };
}

async function installed(name: string, debianPackage: string, versionArgs: readonly string[]): Promise<string> {
  if (process.getuid?.() !== 0) throw new PeerUnavailableError(`${debianPackage} is not installed`);
  const apt = (...args: string[]) => install('apt-get', args, { env: { DEBIAN_FRONTEND: 'noninteractive' } });
  await apt('-qq', 'update');
  await apt('-qq', 'install', '-y', '--no-install-recommends', debianPackage);
  const version = await printedVersion(name, versionArgs);
  if (version === undefined) throw new PeerUnavailableError(`${debianPackage} has no ${name}`);
  return version;
}

/** The first version number it prints; undefined where there is no such program. */
async function printedVersion(name: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(name, args);
    return /\b\d[\w.]*/.exec(stdout + stderr)?.[0] ?? 'unknown';
  } catch {
    return undefined;
  }
}
