import { reconfigure } from '../vim/reconfigure.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { type Backing, isMarkedAs, readBacking, volumeIdKey } from './backing.js';
import { extraConfig } from './vm-config.js';

/**
 * Marks a backing that was found by its name only, as Cinder made them once, with its volume's id. What a restore leaves behind is
 * ended by the mark: a name says nothing of whose VM it is.
 *
 * @returns the backing as it is then
 */
export async function markBacking(
  vim: VimSession,
  backing: Backing,
  volumeId: string,
  options: AbortableOptions,
): Promise<Backing> {
  if (isMarkedAs(backing.identity, volumeId)) return backing;
  const { ref, changeVersion } = backing;
  const spec = {
    ...(changeVersion === undefined ? {} : { changeVersion }),
    extraConfig: extraConfig({ [volumeIdKey]: volumeId }),
  };
  const isMade = async (): Promise<boolean> => isMarkedAs((await readBacking(vim, ref)).identity, volumeId);
  await reconfigure(vim, ref, spec, isMade, options);
  return readBacking(vim, ref, options);
}
