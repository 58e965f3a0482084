import type { VimObject } from '../vim/schema/index.js';

type AnyFault = VimObject<'MethodFault'>;

/** The name of a fault type of the vim25 subset. */
export type FaultName = AnyFault['_type'];

/** A fault type's own fields. */
export type FaultFields<N extends FaultName> = Omit<Extract<AnyFault, { readonly _type: N }>, '_type' | 'faultCause'>;

/** A fault as data: what an answer's `detail` or a `LocalizedMethodFault` carries. */
export interface FaultData {
  readonly _type: string;
  readonly [field: string]: unknown;
}

/** How the simulator refuses a call, or ends a task: a vim25 fault. */
export class Fault extends Error {
  readonly data: FaultData;

  /** Takes any type name, so that injected faults can be of types this library does not know. */
  constructor(data: FaultData, message: string) {
    super(message);
    this.name = data._type;
    this.data = data;
  }

  /** The fault as a `LocalizedMethodFault`, as tasks and leases carry it. */
  localized(): VimObject<'LocalizedMethodFault'> {
    return { _type: 'LocalizedMethodFault', fault: this.data as unknown as AnyFault, localizedMessage: this.message };
  }
}

/** A fault of a known type. `message` is what the server would show an administrator. */
export function fault<N extends FaultName>(
  type: N,
  ...[fields, message]: object extends FaultFields<N>
    ? [fields?: FaultFields<N>, message?: string]
    : [fields: FaultFields<N>, message?: string]
): Fault {
  return new Fault({ ...fields, _type: type }, message ?? type);
}

/** Any error as a fault: what is none is a defect of the simulator, which a server reports as `SystemError`. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return fault('SystemError', { reason }, `A general system error occurred: ${reason}`);
}
