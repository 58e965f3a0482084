import { setMaxListeners } from 'node:events';
import { throwIfAborted, VimConnectionError, VimProtocolError } from '../../errors/index.js';
import { rememberSecrets } from '../../errors/known-secrets.js';
import { reasonOf } from '../../errors/reason-of.js';
import { Places } from '../../stream/places.js';
import { longestTimerMs } from '../../time-limit.js';
import { lostAnswer } from '../conform-answer.js';
import { CookieJar } from '../http/cookie-jar.js';
import { SoapTransport } from '../http/soap-transport.js';
import { serviceInstance } from '../look-again.js';
import {
  type MethodArgs,
  type MethodName,
  type MethodResult,
  methods,
  type MoRef,
  type ServiceName,
  serviceOf,
  services,
} from '../schema/index.js';
import { SoapClient, type SoapHeader } from '../soap/soap-client.js';
import { authority } from '../tls/peer.js';
import type { AbortableOptions } from '../vim-session.js';
import { isVersionRefusal, newestVersion, versionRefusal, versionsPath } from './api-version.js';
import { type Backoff, withRetries } from './backoff.js';
import { type Login, LoginKeeper } from './login-keeper.js';
import { loginRefusal } from './login-refusal.js';
import { expired, refuseUnauthenticated, saysExpired, saysNothing } from './session-end.js';
import type { SessionSettings } from './session-options.js';

const backoff: Backoff = { tries: 4, firstDelayMs: 250, maxDelayMs: 5_000 };

/** How often one call is repeated after a new login: once is normal, twice if the server restarts meanwhile. */
const maxReplays = 2;

/**
 * How many calls the server is asked at a time. Each takes a connection and a thread of the server, and one more does not make
 * the others faster; thousands of operations may be under way at once.
 */
const mostCalls = 32;

/** They only wait, or keep or end what is under way, one for each at most: they need no place, and wait for nobody. */
const withoutPlace: ReadonlySet<MethodName> = new Set<MethodName>([
  'WaitForUpdatesEx',
  'HttpNfcLeaseProgress',
  'HttpNfcLeaseComplete',
  'HttpNfcLeaseAbort',
  'CancelTask',
]);

/** How long the goodbye may take, in milliseconds. */
const logoutTimeoutMs = 10_000;

/** How long a server lets `WaitForUpdatesEx` wait that was given no limit, in seconds. */
const unlimitedWaitSeconds = 1_800;

/** One logged-in connection, from connect to disconnect. */
export class ServerConnection {
  readonly #settings: SessionSettings;
  readonly #transport: SoapTransport;
  readonly #clients = new Map<ServiceName, Promise<SoapClient>>();
  readonly #closed = new AbortController();
  readonly #keeper = new LoginKeeper(() => this.#logIn());
  readonly #places = new Places(mostCalls);
  #keepAliveTimer: NodeJS.Timeout | undefined;
  #keepingAlive = false;
  #opening = 0;

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    const { username, password } = settings;
    rememberSecrets(password, Buffer.from(`${username}:${password}`).toString('base64'));
    // Every call under way listens to it.
    setMaxListeners(0, this.#closed.signal);
    this.#transport = new SoapTransport(settings.peer, settings.trust);
  }

  /** The current login; `undefined` before the first. */
  get login(): Login | undefined {
    return this.#keeper.current;
  }

  /** Whether a call of {@link open} is under way. */
  get isOpening(): boolean {
    return this.#opening > 0;
  }

