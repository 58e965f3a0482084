import { StoreError } from '../../errors/index.js';
import type { HttpClient } from '../http/http-client.js';
import { withRetries } from '../http/retry.js';
import { loginAtKeystone } from './keystone.js';
import { type SwiftAuth, swiftTokenSchema, type TokenAuth } from './swift-auth.js';
import type { SwiftSession } from './swift-session.js';
import { loginByTempauth } from './tempauth.js';

/** Gets a token, by whatever way. */
export async function login(http: HttpClient, auth: SwiftAuth, delaysMs: readonly number[]): Promise<SwiftSession> {
  if (auth.kind === 'token') return provided(auth);
  return withRetries({ delaysMs }, () =>
    auth.kind === 'tempauth' ? loginByTempauth(http, auth) : loginAtKeystone(http, auth),
  );
}

async function provided(auth: TokenAuth): Promise<SwiftSession> {
  let given: unknown;
  try {
    given = await auth.get();
  } catch (cause) {
    throw new StoreError('credentials', 'the function that gives the token of Swift failed', { cause });
  }
  const parsed = swiftTokenSchema.safeParse(given);
  if (!parsed.success) {
    throw new StoreError('credentials', 'the function that gives the token of Swift gave something else');
  }
  const { token, storageUrl, expires } = parsed.data;
  return {
    token,
    storageUrl: storageUrl.replace(/\/+$/, ''),
    ...(expires === undefined ? {} : { expiresAtMs: expires.getTime() }),
  };
}
