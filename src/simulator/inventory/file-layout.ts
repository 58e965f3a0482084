import type { VimObject } from '../../vim/schema/index.js';
import { baseName } from '../storage/datastore-path.js';
import { chainOf, type Place } from './disk-chain.js';
import type { VirtualMachine } from './virtual-machine.js';

/**
 * Which files make up a VM: of each disk itself and all that it is built on, the last of these first; of each snapshot what it
 * keeps besides disks, and the disks, by full paths as servers show them, whatever the API's reference says.
 */
export function describeLayout({
  disks,
  namesDatastores,
  home,
  snapshots,
}: VirtualMachine): VimObject<'VirtualMachineFileLayout'> | undefined {
  const { datastore, directory } = home;
  if (!datastore.layout) return undefined;
  const shown = ({ datastore: at, path }: Place): string => (namesDatastores ? at.pathTo(path) : at.hostPathTo(path));
  return {
    configFile: [baseName(home.vmx)],
    disk: disks.map((disk) => ({ key: disk.key, diskFile: chainOf(disk).map(shown).reverse() })),
    snapshot: snapshots.map(({ ref, name, number, keptDisks }) => ({
      key: ref,
      snapshotFile: [datastore.pathTo(`${directory}/${name}-Snapshot${number}.vmsn`), ...keptDisks.map(shown)],
    })),
  };
}
