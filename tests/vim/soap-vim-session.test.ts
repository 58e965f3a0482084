import { describe, expect, test } from '@jest/globals';
import { SoapVimSession } from '../../src/vim/index.js';
import { SoapServer } from './support/soap-server.js';

const root = { type: 'ServiceInstance', value: 'ServiceInstance' };

describe('SoapVimSession', () => {
  test('logs in, calls, logs out', async () => {
    await using server = await SoapServer.start();
    const vim = new SoapVimSession(server.options);
    await vim.connect();
    expect(vim.serviceContent.rootFolder).toEqual({ type: 'Folder', value: 'group-d1' });
    expect(await vim.invoke('CurrentTime', root, {})).toBe('2026-01-01T00:00:00Z');
    await vim.disconnect();
    expect(server.calls.map(({ method }) => method)).toEqual([
      'RetrieveServiceContent',
      'Login',
      'CurrentTime',
      'Logout',
    ]);
    expect(server.sessions.size).toBe(0);
  });
});
