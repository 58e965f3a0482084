import { randomBytes, randomUUID } from 'node:crypto';
import type { VimObject } from '../vim/schema/index.js';
import type { Clock } from './clock.js';
import type { Collector } from './properties/collector.js';

/** One login. */
export class Session {
  readonly key = randomUUID();
  /** The cookie's value: whoever has it is this session. */
  readonly cookie = randomBytes(20).toString('hex');
  readonly userName: string;
  readonly userAgent: string;
  readonly ipAddress: string;
  readonly locale: string;
  readonly loginTime: Date;
  lastActiveTime: Date;
  callCount = 0;
  /** Calls being answered now: while there are any, the session is not idle. */
  inFlight = 0;
  /** Its property collectors, by reference id; the default one too, once used. */
  readonly collectors = new Map<string, Collector>();
  readonly #clock: Clock;
  readonly #ended = new AbortController();

  constructor(client: { userName: string; userAgent: string; ipAddress: string; locale: string }, clock: Clock) {
    this.#clock = clock;
    this.loginTime = this.lastActiveTime = new Date(clock.now());
    this.userName = client.userName;
    this.userAgent = client.userAgent;
    this.ipAddress = client.ipAddress;
    this.locale = client.locale;
  }

  /** Aborted when the session ends, however it does. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Takes note that it is used. */
  touch(): void {
    this.lastActiveTime = new Date(this.#clock.now());
  }

  end(): void {
    this.#ended.abort();
    for (const collector of this.collectors.values()) collector.destroy();
    this.collectors.clear();
  }

  describe(): VimObject<'UserSession'> {
    return {
      key: this.key,
      userName: this.userName,
      fullName: this.userName,
      loginTime: this.loginTime.toISOString(),
      lastActiveTime: this.lastActiveTime.toISOString(),
      locale: this.locale,
      messageLocale: this.locale,
      extensionSession: false,
      ipAddress: this.ipAddress,
      userAgent: this.userAgent,
      callCount: this.callCount,
    };
  }
}
