/** The longest text of a server's own in an error, in characters. */
const maxLength = 300;

/** A server's own words for one line of an error: without control characters, not too long, and without these secrets. */
export function errorText(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  for (const secret of secrets) {
    if (secret !== undefined && secret.length > 0) clean = clean.replaceAll(secret, '[hidden]');
  }
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}
