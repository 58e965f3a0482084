import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import type { OperationName } from './progress.js';

/** What a tracing channel adds to what is told when something has ended: one of the two. */
interface Ended<T> {
  readonly result?: T | undefined;
  readonly error?: unknown;
}

/**
 * What the tracing channel `vmdk-driver:operation` tells of one operation of a driver: the same object with each of its events, in
 * which `result` or `error` is added when it has ended.
 */
export interface OperationTrace extends Ended<unknown> {
  readonly operation: OperationName;
  readonly volumeId?: string | undefined;
  readonly backupId?: string | undefined;
}

/** What the tracing channel `vmdk-driver:transfer` tells of the moving of one disk's bytes, from or to an ESXi host. */
export interface TransferTrace extends Ended<{ readonly streamBytes: number }> {
  readonly direction: 'export' | 'import';
  /** The peer, with its port where that is another one than 443. */
  readonly host: string;
}

const operations = tracingChannel<unknown, OperationTrace>('vmdk-driver:operation');
const transfers = tracingChannel<unknown, TransferTrace>('vmdk-driver:transfer');

/** Does an operation's work and publishes it. */
export function traceOperation<T>(about: OperationTrace, work: () => Promise<T>): Promise<T> {
  return trace(operations, about, work);
}

/** Moves a disk's bytes and publishes it. */
export function traceTransfer<T extends { readonly streamBytes: number }>(
  about: TransferTrace,
  work: () => Promise<T>,
): Promise<T> {
  return trace(transfers, about, work);
}

function trace<Context extends object, T>(
  channel: TracingChannel<unknown, Context>,
  about: Context,
  work: () => Promise<T>,
): Promise<T> {
  return channel.hasSubscribers ? channel.tracePromise(work, about) : work();
}
