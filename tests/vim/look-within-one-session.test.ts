import { expect, test } from '@jest/globals';
import type { MoRef, VimSession } from '../../src/index.js';
import { lookWithinOneSession } from '../../src/vim/look-within-one-session.js';

const sessionManager: MoRef = { type: 'SessionManager', value: 'SessionManager' };
const session = {
  userName: 'u',
  fullName: '',
  loginTime: '2026-01-01T00:00:00Z',
  lastActiveTime: '2026-01-01T00:00:00Z',
  locale: 'en',
  messageLocale: 'en',
};

/** A session that shows these keys, one after the other, when it is asked which it is; `undefined`: none. */
function showing(...keys: readonly (string | undefined)[]): { readonly vim: VimSession; asked: number } {
  const shown = { asked: 0 } as { vim: VimSession; asked: number };
  const invoke = () => {
    const key = keys[Math.min(shown.asked++, keys.length - 1)];
    const propSet = key === undefined ? [] : [{ name: 'currentSession', val: { ...session, key } }];
    return Promise.resolve({ objects: [{ obj: sessionManager, propSet }] });
  };
  shown.vim = { serviceContent: { sessionManager }, invoke } as unknown as VimSession;
  return shown;
}

const nothing = () => Promise.resolve(undefined);

test('an absence is believed of one session; the next look asks once for its end', async () => {
  const shown = showing('a');
  expect(await lookWithinOneSession(shown.vim, nothing, {})).toBeUndefined();
  expect(shown.asked).toBe(2);
  expect(await lookWithinOneSession(shown.vim, nothing, {})).toBeUndefined();
  expect(shown.asked).toBe(3);
});

test('where the session was another before, it looks again', async () => {
  const shown = showing('a', 'b', 'b');
  let looks = 0;
  expect(
    await lookWithinOneSession(shown.vim, async () => (++looks === 1 ? undefined : nothing()), {}),
  ).toBeUndefined();
  expect(looks).toBe(2);
});

test.each([
  ['that ends again and again', showing('a', 'b', 'c', 'd')],
  ['that the server does not show', showing(undefined)],
])('nothing is believed gone by a session %s; what is seen is', async (_which, { vim }) => {
  await expect(lookWithinOneSession(vim, nothing, {})).rejects.toMatchObject({
    code: 'VIM_CONNECTION_FAILED',
    outcome: 'unknown',
  });
  expect(await lookWithinOneSession(vim, () => Promise.resolve('seen'), {})).toBe('seen');
});
