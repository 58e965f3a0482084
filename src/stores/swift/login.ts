import { boundedCall } from '../../bounded-call.js';
import { StoreError } from '../../errors/index.js';
import { longestTimerMs } from '../../time-limit.js';
import type { HttpClient } from '../http/http-client.js';
import { provided } from '../http/provided.js';
import { withRetries } from '../http/retry.js';
import { loginAtKeystone } from './keystone.js';
import { type SwiftAuth, swiftTokenSchema, type TokenAuth } from './swift-auth.js';
import type { SwiftSession } from './swift-session.js';
import { loginByTempauth } from './tempauth.js';

/** Gets a token, by whatever way. */
export async function login(http: HttpClient, auth: SwiftAuth, delaysMs: readonly number[]): Promise<SwiftSession> {
  if (auth.kind === 'token') return loginByToken(http, auth);
  // Its head and its body are both short, and none may be silent for longer. All requests wait for it: one that dripped would hold them.
  const limitMs = Math.min(2 * http.stallTimeoutMs, longestTimerMs);
  return withRetries({ delaysMs }, () =>
    boundedCall({
      call: () => (auth.kind === 'tempauth' ? loginByTempauth(http, auth) : loginAtKeystone(http, auth)),
      limitMs,
      onTimeUp: () => new StoreError('stalled', `${new URL(auth.url).host}: the login took more than ${limitMs} ms`),
    }),
  );
}

async function loginByToken(http: HttpClient, auth: TokenAuth): Promise<SwiftSession> {
  const { token, storageUrl, expires } = await provided({
    what: 'the token of Swift',
    provide: () => auth.get(),
    schema: swiftTokenSchema,
    limitMs: http.stallTimeoutMs,
  });
  return { token, storageUrl, expiresAtMs: expires };
}
