import type { VimObject } from '../../vim/schema/index.js';
import { baseName } from '../storage/datastore-path.js';
import { chainOf } from './disk-chain.js';
import type { VirtualMachine } from './virtual-machine.js';

/** Which files make up a VM: of each disk itself and all that it is built on, the last of these first. */
export function describeLayout({
  disks,
  namesDatastores,
  home,
  snapshots,
}: VirtualMachine): VimObject<'VirtualMachineFileLayout'> | undefined {
  const { datastore, directory } = home;
  if (!datastore.layout) return undefined;
  return {
    configFile: [baseName(home.vmx)],
    disk: disks.map((disk) => ({
      key: disk.key,
      diskFile: chainOf(disk)
        .map(({ datastore: at, path }) => (namesDatastores ? at.pathTo(path) : at.hostPathTo(path)))
        .reverse(),
    })),
    snapshot: snapshots.map(({ ref, name, number }) => ({
      key: ref,
      snapshotFile: [datastore.pathTo(`${directory}/${name}-Snapshot${number}.vmsn`)],
    })),
  };
}
