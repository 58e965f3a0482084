import type { Clock } from './clock.js';
import type { EndedSessionAnswer, Settings } from './options.js';
import { Session } from './session.js';

const cookieName = 'vmware_soap_session';

/** Of how many ended sessions it is remembered how they are answered. */
const REMEMBERED = 1000;

/** How often sessions that nobody uses any more are looked for, in milliseconds. */
const SWEEP_MS = 60_000;

/** Who is logged in. */
export class Sessions {
  readonly #byCookie = new Map<string, Session>();
  /** How calls of ended sessions are answered, by their cookies. */
  readonly #ended = new Map<string, EndedSessionAnswer>();
  readonly #settings: Settings;
  readonly #clock: Clock;
  #sweptAt = 0;

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** The sessions that have not ended. */
  get active(): readonly Session[] {
    return [...this.#byCookie.values()].filter((session) => !this.#expire(session));
  }

  open(client: { userName: string; userAgent: string; ipAddress: string; locale: string }): Session {
    this.#sweep();
    const session = new Session(client, this.#clock);
    this.#byCookie.set(session.cookie, session);
    return session;
  }

  /** The session a request's `Cookie` header names, or undefined where it names none that is alive. */
  find(cookieHeader: string | undefined): Session | undefined {
    for (const value of sessionCookies(cookieHeader)) {
      const session = this.withCookie(value);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  /** How a call is answered whose `Cookie` header names a session that has ended; undefined where it names none that ever was. */
  answerOfEnded(cookieHeader: string | undefined): EndedSessionAnswer | undefined {
    return sessionCookies(cookieHeader).flatMap((value) => this.#ended.get(unquoted(value)) ?? [])[0];
  }

  /**
   * The session of a cookie's value, or undefined where there is none that is alive. The value is in quotes where it was set:
   * clients hand it on with them (Python's) or without (Go's).
   */
  withCookie(value = ''): Session | undefined {
    const session = this.#byCookie.get(unquoted(value));
    return session === undefined || this.#expire(session) ? undefined : session;
  }

  /** @param answer - what its further calls are answered with @defaultValue as the settings say */
  close(session: Session, answer: EndedSessionAnswer = this.#settings.endedSessions): void {
    this.#byCookie.delete(session.cookie);
    this.#ended.set(session.cookie, answer);
    for (const cookie of this.#ended.keys()) {
      if (this.#ended.size <= REMEMBERED) break;
      this.#ended.delete(cookie);
    }
    session.end();
  }

  closeAll(answer?: EndedSessionAnswer): void {
    for (const session of [...this.#byCookie.values()]) this.close(session, answer);
  }

  /** Ends the sessions of clients that went away without a word: nothing else would ever look at them. */
  #sweep(): void {
    if (this.#clock.now() - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = this.#clock.now();
    for (const session of [...this.#byCookie.values()]) this.#expire(session);
  }

  /** Ends the session if it was idle for too long. */
  #expire(session: Session): boolean {
    const idleMs = this.#clock.now() - session.lastActiveTime.getTime();
    const expired = session.inFlight === 0 && idleMs > this.#settings.sessionIdleMs;
    if (expired) this.close(session);
    return expired;
  }
}

function sessionCookies(cookieHeader = ''): string[] {
  return cookieHeader.split(';').flatMap((cookie) => {
    const [name, value = ''] = cookie.trim().split('=', 2);
    return name === cookieName ? [value] : [];
  });
}

function unquoted(value: string): string {
  return value.replaceAll('"', '');
}

/** The `Set-Cookie` header that hands a session to its client. */
export function setCookie({ cookie }: Session): string {
  return `${cookieName}="${cookie}"; Path=/; HttpOnly; Secure;`;
}
