/** How many secrets are remembered; those that were met longest ago are forgotten first. */
const mostSecrets = 1_000;

/** A shorter one is in every other word. */
const shortestSecret = 3;

/** Replaces what is known to be secret. */
interface KnownSecrets {
  add(secret: string): void;
  clean(text: string, longest?: number): string;
}

function createKnownSecrets(): KnownSecrets {
  /** The forms in which each secret may be met, by the secret. */
  const forms = new Map<string, readonly string[]>();
  /** All of them, the longest first: a short one that is a part of it would hide a long one. Made when they are needed. */
  let sorted: readonly string[] | undefined;
  return {
    add(secret) {
      if (secret.length < shortestSecret) return;
      const known = forms.get(secret);
      forms.delete(secret);
      forms.set(secret, known ?? formsOf(secret));
      const [oldest] = forms.keys();
      if (forms.size > mostSecrets && oldest !== undefined) forms.delete(oldest);
      if (known === undefined) sorted = undefined;
    },
    clean(text, longest = Infinity) {
      sorted ??= [...forms.values()].flat().sort((a, b) => b.length - a.length);
      let clean = text.slice(0, longest);
      for (const form of sorted) clean = clean.replaceAll(form, '***');
      if (text.length <= longest) return clean;
      // What is left at the end may be the beginning of a secret that was cut.
      const longestForm = sorted[0]?.length ?? 0;
      return clean.slice(0, Math.max(0, clean.length - longestForm));
    },
  };
}

/** Quotes as XML has them, and as HTML does, in the ways of Python, of Go and of PHP. */
const quotes = [
  ['&quot;', '&apos;'],
  ['&quot;', '&#x27;'],
  ['&#34;', '&#39;'],
  ['&quot;', '&#039;'],
] as const;

/** As it is, and as it stands in a URL, in XML, in HTML, in JSON and in base64. */
function formsOf(secret: string): string[] {
  const inXml = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    ...new Set([
      secret,
      inXml,
      ...quotes.map(([double, single]) => inXml.replaceAll('"', double).replaceAll("'", single)),
      encodeURIComponent(Buffer.from(secret).toString()),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('base64url'),
    ]),
  ].filter((form) => form.length >= shortestSecret);
}

// A process may hold the ESM and the CommonJS copy of this module: a registered symbol is the same in both.
const place: unique symbol = Symbol.for('vmdk-driver/known-secrets');
const holder = globalThis as typeof globalThis & { [place]?: KnownSecrets | undefined };
const knownSecrets: KnownSecrets = (holder[place] ??= createKnownSecrets());

/** Remembers passwords, cookies and tickets, so that no error says them, whatever a server echoes. */
export function rememberSecrets(...secrets: readonly string[]): void {
  for (const secret of secrets) knownSecrets.add(secret);
}

/**
 * A text without the secrets that are known.
 *
 * @param longest how much of it is looked at, in characters; what comes behind is left out. A text must not be cut before: a part of a
 *   secret is not known
 */
export function withoutSecrets(text: string, longest = Infinity): string {
  return knownSecrets.clean(text, longest);
}

/** A value of plain data without the secrets that are known, in its texts and in the names of its fields. */
export function dataWithoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(dataWithoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [withoutSecrets(name), dataWithoutSecrets(field)]),
  );
}
