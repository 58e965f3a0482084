import { Session } from './session.js';

const cookieName = 'vmware_soap_session';

/** Who is logged in. */
export class Sessions {
  readonly #byCookie = new Map<string, Session>();
  readonly #idleMs: number;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** The sessions that have not ended. */
  get active(): readonly Session[] {
    return [...this.#byCookie.values()].filter((session) => !this.#expire(session));
  }

  open(client: { userName: string; userAgent: string; ipAddress: string; locale: string }): Session {
    const session = new Session(client);
    this.#byCookie.set(session.cookie, session);
    return session;
  }

  /** The session a request's `Cookie` header names, or undefined where it names none that is alive. */
  find(cookieHeader: string | undefined): Session | undefined {
    for (const cookie of (cookieHeader ?? '').split(';')) {
      const [name, value = ''] = cookie.trim().split('=', 2);
      if (name !== cookieName) continue;
      const session = this.withCookie(value);
      if (session !== undefined) return session;
    }
    return undefined;
  }

  /**
   * The session of a cookie's value, or undefined where there is none that is alive. The value is in quotes where it was set:
   * clients hand it on with them (Python's) or without (Go's).
   */
  withCookie(value = ''): Session | undefined {
    const session = this.#byCookie.get(value.replaceAll('"', ''));
    return session === undefined || this.#expire(session) ? undefined : session;
  }

  close(session: Session): void {
    this.#byCookie.delete(session.cookie);
    session.end();
  }

  closeAll(): void {
    for (const session of [...this.#byCookie.values()]) this.close(session);
  }

  /** Ends the session if it was idle for too long. */
  #expire(session: Session): boolean {
    const expired = session.inFlight === 0 && Date.now() - session.lastActiveTime.getTime() > this.#idleMs;
    if (expired) this.close(session);
    return expired;
  }
}

/** The `Set-Cookie` header that hands a session to its client. */
export function setCookie({ cookie }: Session): string {
  return `${cookieName}="${cookie}"; Path=/; HttpOnly; Secure;`;
}
