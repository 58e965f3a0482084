import { isVimFault } from '../errors/index.js';
import { isVirtualCenter, managerOf } from '../vim/managers.js';
import type { MoRef } from '../vim/schema/index.js';
import { settle } from '../vim/settle.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import type { BackingLookup } from './find-backing.js';
import { type Datacenter, listVirtualMachineNames } from './inventory.js';
import { escapeInventoryName } from './inventory-name.js';

/** The folder, below a datacenter's own, that holds all of Cinder's. */
const rootName = 'OpenStack';

/**
 * The inventory folder a project's backings lie in: `OpenStack/Project (<project id>)/<volume folder>` below the
 * datacenter's VM folder, as Cinder has it. A single ESXi host has no folders beside its root.
 */
function pathOf({ vim, config }: BackingLookup, projectId: string | undefined): string[] {
  if (!isVirtualCenter(vim)) return [];
  const project = projectId === undefined ? [] : [projectFolder(projectId)];
  return [rootName, ...project, config.volumeFolder].map(escapeInventoryName);
}

/** The name of the folder of a project. */
export function projectFolder(projectId: string): string {
  return `Project (${projectId})`;
}

/** The folder, where it is there. */
export async function findVolumeFolder(
  lookup: BackingLookup,
  vmFolder: MoRef,
  projectId: string | undefined,
): Promise<MoRef | undefined> {
  let folder: MoRef | undefined = vmFolder;
  for (const name of pathOf(lookup, projectId)) {
    folder = folder && (await findFolder(lookup, folder, name));
  }
  return folder;
}

/** The VMs of a datacenter's volumes, by name: those below the folder that holds all projects'. */
export async function* listVolumeVmNames(
  vim: VimSession,
  { vmFolder }: Datacenter,
  options: AbortableOptions,
): ReturnType<typeof listVirtualMachineNames> {
  const root = isVirtualCenter(vim) ? await findFolder({ vim, ...options }, vmFolder, rootName) : vmFolder;
  if (root !== undefined) yield* listVirtualMachineNames(vim, root, options);
}

/** The folder, made where it is missing. */
export async function ensureVolumeFolder(
  lookup: BackingLookup,
  vmFolder: MoRef,
  projectId: string | undefined,
): Promise<MoRef> {
  let folder = vmFolder;
  for (const name of pathOf(lookup, projectId)) {
    folder = (await findFolder(lookup, folder, name)) ?? (await createFolder(lookup, folder, name));
  }
  return folder;
}

async function findFolder(
  { vim, signal }: Pick<BackingLookup, 'vim' | 'signal'>,
  parent: MoRef,
  name: string,
): Promise<MoRef | undefined> {
  const args = { entity: parent, name };
  const child = await vim.invoke('FindChild', managerOf(vim, 'searchIndex'), args, { signal });
  return child?.type === 'Folder' ? child : undefined;
}

async function createFolder(lookup: BackingLookup, parent: MoRef, name: string): Promise<MoRef> {
  const { vim } = lookup;
  try {
    return await settle(vim, {
      make: () => vim.invoke('CreateFolder', parent, { name }),
      on: parent,
      lookUp: () => findFolder(lookup, parent, name),
    });
  } catch (error) {
    // Somebody else made it between our look and our call.
    const made = isVimFault(error, 'DuplicateName') ? await findFolder(lookup, parent, name) : undefined;
    if (made === undefined) throw error;
    return made;
  }
}
