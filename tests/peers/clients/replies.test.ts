import { expect } from '@jest/globals';
import { needing } from '../../support/needing.js';
import { canValidate, complaintsAbout } from '../support/envelopes.js';
import { ClientLab } from './support/client-lab.js';

const validated = needing(canValidate, "vSphere's schemas (../shared/wsdl) or xmllint are not here");

validated.test('a reply in another order, or without what it must have, is complained about', async () => {
  await using lab = await ClientLab.open('vcenter');
  const login = lab.exchanges.find(({ reply }) => reply.includes('<LoginResponse'))!;
  const altered = (pattern: RegExp, replacement: string) => {
    const reply = login.reply.replace(pattern, replacement);
    expect(reply).not.toBe(login.reply);
    return complaintsAbout([{ ...login, reply }]);
  };
  expect(complaintsAbout([login])).toEqual([]);
  expect(altered(/(<key>.*?<\/key>)(<userName>.*?<\/userName>)/, '$2$1').length).toBeGreaterThan(0);
  expect(altered(/<fullName>.*?<\/fullName>/, '').length).toBeGreaterThan(0);
  expect(altered(/<loginTime>.*?</, '<loginTime>yesterday<').length).toBeGreaterThan(0);
});
