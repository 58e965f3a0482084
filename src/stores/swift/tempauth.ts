import { StoreError } from '../../errors/index.js';
import { rememberSecrets } from '../../errors/known-secrets.js';
import type { HttpClient } from '../http/http-client.js';
import { textOfAnswer } from '../http/read-answer.js';
import { swiftTokenSchema, type TempAuth } from './swift-auth.js';
import { statusError } from './swift-errors.js';
import type { SwiftSession } from './swift-session.js';

/** Logs in by Swift's v1 authentication: the answer's head has it all. */
export async function loginByTempauth(http: HttpClient, { url: text, user, key }: TempAuth): Promise<SwiftSession> {
  const url = new URL(text);
  const what = `${url.host}: the login failed`;
  rememberSecrets(key);
  const answer = await http.send({ method: 'GET', url, headers: { 'x-auth-user': user, 'x-auth-key': key } });
  const { statusCode: status = 0, headers } = answer;
  const body = await textOfAnswer(answer, { stallTimeoutMs: http.stallTimeoutMs, peer: url.host });
  if (status < 200 || status > 299) throw statusError(what, answer, body);
  const { 'x-auth-token': token, 'x-storage-url': storageUrl } = headers;
  const parsed = swiftTokenSchema.safeParse({ token, storageUrl });
  if (!parsed.success) throw new StoreError('protocol', `${what}: it was not answered with a token and a URL`);
  const seconds = Number(headers['x-auth-token-expires'] ?? Number.NaN);
  return {
    ...parsed.data,
    ...(Number.isFinite(seconds) ? { expiresAtMs: Date.now() + seconds * 1000 } : {}),
  };
}
