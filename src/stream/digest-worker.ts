import type * as Crypto from 'node:crypto';
import type * as WorkerThreads from 'node:worker_threads';

/** The algorithms a stream can be hashed by: what manifests name, this library's and those of leases. */
export type DigestAlgorithm = 'sha256' | 'sha1';

/** What a thread is told. Whatever it is told of one stream, it does in that order. */
export type DigestTask =
  | { readonly kind: 'open'; readonly stream: number; readonly algorithms: readonly DigestAlgorithm[] }
  | {
      readonly kind: 'take';
      readonly stream: number;
      readonly memory: ArrayBuffer;
      readonly offset: number;
      readonly bytes: number;
    }
  | { readonly kind: 'end' | 'drop'; readonly stream: number }
  | {
      readonly kind: 'pieces';
      readonly memory: ArrayBuffer;
      /** Where each piece begins and ends in the memory. */
      readonly bounds: Uint32Array;
      /** Where there is one, the pieces' HMACs are taken with it. */
      readonly secret: Uint8Array | undefined;
    }
  | { readonly kind: 'close' };

/**
 * What a thread answers: to `take` with the memory, which it gives back, to `end` with what the stream's bytes came to, to `pieces` with
 * the memory and the SHA-256 of each piece, one after the other.
 */
export type DigestReply =
  | { readonly stream: number; readonly memory: ArrayBuffer }
  | { readonly stream: number; readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>> }
  | { readonly memory: ArrayBuffer; readonly pieceDigests: Uint8Array };

/**
 * The program of a thread that hashes streams. It is started from its own source text, and must therefore refer to
 * nothing outside itself.
 */
/* istanbul ignore next -- counters would be such a reference */
export function digestWorker(require: NodeJS.Require): void {
  const { parentPort } = require('node:worker_threads') as typeof WorkerThreads;
  const { createHash, createHmac } = require('node:crypto') as typeof Crypto;
  const streams = new Map<number, [DigestAlgorithm, Crypto.Hash][]>();

  parentPort?.on('message', (task: DigestTask) => {
    switch (task.kind) {
      case 'open':
        streams.set(
          task.stream,
          task.algorithms.map((algorithm) => [algorithm, createHash(algorithm)]),
        );
        return;
      case 'take': {
        const { stream, memory, offset, bytes } = task;
        const chunk = new Uint8Array(memory, offset, bytes);
        for (const [, hash] of streams.get(stream) ?? []) hash.update(chunk);
        parentPort.postMessage({ stream, memory }, [memory]);
        return;
      }
      case 'end': {
        const hashes = streams.get(task.stream) ?? [];
        streams.delete(task.stream);
        const digests = Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest('hex')]));
        parentPort.postMessage({ stream: task.stream, digests });
        return;
      }
      case 'pieces': {
        const { memory, bounds, secret } = task;
        const pieceDigests = new Uint8Array((bounds.length / 2) * 32);
        for (let place = 0; place < bounds.length; place += 2) {
          const [from = 0, to = 0] = bounds.subarray(place, place + 2);
          const hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
          pieceDigests.set(hash.update(new Uint8Array(memory, from, to - from)).digest(), place * 16);
        }
        parentPort.postMessage({ memory, pieceDigests }, [memory, pieceDigests.buffer]);
        return;
      }
      case 'drop':
        streams.delete(task.stream);
        return;
      case 'close':
        parentPort.close();
    }
  });
}
