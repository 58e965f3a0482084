import { inspect } from 'node:util';
import { rememberSecrets } from '../../errors/known-secrets.js';

/** The name every vSphere server gives its session's cookie. */
const sessionCookie = 'vmware_soap_session';

/** A shorter value of another cookie says something, such as a language, and is no secret. */
const shortestSecret = 16;

interface Cookie {
  readonly value: string;
  /** When it stops counting, in milliseconds since 1970; with the session where absent. */
  readonly expiresAt: number | undefined;
}

/**
 * The cookies of one login, for the session's own server only. A new login starts with a new jar, so that a late reply to
 * a call of the old one cannot put a stale cookie into it.
 */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Takes the cookies of a reply's `Set-Cookie` headers. */
  store(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [pair = '', ...attributes] = setCookie.split(';');
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      if (equals < 1 || name === '') continue;
      // As it came: vSphere's value is a quoted string, and the quotes are part of it.
      const value = pair.slice(equals + 1).trim();
      this.#cookies.set(name, { value, expiresAt: expiryOf(attributes) });
      if (name === sessionCookie || value.length >= shortestSecret) rememberSecrets(unquoted(value));
    }
  }

  /** The `Cookie` header; `undefined` where there are none. */
  header(): string | undefined {
    this.#dropExpired();
    if (this.#cookies.size === 0) return undefined;
    return [...this.#cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  }

  /** The session's cookie, without the quotes around its value. */
  get session(): string | undefined {
    this.#dropExpired();
    const cookie = this.#cookies.get(sessionCookie);
    return cookie && unquoted(cookie.value);
  }

  /** The names only. */
  [inspect.custom](): string {
    return `CookieJar(${[...this.#cookies.keys()].join(', ')})`;
  }

  #dropExpired(): void {
    const now = Date.now();
    for (const [name, { expiresAt }] of this.#cookies) {
      if (expiresAt !== undefined && expiresAt <= now) this.#cookies.delete(name);
    }
  }
}

/** When a cookie with these attributes expires; `Max-Age` counts before `Expires` (RFC 6265, 4.1.2.2). */
function expiryOf(attributes: readonly string[]): number | undefined {
  const values = new Map(
    attributes.map((attribute) => {
      const [name = '', ...value] = attribute.split('=');
      return [name.trim().toLowerCase(), value.join('=').trim()] as const;
    }),
  );
  const maxAge = values.get('max-age');
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Date.now() + Number(maxAge) * 1_000;
  const expires = Date.parse(values.get('expires') ?? '');
  return Number.isNaN(expires) ? undefined : expires;
}

function unquoted(value: string): string {
  return value.replace(/^"(.*)"$/, '$1');
}
