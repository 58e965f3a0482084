import { randomUUID } from 'node:crypto';
import type { VimObject } from '../vim/schema/index.js';
import { extraConfigValue, operationMark } from './restore-journal.js';

/**
 * What a backing says of the last exchange of its disk. An exchange writes it in the same reconfiguration, so whether it
 * happened is read from here, and not from paths, which storage vMotion and renames change. It stays: a restore that was
 * paused meanwhile must find out, however late.
 */
export interface BackingMarks {
  /** The mark of the exchange (`exchangeMark`). */
  readonly operation: string | undefined;
  /** Datastore path of the disk it took from the backing, as it was at that moment. */
  readonly removedDisk: string | undefined;
  /** Managed object id of that disk's datastore. */
  readonly removedDatastore: string | undefined;
}

const keys = {
  operation: 'vmdk-driver.operation',
  removedDisk: 'vmdk-driver.removedDisk',
  removedDatastore: 'vmdk-driver.removedDatastore',
  fence: 'vmdk-driver.fence',
} as const;

export function readBackingMarks(extraConfig: readonly VimObject<'OptionValue'>[] | undefined): BackingMarks {
  return {
    operation: operationMark(extraConfig),
    removedDisk: extraConfigValue(extraConfig, keys.removedDisk),
    removedDatastore: extraConfigValue(extraConfig, keys.removedDatastore),
  };
}

/** The marks as extraConfig. */
export function writeBackingMarks(marks: BackingMarks): Record<string, string> {
  return {
    [keys.operation]: marks.operation ?? '',
    [keys.removedDisk]: marks.removedDisk ?? '',
    [keys.removedDatastore]: marks.removedDatastore ?? '',
  };
}

/** A change that moves a backing's `changeVersion` on: a value that was never there before. */
export function freshFence(): Record<string, string> {
  return { [keys.fence]: randomUUID() };
}
