import { dataWithoutSecrets, withoutSecrets } from './known-secrets.js';
import { type ErrorDetails, VmdkDriverError } from './vmdk-driver-error.js';

/** Fault types after which the same call may succeed later without anyone changing anything. */
const transientFaults = new Set([
  'ConcurrentAccess',
  'FileLocked',
  'HostCommunication',
  'HostNotConnected',
  'HostNotReachable',
  'RequestCanceled',
  'ResourceInUse',
  'TaskInProgress',
  'Timedout',
]);

/** What an operator should know of faults that say little themselves. */
const adviceOn: ReadonlyMap<string, string> = new Map([
  ['RestrictedVersion', "the host's license lets its API only read; disks cannot be exported or imported (free ESXi)"],
]);

/** The server answered a call, or ended a task, with a fault. */
export class VimFault extends VmdkDriverError {
  static override readonly brand: string = 'VimFault';
  readonly code = 'VIM_FAULT';
  /** The fault's vim25 type name, such as `DuplicateName`; `RuntimeFault` where the server named none. */
  readonly faultName: string;
  /** The method that was called, or the task's `descriptionId`. */
  readonly method: string;
  /** The fault's own fields as decoded from its detail, such as `{ name, object }` of `DuplicateName`. */
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    faultName: string,
    method: string,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
    details?: ErrorDetails,
  ) {
    const advice = adviceOn.get(faultName);
    super([`${method}: ${faultName}`, message, advice].filter((part) => part !== undefined && part !== '').join(': '), {
      retryable: transientFaults.has(faultName),
      ...details,
    });
    this.faultName = withoutSecrets(faultName);
    this.method = method;
    this.detail = dataWithoutSecrets(detail) as Readonly<Record<string, unknown>>;
  }

  /** Whether the fault is of this type, by its exact name or by the one that the storage policy service has for it. */
  is(name: string): boolean {
    return this.faultName === name || this.faultName === `PbmFault${name}`;
  }

  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), faultName: this.faultName, method: this.method };
  }
}

/** Whether an error is a fault of one of these types. */
export function isVimFault(error: unknown, ...names: string[]): error is VimFault {
  return error instanceof VimFault && names.some((name) => error.is(name));
}
