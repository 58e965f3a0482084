import type { IncomingMessage } from 'node:http';
import { ObjectNotFoundError, StoreError } from '../../errors/index.js';
import { rememberSecrets } from '../../errors/known-secrets.js';
import type { HttpClient } from '../http/http-client.js';
import { provided } from '../http/provided.js';
import { chunksOfAnswer, discardAnswer, type ReadAnswerOptions } from '../http/read-answer.js';
import { type Expiring, Renewable } from '../http/renewable.js';
import { withRetries } from '../http/retry.js';
import type { StoreClientOptions, StoreRequest } from '../http/store-request.js';
import { childText, readXml, type XmlElement } from './read-xml.js';
import { S3Address, type S3Query } from './s3-address.js';
import { type S3CredentialsProvider, s3CredentialsSchema, type S3Keys } from './s3-credentials.js';
import { isExpired, s3Error, type S3Refusal } from './s3-errors.js';
import { loadSigner, type Sign } from './sign.js';

/** One request to a bucket. */
export interface S3Request extends StoreRequest {
  /** The object's whole key, prefix included; empty for the bucket itself. */
  readonly path: string;
  readonly query?: S3Query | undefined;
  /** Whether it asks for a lock, which not every bucket has. */
  readonly locks?: boolean | undefined;
}

/** How a client is set up. */
export interface S3ClientOptions extends StoreClientOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly isPathStyle: boolean;
  readonly credentials: S3Keys | S3CredentialsProvider;
}

interface Keys extends Expiring {
  readonly credentials: S3Keys;
}

/** Signed requests to a bucket, tried again where that is safe. */
export class S3Client {
  readonly address: S3Address;
  readonly peer: string;
  readonly retryDelaysMs: readonly number[];
  readonly #http: HttpClient;
  readonly #keys: Renewable<Keys>;
  readonly #region: string;
  readonly #canRenew: boolean;
  #sign: Sign | undefined;
  /** What has to be added to this machine's clock to have the store's, in milliseconds. */
  #skewMs = 0;

  constructor({ endpoint, region, bucket, isPathStyle, credentials, http, retryDelaysMs }: S3ClientOptions) {
    this.address = new S3Address(endpoint, bucket, isPathStyle);
    this.peer = this.address.url('').host;
    this.retryDelaysMs = retryDelaysMs;
    this.#http = http;
    this.#region = region;
    this.#canRenew = typeof credentials === 'function';
    this.#keys = new Renewable(async () => {
      const keys = typeof credentials === 'function' ? await this.#provided(credentials) : credentials;
      return { credentials: keys, expiresAtMs: keys.expiration };
    });
  }

  /** What the store's clock says, as far as its answers told. */
  now(): Date {
    return new Date(Date.now() + this.#skewMs);
  }

  /** How answers are read. */
  reading(signal: AbortSignal | undefined): ReadAnswerOptions {
    return { stallTimeoutMs: this.#http.stallTimeoutMs, peer: this.peer, signal };
  }

  /**
   * Sends the request until it is answered with success, or with a status that it accepts. The answer's body has to be read or
   * destroyed.
   *
   * @throws StoreError
   * @throws ObjectNotFoundError where S3 says that there is no such key
   */
  async send(request: S3Request): Promise<IncomingMessage> {
    const { signal, isSafe } = request;
    return withRetries({ delaysMs: this.retryDelaysMs, signal, isSafe }, () => this.#sendOnce(request, this.#canRenew));
  }

  /** The XML that the request is answered with. */
  async sendForXml(request: S3Request): Promise<XmlElement> {
    const { signal, isSafe, what } = request;
    // A broken answer is asked for again as a whole.
    return withRetries({ delaysMs: this.retryDelaysMs, signal, isSafe }, async () => {
      const answer = await this.#sendOnce(request, this.#canRenew);
      return readXml(chunksOfAnswer(answer, this.reading(signal)), `${this.peer}: ${what}`);
    });
  }

  /** Sends a request whose answer has nothing to say but its head. */
  async sendForHead(request: S3Request): Promise<IncomingMessage> {
    const answer = await this.send(request);
    await discardAnswer(answer, this.reading(request.signal));
    return answer;
  }

  async #sendOnce(request: S3Request, mayRenew: boolean): Promise<IncomingMessage> {
    const { method, path, query = {}, headers = {}, body, accepts = [], signal } = request;
    const keys = await this.#keys.get(signal);
    const { secretAccessKey, sessionToken = '' } = keys.credentials;
    // Each time: of all secrets, those that were met longest ago are forgotten.
    rememberSecrets(secretAccessKey, sessionToken);
    const url = this.address.url(path, query);
    const sign = (this.#sign ??= await loadSigner(this.#region));
    const signed = await sign({ method, url, query, headers }, keys.credentials, new Date());
    const answer = await this.#http.send({ method, url, headers: signed, body, signal });
    const { statusCode: status = 0 } = answer;
    const dateMs = Date.parse(answer.headers.date ?? '');
    if (Number.isFinite(dateMs)) this.#skewMs = dateMs - Date.now();
    if ((status >= 200 && status < 300) || accepts.includes(status)) return answer;
    const refusal = await this.#refusalOf(answer, request);
    if (isExpired(refusal) && mayRenew) {
      this.#keys.invalidate(keys);
      return this.#sendOnce(request, false);
    }
    if (refusal.code === 'NoSuchKey') throw new ObjectNotFoundError(path);
    throw s3Error(`${this.peer}: ${request.what}`, refusal, request.locks);
  }

  #provided(provide: S3CredentialsProvider): Promise<S3Keys> {
    const { stallTimeoutMs: limitMs } = this.#http;
    return provided({ what: 'the keys of S3', provide, schema: s3CredentialsSchema, limitMs });
  }

  async #refusalOf(answer: IncomingMessage, { what, signal }: S3Request): Promise<S3Refusal> {
    const { statusCode: status = 0, headers } = answer;
    const element = await readXml(chunksOfAnswer(answer, this.reading(signal)), what).catch((error: unknown) => {
      // A HEAD has no body, and a proxy's own page is not XML.
      if (error instanceof StoreError) return undefined;
      throw error;
    });
    const said = (name: string) => (element === undefined ? '' : (childText(element, name) ?? ''));
    return { status, headers, code: said('Code'), message: said('Message') };
  }
}
