import { fault } from '../fault.js';
import type { Handlers } from './handler.js';

export const sessionManagerMethods: Handlers<'Login' | 'Logout' | 'SessionIsActive'> = {
  Login({ settings, sessions }, _target, { userName, password, locale = 'en' }, caller) {
    // A client logs in once: within a session, a second login is refused like a wrong one.
    const users = [settings, ...settings.users];
    const isKnown = users.some((user) => user.username === userName && user.password === password);
    if (caller.session !== undefined || !isKnown) {
      throw fault('InvalidLogin', {}, 'Cannot complete login due to an incorrect user name or password.');
    }
    const { userAgent, ipAddress } = caller;
    caller.opened = sessions.open({ userName, userAgent, ipAddress, locale });
    return caller.opened.describe();
  },

  Logout({ sessions }, _target, _args, { session }) {
    if (session !== undefined) sessions.close(session);
    return undefined;
  },

  SessionIsActive: ({ sessions }, _target, { sessionID, userName }) =>
    sessions.active.some((session) => session.key === sessionID && session.userName === userName),
};
