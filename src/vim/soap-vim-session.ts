import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { throwIfAborted, VimConnectionError } from '../errors/index.js';
import type { MethodArgs, MethodName, MethodResult, MoRef, VimObject } from './schema/index.js';
import { ServerConnection } from './session/server-connection.js';
import { parseSessionOptions, type SessionSettings, type SoapVimSessionOptions } from './session/session-options.js';
import { markAsConforming } from './session-identity.js';
import { download } from './transfer/download.js';
import type { TransferSession } from './transfer/transfer-request.js';
import { upload } from './transfer/upload.js';
import type { AbortableOptions, Download, TransferOptions, UploadOptions, VimSession } from './vim-session.js';

/**
 * A {@link VimSession} over SOAP and HTTPS.
 *
 * @example
 * ```ts
 * await using vim = new SoapVimSession({ host: 'vcenter.example', username: 'backup', password, thumbprint });
 * await vim.connect();
 * ```
 */
export class SoapVimSession implements VimSession, AsyncDisposable {
  readonly #settings: SessionSettings;
  #connection: ServerConnection | undefined;

  /**
   * @throws InvalidInputError that names the option at fault. Nothing is connected yet
   */
  constructor(options: SoapVimSessionOptions) {
    this.#settings = parseSessionOptions(options);
    // One that extends it may answer anything.
    if (new.target === SoapVimSession) markAsConforming(this);
  }

  get host(): string {
    return this.#settings.peer.host;
  }

  get port(): number {
    return this.#settings.peer.port;
  }

  /**
   * @throws VimConnectionError before {@link connect} and after {@link disconnect}
   */
  get serviceContent(): VimObject<'ServiceContent'> {
    const login = this.#connection?.login;
    if (login === undefined) throw this.#notConnected();
    return login.serviceContent;
  }

  /**
   * Logs in. Does nothing where that was done before.
   *
   * @throws InvalidLoginError
   * @throws TlsVerificationError where the server is not the expected one; it was sent nothing
   * @throws VimConnectionError
   * @throws AbortError
   */
  async connect({ signal }: AbortableOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const connection = (this.#connection ??= new ServerConnection(this.#settings));
    try {
      await connection.open(signal);
    } catch (error) {
      // One that is aborted, say, leaves it to the others who are logging in on it: the last who fails closes it.
      if (connection.login === undefined && !connection.isOpening && this.#connection === connection) {
        this.#connection = undefined;
        await connection.close();
      }
      throw error;
    }
  }

  /** Ends calls that are under way, logs out, and closes the connections. Never throws; transfers go on. */
  async disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  /** {@link disconnect} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  async invoke<M extends MethodName>(
    method: M,
    target: MoRef,
    args: MethodArgs<M>,
    options: AbortableOptions = {},
  ): Promise<MethodResult<M>> {
    throwIfAborted(options.signal);
    if (this.#connection === undefined) throw this.#notConnected();
    return this.#connection.invoke(method, target, args, options);
  }

  async download(url: string, options: TransferOptions = {}): Promise<Download> {
    return download(url, options, this.#transferSession());
  }

  async upload(url: string, source: Readable, options: UploadOptions): Promise<void> {
    await upload(url, source, options, this.#transferSession());
  }

  /** Where it is connected, and whether; no secret. */
  toJSON(): Record<string, unknown> {
    return { host: this.host, port: this.port, connected: this.#connection?.login !== undefined };
  }

  /** As {@link toJSON}. */
  [inspect.custom](): string {
    return `SoapVimSession ${inspect(this.toJSON())}`;
  }

  #transferSession(): TransferSession {
    const { peer, trust, nfcThumbprint } = this.#settings;
    return { peer, trust, nfcThumbprint, cookie: this.#connection?.login?.cookies.header() };
  }

  #notConnected(): VimConnectionError {
    return new VimConnectionError('the session is not connected', 'not-sent', { retryable: false });
  }
}
