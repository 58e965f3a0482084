import type { Readable } from 'node:stream';
import type { MethodArgs, MethodName, MethodResult, MoRef, VimObject } from './schema/index.js';

/** Options of every call that can be cancelled. */
export interface AbortableOptions {
  /** Ends the call with an `AbortError` when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** How the peer of an NFC transfer is told to be the right one. */
export interface TransferOptions extends AbortableOptions {
  /**
   * The certificate the peer must show, as the lease's `HttpNfcLeaseDeviceUrl.sslThumbprint` gives it: SHA-1 or SHA-256,
   * hexadecimal with or without colons. Absent or empty: the session's own trust (its CA, or its own pin where the host
   * is the session's own), never none.
   */
  readonly thumbprint?: string | undefined;
  /**
   * The certificate itself that the peer must show, as PEM, as `HttpNfcLeaseDeviceUrl.sslCertificate` gives it from vSphere
   * 9 on. Where both are given, it counts and the thumbprint does not.
   */
  readonly certificate?: string | undefined;
}

/** The bytes of a download. */
export interface Download {
  /** The body. Destroying it closes the connection. It errors where the connection ends before the body does. */
  readonly stream: Readable;
  /** The body's length in bytes where the peer said it (`Content-Length`). */
  readonly length?: number | undefined;
}

/** What an upload needs to know besides its bytes. */
export interface UploadOptions extends TransferOptions {
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  /** The body's exact length in bytes (`Content-Length`); chunked transfer coding where absent. */
  readonly length?: number | undefined;
}

/**
 * What an application must supply to reach vSphere: a logged-in connection to the vSphere Web Services API (vim25) and its NFC
 * data path. `SoapVimSession` of `vmdk-driver/vim` is the one that ships.
 *
 * Values are plain objects in the shapes of {@link VimObject}; a value that names its subtype does so by `_type`. What an
 * implementation answers is held against them: anything else is a `VimProtocolError`. An implementation must
 *
 * - keep the session alive and log in again when it expired, then repeat a call that was refused as not authenticated
 *   (such a call had no effect);
 * - repeat a call whose reply was lost only where `methods[name].idempotent` says that this is safe, and reject with
 *   `VimConnectionError` otherwise;
 * - send the session's cookie to {@link host} only;
 * - never put a password, cookie or ticket into an error.
 */
export interface VimSession {
  /** The managers of this server, as `RetrieveServiceContent` returned them. */
  readonly serviceContent: VimObject<'ServiceContent'>;
  /** The host the session is connected to; it stands in for `*` in NFC URLs (an ESXi host's). */
  readonly host: string;
  readonly port: number;

  /**
   * Calls a vim25 method.
   *
   * @throws VimFault where the server answers with a fault; told by its type name
   * @throws VimConnectionError where the server cannot be reached or its reply was lost
   * @throws AbortError
   */
  invoke<M extends MethodName>(
    method: M,
    target: MoRef,
    args: MethodArgs<M>,
    options?: AbortableOptions,
  ): Promise<MethodResult<M>>;

  /**
   * Opens the body of an HTTPS GET. Resolves when the head of a 200 reply has arrived.
   *
   * @throws TransferError for any other status (with `status`), an unreachable host or a cut connection
   * @throws TlsVerificationError where the peer's certificate is not the expected one
   * @throws AbortError
   */
  download(url: string, options?: TransferOptions): Promise<Download>;

  /**
   * Sends `source` as the body of one HTTPS request and resolves once the peer's 2xx reply was read. No redirect is
   * followed. Rejects, and destroys `source`, where it ends before or after `length`.
   *
   * @throws TransferError for any other status (with `status`), an unreachable host, a cut connection or a wrong length
   * @throws TlsVerificationError where the peer's certificate is not the expected one
   * @throws AbortError
   */
  upload(url: string, source: Readable, options: UploadOptions): Promise<void>;
}
