import type { VimObject } from '../../vim/schema/index.js';
import type { Alarm } from '../clock.js';
import type { Fault } from '../fault.js';
import type { DiskDevice } from '../inventory/devices.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import { ManagedObject, type PropertyTable } from '../managed-object.js';
import type { DiskFile } from '../storage/disk-file.js';
import type { Task } from '../task.js';

/** Which way the bytes of a lease go. */
export type LeaseKind = 'export' | 'import';
/** A lease's state, as `HttpNfcLease.state`. */
export type LeaseState = 'initializing' | 'ready' | 'done' | 'error';

/** Checksums of a stream that went by. */
export interface SentBytes {
  readonly size: number;
  readonly sha1: string;
  readonly sha256: string;
}

/** One disk that moves under a lease. */
export interface LeaseDevice {
  readonly key: string;
  readonly importKey: string;
  /** The last part of its URL. */
  readonly targetId: string;
  readonly disk: DiskDevice;
  /** The disk's file. */
  readonly file: DiskFile;
  transfer: 'none' | 'open' | 'done' | 'failed';
  /** Bytes of the stream that went by so far, of the last transfer. */
  bytes: number;
  /** Whether a request for it carried a cookie: a session's is no business of the host that moves disks. */
  cookieReceived: boolean;
  /** Which checksum the manifest has beside SHA-1. */
  checksumType: 'sha1' | 'sha256';
  /** What went by, once all of it did. */
  sent: SentBytes | undefined;
}

/** What a new lease is. */
export interface LeaseInit {
  readonly kind: LeaseKind;
  readonly vm: VirtualMachine;
  readonly task: Task;
  /** Unguessable: who knows it may move the disks. */
  readonly ticket: string;
  readonly devices: readonly LeaseDevice[];
}

/** Permission to move a VM's disks, for as long as someone keeps it alive. */
export class Lease extends ManagedObject {
  readonly kind: LeaseKind;
  readonly vm: VirtualMachine;
  readonly task: Task;
  readonly ticket: string;
  readonly devices: readonly LeaseDevice[];
  state: LeaseState = 'initializing';
  info: VimObject<'HttpNfcLeaseInfo'> | undefined;
  error: Fault | undefined;
  /** As last reported, in percent. */
  progress = 0;
  /** How often progress was reported. */
  progressReports = 0;
  alarm: Alarm | undefined;
  readonly #ended = new AbortController();

  constructor(id: string, { kind, vm, task, ticket, devices }: LeaseInit) {
    super('HttpNfcLease', id);
    this.kind = kind;
    this.vm = vm;
    this.task = task;
    this.ticket = ticket;
    this.devices = devices;
  }

  get isOver(): boolean {
    return this.state === 'done' || this.state === 'error';
  }

  /** Aborted when it is over: transfers under it are cut then. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  cutTransfers(): void {
    this.#ended.abort();
  }
}

export const leaseProperties: PropertyTable<Lease> = {
  initializeProgress: { spec: 'int', get: ({ state }) => (state === 'initializing' ? 0 : 100) },
  transferProgress: { spec: 'int', get: ({ progress }) => progress },
  info: { spec: 'HttpNfcLeaseInfo?', get: ({ info }) => info },
  state: { spec: 'HttpNfcLeaseState', get: ({ state }) => state },
  error: { spec: 'LocalizedMethodFault?', get: ({ error }) => error?.localized() },
};
