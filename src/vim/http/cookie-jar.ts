import { inspect } from 'node:util';

/** The name every vSphere server gives its session's cookie. */
const sessionCookie = 'vmware_soap_session';

/**
 * The cookies of one login, for the session's own server only. A new login starts with a new jar, so that a late reply to
 * a call of the old one cannot put a stale cookie into it.
 */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** Takes the cookies of a reply's `Set-Cookie` headers. */
  store(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [pair = '', ...attributes] = setCookie.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      if (equals < 1 || name === '') continue;
      const removed = attributes.some((attribute) => /^\s*max-age\s*=\s*(?:0|-\d+)\s*$/i.test(attribute));
      if (removed) this.#cookies.delete(name);
      // As it came: vSphere's value is a quoted string, and the quotes are part of it.
      else this.#cookies.set(name, pair.slice(equals + 1).trim());
    }
  }

  /** The `Cookie` header; `undefined` where there are none. */
  header(): string | undefined {
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** The session's cookie, without the quotes around its value. */
  get session(): string | undefined {
    return this.#cookies.get(sessionCookie)?.replace(/^"(.*)"$/, '$1');
  }

  /** The values, for taking them out of texts. */
  values(): string[] {
    return [...this.#cookies.values()].map((value) => value.replace(/^"(.*)"$/, '$1'));
  }

  /** The names only. */
  [inspect.custom](): string {
    return `CookieJar(${[...this.#cookies.keys()].join(', ')})`;
  }
}
