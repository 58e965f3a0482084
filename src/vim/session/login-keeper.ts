import { copyOf } from '../../errors/foreign-error.js';
import { InvalidLoginError, VimConnectionError, VmdkDriverError } from '../../errors/index.js';
import { untilAborted } from '../../until-aborted.js';
import type { CookieJar } from '../http/cookie-jar.js';
import type { VimObject } from '../schema/index.js';

/** A successful login. */
export interface Login {
  readonly cookies: CookieJar;
  readonly serviceContent: VimObject<'ServiceContent'>;
}

/**
 * Holds the current login and renews it, once for however many calls found it expired.
 *
 * A server that refuses the login for good is not asked again: servers lock accounts that try too often. Each caller gets
 * an error of its own, since each operation notes on it what became of it.
 */
export class LoginKeeper {
  readonly #logIn: () => Promise<Login>;
  #current: Login | undefined;
  #renewal: Promise<Login> | undefined;
  #refusal: InvalidLoginError | undefined;

  constructor(logIn: () => Promise<Login>) {
    this.#logIn = logIn;
  }

  get current(): Login | undefined {
    return this.#current;
  }

  /**
   * Logs in, unless that was done since `stale` was the current login.
   *
   * @throws InvalidLoginError from then on always
   * @throws VimConnectionError always `not-sent`: whatever became of the login, the call that needs it was not carried out
   * @throws AbortError
   */
  async renew(stale: Login | undefined, signal: AbortSignal | undefined): Promise<Login> {
    if (this.#refusal !== undefined) throw copyOf(this.#refusal);
    if (this.#current !== undefined && this.#current !== stale) return this.#current;
    this.#renewal ??= this.#renew();
    try {
      return await untilAborted(this.#renewal, signal);
    } catch (error) {
      throw error instanceof VmdkDriverError ? copyOf(error) : error;
    }
  }

  async #renew(): Promise<Login> {
    try {
      this.#current = await this.#logIn();
      return this.#current;
    } catch (error) {
      if (error instanceof InvalidLoginError) this.#refusal = error;
      if (!(error instanceof VimConnectionError)) throw error;
      throw new VimConnectionError(`cannot log in: ${error.message}`, 'not-sent', {
        cause: error,
        retryable: error.retryable,
      });
    } finally {
      this.#renewal = undefined;
    }
  }
}
