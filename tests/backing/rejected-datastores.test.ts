import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { placeDisk } from '../../src/backing/placement.js';
import type { NoValidDatastoreError } from '../../src/index.js';
import type { DatastoreOptions, HostOptions } from '../../src/simulator/index.js';
import type { MethodArgs, MoRef, VimSession } from '../../src/vim/index.js';
import { bytesPerGiB, Lab } from '../driver/support/lab.js';
import { sessionWith } from '../driver/support/services.js';

const rows: [DatastoreOptions, RegExp][] = [
  [{ name: 'full', capacityBytes: 10 * bytesPerGiB, freeBytes: bytesPerGiB - 1 }, /bytes free/],
  [{ name: 'of another type', type: 'VFFS' }, /type VFFS/],
  [{ name: 'out of reach', accessible: false }, /not accessible/],
  [{ name: 'in maintenance', maintenanceMode: 'inMaintenance' }, /maintenance/],
  [{ name: 'entering maintenance', maintenanceMode: 'enteringMaintenance' }, /maintenance/],
  [{ name: 'read-only', mounts: [{ host: 'good', accessMode: 'readOnly' }] }, /mounted for writing/],
  [{ name: 'down', mounts: [{ host: 'good', accessible: false }] }, /mounted for writing/],
  [{ name: 'unmounted', mounts: [{ host: 'good', mounted: false }] }, /mounted for writing/],
  [{ name: "a lost host's", mounts: [{ host: 'lost' }] }, /no usable host/],
];
const hosts: HostOptions[] = [
  { name: 'good' },
  { name: 'lost', connectionState: 'notResponding' },
  { name: 'resting', inMaintenanceMode: true },
];

test('a disk that can go nowhere is refused with every datastore and host, and why it could not be taken', async () => {
  const datacenters = [
    { name: 'DC0', clusters: [{ name: 'C0', hosts }], datastores: rows.map(([options]) => options) },
  ];
  await using lab = await Lab.start({ simulator: { datacenters } });
  const volume = { id: randomUUID(), size: 1 };

  const error = await lab.refusedUnchanged(() => lab.driver.backupVolume({ id: 'b', volumeId: volume.id }, volume));

  const expected = [
    ...rows.map(([{ name }, reason]) => ({ name, reason: expect.stringMatching(reason) })),
    { name: 'lost', reason: 'host is notResponding' },
    { name: 'resting', reason: 'host is in maintenance mode' },
  ];
  expect(error).toMatchObject({ code: 'NO_VALID_DATASTORE', rejected: expect.arrayContaining(expected) });
  expect(error).toHaveProperty('rejected.length', expected.length);
  for (const [{ name }] of rows) expect(error.message).toContain(name);

  const elsewhere = lab.driverWith({ config: { clusters: ['C1'] } });
  expect(
    await lab.refusedUnchanged(() => elsewhere.backupVolume({ id: 'b', volumeId: volume.id }, volume)),
  ).toMatchObject({
    code: 'NO_VALID_HOST',
    rejected: expect.arrayContaining([{ name: 'C1', reason: 'no such cluster' }]),
  });
});

test('what may not be read is passed over, and named where nothing else is left', async () => {
  const datacenters = [
    { name: 'DC0', clusters: [{ name: 'C0', hosts: [{ name: 'h' }] }], datastores: [{ name: 'a' }, { name: 'b' }] },
    { name: 'DC1', clusters: [{ name: 'C1', hosts: [{ name: 'g' }] }], datastores: [{ name: 'c' }] },
  ];
  await using lab = await Lab.start({ simulator: { datacenters } });
  const rules = { clusters: undefined, datastoreRegex: undefined };
  const { datastore, datacenter } = await placeDisk(lab.vim, rules, bytesPerGiB, {});

  const another = await placeDisk(hiding(lab.vim, datastore), rules, bytesPerGiB, {});
  expect(another.datastore).not.toEqual(datastore);
  const elsewhere = await placeDisk(hiding(lab.vim, datacenter), rules, bytesPerGiB, {});
  expect(elsewhere.datacenter).not.toEqual(datacenter);

  const error: unknown = await placeDisk(hiding(lab.vim, 'Datastore'), rules, bytesPerGiB, {}).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'NO_VALID_DATASTORE' });
  expect((error as NoValidDatastoreError).rejected).toContainEqual({
    name: `Datastore ${datastore.value}`,
    reason: expect.stringContaining('NoPermission'),
  });
});

describe('a session that ends while a place is looked for', () => {
  const rules = { clusters: undefined, datastoreRegex: undefined };

  test.each(['session-missing-set', 'session-empty', 'session-blind'] as const)(
    'at any of the reads does not make the inventory an empty one: %s',
    async (kind) => {
      await using lab = await Lab.start();
      const first = lab.simulator.callCount;
      const place = await placeDisk(lab.vim, rules, bytesPerGiB, {});
      const isRead = ({ index, method }: { index: number; method: string }) =>
        index >= first && method === 'RetrievePropertiesEx';
      const reads = lab.simulator.calls().filter(isRead).length;
      expect(reads).toBeGreaterThan(3);
      for (let nth = 1; nth <= reads; nth++) {
        const fault = lab.simulator.injectFault({ method: 'RetrievePropertiesEx', nth, kind });
        expect(await placeDisk(lab.vim, rules, bytesPerGiB, {})).toEqual(place);
        expect(fault.fired).toBe(true);
      }
    },
  );

  test('again and again leaves it unknown whether there is one', async () => {
    await using lab = await Lab.start();
    const isHost = ({ type }: { type: string }) => type === 'HostSystem';
    const invoke: VimSession['invoke'] = async (method, target, args, options) => {
      const result = await lab.vim.invoke(method, target, args, options);
      if (method !== 'RetrievePropertiesEx') return result;
      const { specSet } = args as MethodArgs<'RetrievePropertiesEx'>;
      if (!specSet.some(({ propSet }) => propSet.some(isHost))) return result;
      lab.simulator.expireSessions();
      return undefined as never;
    };
    const place = placeDisk(sessionWith(lab.vim, { invoke }), rules, bytesPerGiB, {});
    await expect(place).rejects.toMatchObject({ code: 'VIM_CONNECTION_FAILED', outcome: 'unknown' });
  });
});

/** A session to which an object, or all of a type, may not be shown. */
function hiding(vim: VimSession, hidden: MoRef | string): VimSession {
  const fault = { _type: 'NoPermission', privilegeId: 'System.Read' };
  const isHidden = ({ type, value }: MoRef) => (typeof hidden === 'string' ? type === hidden : value === hidden.value);
  const invoke: VimSession['invoke'] = async (method, target, args, options) => {
    const result = await vim.invoke(method, target, args, options);
    if (method !== 'RetrievePropertiesEx') return result;
    const answer = result as unknown as { objects: { obj: MoRef }[] };
    const objects = answer.objects.map((object) =>
      isHidden(object.obj) ? { obj: object.obj, missingSet: [{ path: 'name', fault: { fault } }] } : object,
    );
    return { ...answer, objects } as never;
  };
  return sessionWith(vim, { invoke });
}
