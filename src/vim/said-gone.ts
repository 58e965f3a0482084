import { isVimFault, type VimFault } from '../errors/index.js';
import type { MoRef } from './schema/index.js';

/**
 * Whether an error says that an object does not exist any more: a `ManagedObjectNotFound` of this very object, or one that
 * names none. Nothing else says it: not an empty answer, not an unreadable property, and not the same fault of another
 * object, such as the task that was to change this one.
 */
export function saysGone(error: unknown, ref: MoRef): boolean {
  return isVimFault(error, 'ManagedObjectNotFound') && isAbout(error, ref);
}

/** Whether a `ManagedObjectNotFound` is about an object: it names it, or none. */
export function isAbout(fault: Pick<VimFault, 'detail'>, ref: MoRef): boolean {
  const missing = missingObjectOf(fault);
  return missing === undefined || missing.value === ref.value;
}

/** The object that a `ManagedObjectNotFound` is about, where it says so. */
export function missingObjectOf({ detail }: Pick<VimFault, 'detail'>): MoRef | undefined {
  return detail['obj'] as MoRef | undefined;
}
