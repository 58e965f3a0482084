import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type MoRef, VimFault, VimProtocolError, type VimSession, type VmdkDriverError } from '../../src/index.js';
import { temporaryVmName, temporaryVmUuid, writeJournal } from '../../src/journal/restore-journal.js';
import { type Logger, silentLogger } from '../../src/logger.js';
import type { MethodArgs } from '../../src/vim/index.js';
import { bytesPerGiB, Lab } from './support/lab.js';
import { sessionWith } from './support/services.js';

const noPermission = { _type: 'NoPermission', privilegeId: 'System.Read' };

let lab: Lab;
beforeEach(async () => {
  const datacenter = (name: string, datastore: string) => ({
    name,
    clusters: [{ name: `cluster of ${name}`, hosts: [{ name: `esx.${name}` }] }],
    datastores: [{ name: datastore }],
  });
  lab = await Lab.start({
    simulator: { datacenters: [datacenter('DC0', 'datastore1'), datacenter('DC1', 'datastore2')] },
  });
});
afterEach(() => lab[Symbol.asyncDispose]());

/** What a process that died left of a restore to a new volume. */
async function deadRestore(): Promise<{ readonly volumeId: string; readonly ref: MoRef; readonly name: string }> {
  const volumeId = randomUUID();
  const longAgo = '2026-01-02T03:04:05.678Z';
  const { ref, name } = await lab.simulator.addVm({
    name: temporaryVmName(volumeId),
    uuid: temporaryVmUuid,
    disk: { capacityBytes: bytesPerGiB },
    extraConfig: writeJournal({
      operation: randomUUID(),
      token: randomUUID(),
      owner: 'elsewhere.example:4242:0:0123456789abcdef',
      startedAt: longAgo,
      stamp: longAgo,
      volumeId,
      volumeName: `volume-${volumeId}`,
    }),
  });
  return { volumeId, ref, name };
}

interface ToldObject {
  readonly obj: MoRef;
  readonly propSet?: readonly { readonly name: string; readonly val: unknown }[];
  readonly missingSet?: readonly object[];
}

/** A session whose server tells of its objects what it is made to. */
function telling(vim: VimSession, tell: (told: ToldObject, paths: readonly string[]) => ToldObject): VimSession {
  return sessionWith(vim, {
    invoke: async (method, target, args, options) => {
      const result: unknown = await vim.invoke(method, target, args, options);
      if (method !== 'RetrievePropertiesEx') return result as never;
      const { specSet } = args as unknown as MethodArgs<'RetrievePropertiesEx'>;
      const paths = specSet.flatMap(({ propSet }) => propSet.flatMap(({ pathSet = [] }) => pathSet));
      const { objects } = (result ?? {}) as { readonly objects?: readonly ToldObject[] };
      return { ...(result as object), objects: (objects ?? []).map((told) => tell(told, paths)) } as never;
    },
  });
}

const isDc1 = ({ propSet = [] }: ToldObject): boolean =>
  propSet.some(({ name, val }) => name === 'name' && val === 'DC1');

