import { appendFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { PeerUnavailableError } from './peer-unavailable-error.js';

export { debianProgram } from './debian-program.js';
export { goProgram } from './go-program.js';
export { PeerUnavailableError } from './peer-unavailable-error.js';
export { pythonPackage } from './python-package.js';

/** A program that others wrote and that this project is held against. */
export interface Peer {
  readonly name: string;
  readonly version: string;
}

/**
 * Declares tests against a peer, which is installed first where it is not yet. Await it at the top of the test file. A peer
 * that cannot be had leaves one skipped test, whose title says why.
 *
 * @param install rejects with {@link PeerUnavailableError} where the peer cannot be had on this machine
 */
export async function describePeer<P extends Peer>(
  name: string,
  install: () => Promise<P>,
  define: (peer: P) => void,
): Promise<void> {
  let peer: P;
  try {
    peer = await install();
  } catch (error) {
    if (!(error instanceof PeerUnavailableError)) throw error;
    describe(name, () => test.skip(`not installed: ${error.message}`, () => {}));
    return;
  }
  describe(name, () => define(peer));
}

/**
 * Records a row of the table that `npm run test:peers` prints. Its result is that of the test that calls this.
 *
 * @param what was exercised, in a few words
 * @param exchanges requests answered or transfers made by or for the peer, whose outcome the test has checked
 */
export function exercised(peer: Peer, what: string, exchanges: number): void {
  const record = process.env['VMDK_DRIVER_PEERS_RECORD'];
  // Not set where a single file is run by jest's own configuration.
  if (record === undefined) return;
  const { currentTestName: name, testPath } = expect.getState();
  const row = { peer: peer.name, version: peer.version, what, exchanges, testPath, test: name };
  appendFileSync(record, `${JSON.stringify(row)}\n`);
}
