import type { StoreError } from '../../errors/index.js';
import type { HttpBody, HttpClient, HttpHeaders, HttpRequest } from './http-client.js';

/** One request to a store, whatever it speaks; what it is sent to is the store's own affair. */
export interface StoreRequest {
  readonly method: HttpRequest['method'];
  readonly headers?: HttpHeaders | undefined;
  readonly body?: HttpBody | undefined;
  /** What is done, for errors. */
  readonly what: string;
  /** Statuses that are no errors, beside those of success. */
  readonly accepts?: readonly number[] | undefined;
  /** Whether to try again after this error. */
  readonly isSafe?: ((error: StoreError) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the client of any store is set up with. */
export interface StoreClientOptions {
  readonly http: HttpClient;
  readonly retryDelaysMs: readonly number[];
}
