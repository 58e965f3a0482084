import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { VimProtocolError } from '../../src/errors/index.js';
import { pickDiskUrl, resolveHost } from '../../src/nfc/device-url.js';
import type { VimObject } from '../../src/vim/schema/index.js';

const session = { host: 'esx1.example', port: 443 };

describe('the host an ESXi writes for itself', () => {
  test.each([
    ['https://*/nfc/52/disk-0.vmdk', 'https://esx1.example:443/nfc/52/disk-0.vmdk'],
    ['https://*:902/nfc/52/disk-0.vmdk', 'https://esx1.example:902/nfc/52/disk-0.vmdk'],
    ['https://*?a=b', 'https://esx1.example:443?a=b'],
    ['https://*', 'https://esx1.example:443'],
    ['https://esx2.example/nfc/*/disk-0.vmdk', 'https://esx2.example/nfc/*/disk-0.vmdk'],
    ['https://10.0.0.1:443/nfc', 'https://10.0.0.1:443/nfc'],
    ['https://*.example/nfc', 'https://*.example/nfc'],
    ['HTTPS://*/nfc/52/disk-0.vmdk', 'https://esx1.example:443/nfc/52/disk-0.vmdk'],
    ['Https://*:902/nfc', 'https://esx1.example:902/nfc'],
    [' https://*/nfc\n', 'https://esx1.example:443/nfc'],
    ['https://2001:db8::5/nfc/52/disk-0.vmdk', 'https://[2001:db8::5]/nfc/52/disk-0.vmdk'],
    ['https://2001:db8:0:0:0:0:0:5:902/nfc', 'https://[2001:db8:0:0:0:0:0:5]:902/nfc'],
    ['https://fe80::1%eth0/nfc', 'https://[fe80::1]/nfc'],
    ['https://[fe80::1%25vmk0]:902/nfc', 'https://[fe80::1]:902/nfc'],
    ['https://[fe80::1%vmk0]/nfc', 'https://[fe80::1]/nfc'],
    ['https://[2001:db8::5]:443/nfc', 'https://[2001:db8::5]:443/nfc'],
  ])('%s becomes %s', (url, expected) => {
    expect(resolveHost(url, session)).toBe(expected);
  });

  test('an IPv6 address is put in brackets', () => {
    const v6 = { host: 'fe80::1', port: 8443 };
    expect(resolveHost('https://*/nfc', v6)).toBe('https://[fe80::1]:8443/nfc');
    expect(resolveHost('https://*:902/nfc', v6)).toBe('https://[fe80::1]:902/nfc');
    expect(new URL(resolveHost('https://*/nfc', v6)).port).toBe('8443');
  });
});

describe('a URL that cannot be used is refused without being shown', () => {
  const ticket = '52a2b6d4-ticket-2f7c';
  test.each([
    ['an address that is none', `https://2001:db8::zz/nfc/${ticket}/disk-0.vmdk`],
    ['a host that is none', `https://a b/nfc/${ticket}/disk-0.vmdk`],
    ['no host', `https:///nfc/${ticket}/disk-0.vmdk`],
    ['a port that is none', `https://h:99999/nfc/${ticket}/disk-0.vmdk`],
    ['no URL', `nfc/${ticket}/disk-0.vmdk`],
    ['in the clear', `http://h/nfc/${ticket}/disk-0.vmdk`],
    ['with credentials', `https://user:${ticket}@h/nfc/${ticket}/disk-0.vmdk`],
  ])('%s', (_name, url) => {
    const resolve = (): string => resolveHost(url, session);
    expect(resolve).toThrow(expect.objectContaining({ code: 'LEASE_FAILED' }));
    let error: unknown;
    try {
      resolve();
    } catch (thrown) {
      error = thrown;
    }
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(ticket);
  });
});

describe('the device URL of the one disk', () => {
  const device = (changes: object) => ({
    key: 'k',
    importKey: 'i',
    url: 'https://*/nfc/52/disk-0.vmdk',
    sslThumbprint: 'AB',
    disk: true,
    targetId: 'disk-0.vmdk',
    ...changes,
  });
  const info = (...deviceUrl: object[]) => ({ deviceUrl }) as unknown as VimObject<'HttpNfcLeaseInfo'>;

  test('is the disk’s, not the NVRAM’s or a CD image’s beside it', () => {
    const nvram = device({ key: 'n', disk: false, url: 'https://*/nfc/52/nvram' });
    const unsaid = device({ key: 'u', disk: undefined, url: 'https://*/nfc/52/unsaid' });
    expect(pickDiskUrl(info(nvram, unsaid, device({})), session)).toEqual({
      key: 'k',
      url: 'https://esx1.example:443/nfc/52/disk-0.vmdk',
      thumbprint: 'AB',
    });
  });

  test('an empty thumbprint is none, nor is an empty certificate one', () => {
    for (const empty of ['', '  ', undefined]) {
      const disk = pickDiskUrl(info(device({ sslThumbprint: empty, sslCertificate: empty })), session);
      expect(disk).toMatchObject({ thumbprint: undefined, certificate: undefined });
    }
    expect(pickDiskUrl(info(device({ sslCertificate: 'PEM' })), session).certificate).toBe('PEM');
  });

  test('its ticket, and those beside it, are secrets from then on', () => {
    const nvram = device({ disk: false, url: 'https://*/nfc/ticket-of-nvram/nvram' });
    pickDiskUrl(info(nvram, device({ url: 'https://*/nfc/ticket-of-disk/disk-0.vmdk?t=ticket-in-query' })), session);
    const said = 'ticket-of-nvram ticket-of-disk ticket-in-query disk-0.vmdk esx1.example';
    expect(new VimProtocolError(said).message).toBe('*** *** *** disk-0.vmdk esx1.example');
  });

  test.each([
    ['no URL at all', undefined],
    ['no disk', [device({ disk: false })]],
    ['two disks', [device({}), device({ key: 'l' })]],
  ])('a lease that offers %s is refused', (_what, deviceUrl) => {
    const lease = { deviceUrl } as unknown as VimObject<'HttpNfcLeaseInfo'>;
    expect(() => pickDiskUrl(lease, session)).toThrow(expect.objectContaining({ code: 'LEASE_FAILED' }));
  });
});