describe('recovery ends what it can', () => {
  /** A session that is refused a method on DC1's VM folder, or on what is in it. */
  function refusing(method: string, error: VmdkDriverError) {
    return (vim: VimSession): VimSession => {
      const dc1: unknown[] = [];
      const noting = telling(vim, (told) => {
        if (isDc1(told)) dc1.push((told.propSet?.find(({ name }) => name === 'vmFolder')?.val as MoRef).value);
        return told;
      });
      return sessionWith(noting, {
        invoke: async (called, target, args, options) => {
          const { entity, specSet } = args as {
            entity?: MoRef;
            specSet?: MethodArgs<'RetrievePropertiesEx'>['specSet'];
          };
          const asked = entity?.value ?? specSet?.[0]?.objectSet[0]?.obj.value;
          if (called === method && dc1.includes(asked)) throw error;
          const result = await noting.invoke(called, target, args, options);
          if (called === 'FindChild' && dc1.includes(asked)) dc1.push((result as MoRef | undefined)?.value);
          return result;
        },
      });
    };
  }

  test.each<[string, (vim: VimSession) => VimSession, object]>([
    [
      'may not be read',
      (vim) =>
        telling(vim, (told) =>
          isDc1(told) ? { obj: told.obj, missingSet: [{ path: 'name', fault: { fault: noPermission } }] } : told,
        ),
      { faultName: 'NoPermission' },
    ],
    [
      'may not be looked into',
      refusing('FindChild', new VimFault('NoPermission', 'FindChild', '')),
      { faultName: 'NoPermission' },
    ],
    [
      'makes no sense when it is looked into',
      refusing('FindChild', new VimProtocolError('FindChild: makes no sense')),
      { code: 'VIM_PROTOCOL' },
    ],
    [
      'may not be walked through',
      refusing('RetrievePropertiesEx', new VimFault('NoPermission', 'RetrievePropertiesEx', '')),
      { faultName: 'NoPermission' },
    ],
    [
      'makes no sense when it is walked through',
      refusing('RetrievePropertiesEx', new VimProtocolError('RetrievePropertiesEx: makes no sense')),
      { code: 'VIM_PROTOCOL' },
    ],
  ])('beside a datacenter that %s, of which it warns', async (_what, hiding, err) => {
    await lab.simulator.addVm({
      name: 'other',
      datacenter: 'DC1',
      folder: 'OpenStack',
      disk: { capacityBytes: bytesPerGiB },
    });
    const { volumeId } = await deadRestore();
    const warnings: object[] = [];
    const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
    const report = await lab.driverWith({ vim: hiding(lab.vim), logger }).recover();
    expect(report.restores).toMatchObject([{ volumeId, outcome: 'undone' }]);
    expect(warnings).toMatchObject([{ err }]);
    await lab.expectNothingLeft();
  });

  test('beside a temporary VM that may not be read, and says that it saw it', async () => {
    const [hidden, plain] = [await deadRestore(), await deadRestore()];
    lab.simulator.administrator.setAccess(hidden.name, 'unreadable');
    const { restores } = await lab.driver.recover();
    expect(restores).toHaveLength(2);
    expect(restores).toContainEqual(expect.objectContaining({ volumeId: plain.volumeId, outcome: 'undone' }));
    expect(restores).toContainEqual({
      outcome: 'failed',
      error: expect.objectContaining({
        code: 'RESTORE_FAILED',
        message: expect.stringContaining(hidden.ref.value),
        cause: expect.objectContaining({ faultName: 'NoPermission' }),
      }),
    });
    lab.simulator.administrator.setAccess(hidden.name, 'full');
    expect(await lab.driver.recover()).toMatchObject({ restores: [{ volumeId: hidden.volumeId, outcome: 'undone' }] });
  });

  test('beside a temporary VM that makes no sense', async () => {
    const [odd, plain] = [await deadRestore(), await deadRestore()];
    const vim = telling(lab.vim, (told, paths) =>
      told.obj.value === odd.ref.value && paths.includes('recentTask')
        ? { obj: told.obj, propSet: [{ name: 'name', val: { no: 'name' } }] }
        : told,
    );
    const { restores } = await lab.driverWith({ vim }).recover();
    expect(new Map(restores.map(({ volumeId, outcome }) => [volumeId, outcome]))).toEqual(
      new Map([
        [odd.volumeId, 'failed'],
        [plain.volumeId, 'undone'],
      ]),
    );
  });
});

test('a recovery that is aborted while it ends its last restore was aborted, and did not fail at it', async () => {
  await deadRestore();
  const controller = new AbortController();
  lab.simulator.onCall(({ call }) => {
    // It asks for the server's time once it looks at a restore.
    if (call.method === 'CurrentTime') controller.abort();
  });
  await expect(lab.driver.recover({ signal: controller.signal })).rejects.toMatchObject({ code: 'ABORTED' });
});
