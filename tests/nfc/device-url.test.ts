import { describe, expect, test } from '@jest/globals';
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

  test('an empty thumbprint is none', () => {
    expect(pickDiskUrl(info(device({ sslThumbprint: '' })), session).thumbprint).toBeUndefined();
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
