import { setTimeout } from 'node:timers/promises';
import { throwIfAborted } from '../errors/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type ProfiledVm, readStorageProfiles } from './associated-profiles.js';
import type { StorageProfiles } from './storage-profiles.js';

/** How often a VM is looked at: the storage policy service hears of a change of a VM a little later than vCenter made it. */
const looks = 3;
const delayMs = 1_000;

/**
 * What is not as wanted about the storage policies of a VM and its disk; `undefined` where nothing is. Where none is wanted
 * nobody is asked.
 */
export async function wrongProfiles(
  vim: VimSession,
  found: ProfiledVm,
  wanted: StorageProfiles,
  { signal }: AbortableOptions = {},
): Promise<string | undefined> {
  if (wanted.vm === undefined && wanted.disk === undefined) return undefined;
  for (let look = 1; ; look++) {
    const wrong = difference(await readStorageProfiles(vim, found, { signal }), wanted);
    if (wrong === undefined || look === looks) return wrong;
    await setTimeout(delayMs, undefined, { signal }).catch(() => undefined);
    throwIfAborted(signal);
  }
}

function difference(actual: StorageProfiles, wanted: StorageProfiles): string | undefined {
  if (wanted.vm !== undefined && actual.vm !== wanted.vm) return say('the VM', actual.vm, wanted.vm);
  if (wanted.disk !== undefined && actual.disk !== wanted.disk) return say('the disk', actual.disk, wanted.disk);
  return undefined;
}

function say(what: string, actual: string | undefined, wanted: string): string {
  return `${what} has ${actual === undefined ? 'no storage policy' : `storage policy ${actual}`} where ${wanted} was set`;
}
