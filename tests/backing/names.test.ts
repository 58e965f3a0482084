import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { flatDiskBacking, provisioningOf } from '../../src/backing/disk-backing.js';
import { isUuid, sameDiskUuid, spacedDiskUuid } from '../../src/backing/disk-uuid.js';
import { escapeInventoryName, unescapeInventoryName } from '../../src/backing/inventory-name.js';
import { VimProtocolError } from '../../src/errors/index.js';
import { formatDatastorePath, parseDatastorePath } from '../../src/model/datastore-path.js';
import { diskProvisionings } from '../../src/model/disk-kinds.js';

describe('datastore paths', () => {
  test.each([
    ['[ds] volume/volume.vmdk', { datastore: 'ds', folder: 'volume', file: 'volume.vmdk' }],
    ['[my ds (1)] a/b c/d.vmdk', { datastore: 'my ds (1)', folder: 'a/b c', file: 'd.vmdk' }],
    ['[ds] root.vmdk', { datastore: 'ds', folder: '', file: 'root.vmdk' }],
    ['[ds] folder/', { datastore: 'ds', folder: 'folder', file: '' }],
    ['[ds]', { datastore: 'ds', folder: '', file: '' }],
  ])('%s is taken apart', (path, parts) => {
    expect(parseDatastorePath(path)).toEqual(parts);
  });

  test.each(['', 'volume.vmdk', '[ds', '[] x'])('%j is none', (path) => {
    expect(() => parseDatastorePath(path)).toThrow(expect.objectContaining({ code: 'VIM_PROTOCOL' }));
  });

  test('go together again', () => {
    const path = '[ds] volume-1/volume-1_2.vmdk';
    expect(formatDatastorePath(parseDatastorePath(path))).toBe(path);
  });

  test.each([
    ['[ds[1]] volume-1/volume-1.vmdk', 'ds[1]', 'volume-1', 'volume-1.vmdk'],
    ['[[a] [b]] f/v.vmdk', '[a', '[b]] f', 'v.vmdk'],
    ['[]ds] v.vmdk', ']ds', '', 'v.vmdk'],
    ['[ds[1]]', 'ds[1]', '', ''],
    ['[ds]', 'ds', '', ''],
    ['[ds] ', 'ds', '', ''],
    ['[ds] folder/', 'ds', 'folder', ''],
    ['[ds] a/b] c/v.vmdk', 'ds', 'a/b] c', 'v.vmdk'],
    ['[ds]f/v.vmdk', 'ds', 'f', 'v.vmdk'],
    ['[d s (1)] f/v [x].vmdk', 'd s (1)', 'f', 'v [x].vmdk'],
  ])('a name in brackets may have some itself: %s', (path, datastore, folder, file) => {
    expect(parseDatastorePath(path)).toEqual({ datastore, folder, file });
  });

  test.each(['', 'ds/v.vmdk', '[ds', '[] v.vmdk'])('but for %j there is none', (path) => {
    expect(() => parseDatastorePath(path)).toThrow(VimProtocolError);
  });
});

describe('names in the inventory', () => {
  test('are kept as vCenter keeps them', () => {
    expect(escapeInventoryName('50% a/b\\c')).toBe('50%25 a%2fb%5cc');
    expect(unescapeInventoryName('50%25 a%2Fb%5Cc')).toBe('50% a/b\\c');
  });

  test('come back as they were', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '%', '/', '\\', '2', '5', 'f', 'F', 'c', 'C', ' ', 'ä') }),
        (name) => {
          expect(unescapeInventoryName(escapeInventoryName(name))).toBe(name);
        },
      ),
    );
  });
});

describe("a disk's UUID", () => {
  test('has the form the virtual disk manager takes', () => {
    expect(spacedDiskUuid('6000C29d-8a3b-4c5d-9e6f-0123456789ab')).toBe(
      '60 00 c2 9d 8a 3b 4c 5d-9e 6f 01 23 45 67 89 ab',
    );
  });

  test('is the same however it is spelt', () => {
    const uuid = '6000C29d-8a3b-4c5d-9e6f-0123456789ab';
    expect(sameDiskUuid(uuid, spacedDiskUuid(uuid).toUpperCase())).toBe(true);
    expect(sameDiskUuid(uuid, '6000C29d-8a3b-4c5d-9e6f-0123456789ac')).toBe(false);
  });

  test('is told from other ids', () => {
    expect(isUuid('6000C29d-8a3b-4c5d-9e6f-0123456789ab')).toBe(true);
    for (const other of ['', 'volume-1', '6000C29d8a3b4c5d9e6f0123456789ab', '6000C29d-8a3b-4c5d-9e6f-0123456789abc']) {
      expect(isUuid(other)).toBe(false);
    }
  });
});

describe("a disk's provisioning", () => {
  test.each(diskProvisionings)('%s is said to the server and read from it', (provisioning) => {
    expect(provisioningOf(flatDiskBacking(provisioning, ''))).toBe(provisioning);
  });

  test('is thick where the server says nothing of it', () => {
    const { thinProvisioned: _left, ...silent } = flatDiskBacking('thick', '[ds] a.vmdk');
    expect(provisioningOf(silent)).toBe('thick');
    expect(silent).toMatchObject({ diskMode: 'persistent', fileName: '[ds] a.vmdk' });
  });
});
