import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findBacking } from '../../src/backing/find-backing.js';
import type { ParsedVolume, Volume } from '../../src/model/volume.js';
import type { VimSession } from '../../src/vim/index.js';
import { bytesPerGiB, Lab } from '../driver/support/lab.js';
import { sessionWith } from '../driver/support/services.js';
import { failureOf } from '../vim/support/failure.js';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const parsed = ({ id, size }: Volume): ParsedVolume => ({
  id,
  name: `volume-${id}`,
  sizeBytes: size * bytesPerGiB,
  projectId: undefined,
  provisioning: undefined,
  adapterType: undefined,
  storageProfile: undefined,
});
const lookup = (vim: VimSession) => ({ vim, config: { volumeFolder: 'Volumes' } });

/** A session that ends while a search is on its way, the first so many times, and is then answered with nothing. */
function endingSession(times: number): VimSession {
  let ends = times;
  const invoke: VimSession['invoke'] = async (method, target, args, options) => {
    if (ends > 0 && (method === 'FindAllByUuid' || method === 'FindChild')) {
      if (method === 'FindAllByUuid') {
        ends--;
        lab.simulator.expireSessions();
      }
      return undefined as never;
    }
    return lab.vim.invoke(method, target, args, options);
  };
  return sessionWith(lab.vim, { invoke });
}

describe('a backing', () => {
  test.each([1, 2, 3])('is found although the session ended during %d searches', async (times) => {
    const volume = parsed(await lab.addVolume());
    const found = await findBacking(lookup(endingSession(times)), volume);
    expect(found?.value).toBe(lab.vmOf(volume).ref.value);
  });

  test('is not taken for missing by sessions that end again and again', async () => {
    const volume = parsed(await lab.addVolume());
    expect(await failureOf(findBacking(lookup(endingSession(Infinity)), volume))).toMatchObject({
      code: 'VIM_CONNECTION_FAILED',
      outcome: 'unknown',
    });
  });

  test('is not taken for missing where a VM that could be it cannot be read', async () => {
    const volume = parsed(await lab.addVolume());
    const { ref } = lab.vmOf(volume);
    const fault = { _type: 'NoPermission', object: ref, privilegeId: 'System.Read' };
    const invoke: VimSession['invoke'] = async (method, target, args, options) => {
      const result = await lab.vim.invoke(method, target, args, options);
      if (method !== 'RetrievePropertiesEx') return result;
      const { objects } = result as unknown as { objects: { obj: { value: string } }[] };
      const hidden = objects.map((object) =>
        object.obj.value === ref.value ? { obj: object.obj, missingSet: [{ path: 'name', fault: { fault } }] } : object,
      );
      return { objects: hidden } as never;
    };
    const search = findBacking(lookup(sessionWith(lab.vim, { invoke })), volume);
    expect(await failureOf(search)).toMatchObject({ faultName: 'NoPermission' });
  });

  test('is missing where a session that lasts says so', async () => {
    const volume = parsed({ id: 'none', size: 1 });
    expect(await findBacking(lookup(lab.vim), volume)).toBeUndefined();
  });
});
