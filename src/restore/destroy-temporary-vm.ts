import { adapterTypeOf, controllerFor } from '../backing/adapter-type.js';
import { flatDiskBacking } from '../backing/disk-backing.js';
import { RestoreError } from '../errors/index.js';
import { repeatLost } from '../vim/repeat-lost.js';
import { runTask } from '../vim/run-task.js';
import { saysGone } from '../vim/said-gone.js';
import type { MoRef } from '../vim/schema/index.js';
import type { VimSession } from '../vim/vim-session.js';
import type { OwnedChange } from './ownership.js';

/** Keys of devices that are only being asked for are negative. */
const newDiskKey = -1;

/**
 * Destroys a temporary VM with the disks that are attached to it. One that is gone is no error, and to destroy it twice is
 * harmless: its reference is never given to another.
 */
export async function destroyTemporaryVm(vim: VimSession, ref: MoRef): Promise<void> {
  try {
    await repeatLost(() => runTask(vim, 'Destroy_Task', ref, {}));
  } catch (error) {
    if (!saysGone(error, ref)) throw error;
  }
}

/** The change that attaches a disk's file to a temporary VM: file and VM then disappear together. */
export function attachment(path: string): OwnedChange {
  return {
    spec: ({ devices }) => {
      const controller = devices.find((device) => adapterTypeOf(device) !== undefined);
      const made = controller === undefined ? controllerFor('lsiLogic') : undefined;
      const key = controller?.key ?? made?.key ?? 0;
      const used = devices.filter((device) => device.controllerKey === key).map(({ unitNumber }) => unitNumber);
      const unitNumber = [0, 1].find((unit) => !used.includes(unit));
      if (unitNumber === undefined) throw new RestoreError('the temporary VM has disks that are not its own');
      const device = {
        _type: 'VirtualDisk',
        key: newDiskKey,
        backing: flatDiskBacking('thin', path),
        controllerKey: key,
        unitNumber,
        // The file tells.
        capacityInKB: 0,
      } as const;
      return { deviceChange: [...(made?.change ?? []), { operation: 'add', device }] };
    },
    isMade: ({ sight }) => sight.attached.includes(path),
  };
}

/** The change that takes a disk from a temporary VM, and keeps its file. */
export function detachment(path: string): OwnedChange {
  return {
    spec: ({ devices }) => ({
      deviceChange: devices
        .filter(
          (device) => device.backing !== undefined && 'fileName' in device.backing && device.backing.fileName === path,
        )
        .map((device) => ({ operation: 'remove', device }) as const),
    }),
    isMade: ({ sight }) => !sight.attached.includes(path),
  };
}
