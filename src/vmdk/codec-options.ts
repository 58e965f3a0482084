import { InvalidInputError } from '../errors/invalid-input-error.js';

/** How far an operation has come. All numbers are bytes. */
export interface VmdkProgress {
  /** Bytes of the input dealt with: of the stream when reading one, of the disk when encoding. */
  readonly bytesDone: number;
  /** Bytes of the input in all, where that is known beforehand. */
  readonly bytesTotal: number | undefined;
  /** Bytes of the disk passed, holes included. */
  readonly coveredBytes: number;
  /** The disk's size; undefined until the stream's header was read. */
  readonly capacityBytes: number | undefined;
}

/** Options every operation takes. */
export interface InspectOptions {
  /** Ends the operation with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
  /** Called about five times a second while bytes move, and at the end. */
  readonly onProgress?: ((progress: VmdkProgress) => void) | undefined;
}

/** Options of operations that inflate or deflate. */
export interface CodecOptions extends InspectOptions {
  /**
   * Worker threads, 1 to 64. Each takes some 30 MiB. The result is the same for any number.
   *
   * @defaultValue the machine's available parallelism, at most 4
   */
  readonly workers?: number | undefined;
}

/** Options of encoding. */
export interface EncodeOptions extends CodecOptions {
  /** `ddb.adapterType`. @defaultValue `lsilogic` */
  readonly adapterType?: string | undefined;
  /** `ddb.uuid`, in VMware's form `60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9`. @defaultValue none */
  readonly uuid?: string | undefined;
  /** Content id, eight hexadecimal digits. @defaultValue `fffffffe`, so that equal disks give equal streams */
  readonly cid?: string | undefined;
  /**
   * More `ddb.*` entries without the prefix, or other values for those written anyway (`geometry.*`, `longContentID`,
   * `virtualHWVersion`, `toolsInstallType`, `toolsVersion`).
   */
  readonly ddb?: Readonly<Record<string, string>> | undefined;
}

/** @throws InvalidInputError if they are none, the signal is no `AbortSignal`, or the listener no function */
export function checkOptions<T extends InspectOptions>(options: T): T {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) throw new InvalidInputError('options', 'must be an object');
  const { signal, onProgress } = given as { readonly [name in keyof InspectOptions]: unknown };
  if (signal !== undefined && !isSignal(signal)) throw new InvalidInputError('signal', 'must be an AbortSignal');
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new InvalidInputError('onProgress', 'must be a function');
  }
  return options;
}

/** Not by instanceof: there may be several of that class in a process. */
function isSignal(value: unknown): boolean {
  const { aborted, addEventListener } = (value ?? {}) as Partial<Record<keyof AbortSignal, unknown>>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function';
}