  /** Logs in, and from then on keeps the session from expiring. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    this.#opening++;
    try {
      await this.#keeper.renew(undefined, signal);
    } finally {
      this.#opening--;
    }
    if (this.#closed.signal.aborted) return;
    this.#keepAliveTimer ??= setInterval(() => {
      void this.#keepAlive();
    }, this.#settings.keepAliveIntervalMs).unref();
  }

  /** Ends calls that are under way, logs out, and closes the connections. Never throws. */
  async close(): Promise<void> {
    clearInterval(this.#keepAliveTimer);
    this.#closed.abort();
    const login = this.#keeper.current;
    try {
      const sessionManager = login?.serviceContent.sessionManager;
      if (login !== undefined && sessionManager !== undefined) {
        await this.#call('Logout', sessionManager, {}, login.cookies, { silenceMs: logoutTimeoutMs });
      }
    } catch (error) {
      this.#settings.logger.debug({ err: error }, 'logout failed; the server ends the session by itself');
    } finally {
      this.#transport.close();
    }
  }

  /** Calls a method as {@link VimSession.invoke} promises it. */
  invoke<M extends MethodName>(
    method: M,
    target: MoRef,
    args: MethodArgs<M>,
    { signal }: AbortableOptions,
  ): Promise<MethodResult<M>> {
    return withRetries(
      () => this.#invokeLoggedIn(method, target, args, signal),
      (error) => mayRepeat(method, error),
      backoff,
      signal,
    ) as Promise<MethodResult<M>>;
  }

  async #invokeLoggedIn(
    method: MethodName,
    target: MoRef,
    args: object,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    using _place = withoutPlace.has(method) ? undefined : await this.#places.take(signal);
    for (let replays = 0; ; replays++) {
      throwIfAborted(signal);
      const login = this.#keeper.current ?? (await this.#keeper.renew(undefined, signal));
      try {
        const silenceMs = Math.min(this.#settings.requestTimeoutMs + longPollMs(method, args), longestTimerMs);
        const sessionSignal = this.#closed.signal;
        const result = await this.#call(method, target, args, login.cookies, { silenceMs, signal, sessionSignal });
        refuseUnauthenticated(method, result);
        if (saysNothing(method, args, result) && !(await this.#isLoggedIn(login, signal))) throw expired(method);
        return result;
      } catch (error) {
        // A call so refused had no effect, whatever its method: it can be repeated.
        if (!saysExpired(method, error) || replays >= maxReplays) throw lostAnswer(method, error);
        this.#settings.logger.info({ method }, 'the session expired; logging in again');
        await this.#keeper.renew(login, signal);
      }
    }
  }

  /**
   * Whether a login is still the server's session, asked by reading that session itself (`SessionManager.currentSession`):
   * whoever has none gets nothing, or a fault. Where the answer is neither, `CurrentTime` tells, which needs a session too.
   */
  async #isLoggedIn({ cookies, serviceContent }: Login, signal: AbortSignal | undefined): Promise<boolean> {
    const { propertyCollector, sessionManager } = serviceContent;
    const limits = { silenceMs: this.#settings.requestTimeoutMs, signal, sessionSignal: this.#closed.signal };
    const currentSession = { type: 'SessionManager', pathSet: ['currentSession'] };
    const specSet = [{ propSet: [currentSession], objectSet: [{ obj: sessionManager }] }];
    const args = { specSet, options: {} };
    try {
      const result = await this.#call('RetrievePropertiesEx', propertyCollector, args, cookies, limits);
      refuseUnauthenticated('RetrievePropertiesEx', result);
      const [object] = (result as MethodResult<'RetrievePropertiesEx'>)?.objects ?? [];
      if (object === undefined) return false;
      const isShown = object.propSet?.some(({ name }) => name === 'currentSession') === true;
      if (!isShown) await this.#call('CurrentTime', serviceInstance, {}, cookies, limits);
      return true;
    } catch (error) {
      if (saysExpired('RetrievePropertiesEx', error)) return false;
      throw error;
    }
  }

  async #logIn(): Promise<Login> {
    const cookies = new CookieJar();
    const limits = { silenceMs: this.#settings.requestTimeoutMs, sessionSignal: this.#closed.signal };
    const repeating = <M extends MethodName>(method: M, target: MoRef, args: MethodArgs<M>): Promise<MethodResult<M>> =>
      withRetries(
        () => this.#call(method, target, args, cookies, limits),
        (error) => mayRepeat(method, error),
        backoff,
        this.#closed.signal,
      ) as Promise<MethodResult<M>>;
    const serviceContent = await repeating('RetrieveServiceContent', serviceInstance, {}).catch((error: unknown) =>
      this.#refuseOldVersion(error),
    );
    if (serviceContent.sessionManager === undefined) throw new VimProtocolError('the server has no session manager');
    const { username: userName, password } = this.#settings;
    try {
      // In English, so that messages are in the language of this library's own.
      await repeating('Login', serviceContent.sessionManager, { userName, password, locale: 'en' });
    } catch (error) {
      throw loginRefusal(error, authority(this.#settings.peer));
    }
    return { cookies, serviceContent };
  }

  /** Says what the server speaks where that is not this library's version of the API. */
  async #refuseOldVersion(error: unknown): Promise<never> {
    if (!isVersionRefusal(error)) throw error;
    const limits = { silenceMs: this.#settings.requestTimeoutMs, sessionSignal: this.#closed.signal };
    const spoken = await this.#transport.get(versionsPath, limits).then(newestVersion, () => undefined);
    throw versionRefusal(authority(this.#settings.peer), spoken, error);
  }

  async #call(
    method: MethodName,
    target: MoRef,
    args: object,
    cookies: CookieJar,
    limits: { silenceMs: number; signal?: AbortSignal | undefined; sessionSignal?: AbortSignal | undefined },
  ): Promise<unknown> {
    const service = serviceOf(method);
    const client = await this.#client(service);
    const reuseConnection = methods[method].idempotent;
    return client.call(
      method,
      target,
      args,
      (body, headers, reply) =>
        this.#transport.exchange({ service, body, headers, cookies, reuseConnection, reply, ...limits }),
      headerFor(service, cookies),
    );
  }

  /** Made when a service is first called: few need the storage policy service. */
  #client(service: ServiceName): Promise<SoapClient> {
    let client = this.#clients.get(service);
    if (client === undefined) {
      const endpoint = `https://${authority(this.#settings.peer)}${services[service].path}`;
      client = SoapClient.create(endpoint, service).catch((error: unknown) => {
        // The next call tries anew.
        this.#clients.delete(service);
        throw new VimConnectionError(`no SOAP client can be made: ${reasonOf(error)}`, 'not-sent', { cause: error });
      });
      this.#clients.set(service, client);
    }
    return client;
  }

  async #keepAlive(): Promise<void> {
    if (this.#keepingAlive) return;
    this.#keepingAlive = true;
    try {
      // It needs a session and no privilege that a backup's user lacks; SessionIsActive needs one.
      await this.invoke('CurrentTime', serviceInstance, {}, { signal: this.#closed.signal });
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#settings.logger.warn({ err: error }, 'keeping the session alive failed');
    } finally {
      this.#keepingAlive = false;
    }
  }
}

/** Services beside vim25 are told the session in the envelope: there the cookie header alone does not count. */
function headerFor(service: ServiceName, { session }: CookieJar): SoapHeader | undefined {
  return service === 'vim25' || session === undefined ? undefined : { vcSessionCookie: session };
}

function mayRepeat(method: MethodName, error: unknown): boolean {
  return (
    error instanceof VimConnectionError &&
    error.retryable &&
    (error.outcome === 'not-sent' || methods[method].idempotent)
  );
}

function longPollMs(method: MethodName, args: object): number {
  if (method !== 'WaitForUpdatesEx') return 0;
  const { options } = args as MethodArgs<'WaitForUpdatesEx'>;
  return (options?.maxWaitSeconds ?? unlimitedWaitSeconds) * 1_000;
}
