import { readPropertiesOfEach } from '../vim/property-collector.js';
import type { MoRef, PropertiesOf, VimObject } from '../vim/schema/index.js';
import type { AbortableOptions, VimSession } from '../vim/vim-session.js';
import { diskChains, toldPaths } from './disk-chains.js';

/** What is known of the disk files that a VM refers to. */
export interface VmFiles {
  readonly ref: MoRef;
  readonly name: string;
  /** Datastore paths of the files that each of its disks stands on. */
  readonly chains: readonly (readonly string[])[];
  /** Those that its snapshots keep, be the disks still its own or not. */
  readonly kept: readonly string[];
  /** Whether these are all. */
  readonly isWhole: boolean;
}

interface ReadOptions extends AbortableOptions {
  readonly maxObjects: number;
}

/**
 * Reads which disk files VMs refer to. `VirtualMachine.layout` names them, those of the snapshots too; a VM of which it does not tell
 * all is asked for its devices, and its snapshots for theirs.
 */
export async function readVmFiles(
  vim: VimSession,
  refs: readonly MoRef[],
  options: ReadOptions,
): Promise<{ readonly seen: readonly VmFiles[]; readonly unreadable: number }> {
  const { found, unreadable } = await readPropertiesOfEach(vim, refs, 'VirtualMachine', layoutPaths, options);
  const layouts = found.map(({ ref, properties }) => ({ ref, files: filesByLayout(ref, properties) }));
  const withoutLayout = layouts.filter(({ files }) => files === undefined).map(({ ref }) => ref);
  const byDevices = await readFilesByDevices(vim, withoutLayout, options);
  return {
    seen: [...layouts.flatMap(({ files }) => files ?? []), ...byDevices.seen],
    unreadable: unreadable.length + byDevices.unreadable,
  };
}

const layoutPaths = [
  'name',
  'layout.disk',
  'layout.snapshot',
  'summary.config.numVirtualDisks',
  'snapshot.currentSnapshot',
  'config.files.snapshotDirectory',
] as const;

/** `undefined` of a layout that leaves out a disk, its files or the snapshots, as one may that its host does not tell of. */
function filesByLayout(
  ref: MoRef,
  vm: PropertiesOf<'VirtualMachine', (typeof layoutPaths)[number]>,
): VmFiles | undefined {
  const { 'layout.disk': disks = [], 'layout.snapshot': snapshots = [] } = vm;
  const chains = disks.map(({ diskFile }) => diskFile);
  const hasAllDisks =
    chains.length >= (vm['summary.config.numVirtualDisks'] ?? 1) && chains.every((chain) => chain.length > 0);
  const hasSnapshots = snapshots.length > 0 || vm['snapshot.currentSnapshot'] === undefined;
  if (!hasAllDisks || !hasSnapshots) return undefined;
  const directory = vm['config.files.snapshotDirectory'];
  const kept = snapshots
    .flatMap(({ snapshotFile }) => snapshotFile)
    .filter((file) => file.endsWith('.vmdk'))
    .map((file) => inDirectory(directory, file));
  return { ref, name: vm.name, chains, kept, isWhole: true };
}

/** The API's reference has paths relative to the snapshot directory here, where servers show full ones of disks. */
function inDirectory(directory: string | undefined, file: string): string {
  return directory === undefined || file.startsWith('[') ? file : `${directory.replace(/\/*$/, '/')}${file}`;
}

async function readFilesByDevices(
  vim: VimSession,
  refs: readonly MoRef[],
  options: ReadOptions,
): Promise<{ readonly seen: readonly VmFiles[]; readonly unreadable: number }> {
  const paths = ['name', 'runtime.connectionState', 'config.hardware.device', 'snapshot'] as const;
  const vms = await readPropertiesOfEach(vim, refs, 'VirtualMachine', paths, options);
  const found = vms.found.map((vm) => ({ ...vm, snapshots: snapshotsIn(vm.properties.snapshot?.rootSnapshotList) }));
  const snapshots = await readPropertiesOfEach(
    vim,
    found.flatMap((vm) => vm.snapshots),
    'VirtualMachineSnapshot',
    ['config.hardware.device'],
    options,
  );
  const devicesOf = new Map(
    snapshots.found.map(({ ref, properties }) => [ref.value, properties['config.hardware.device']]),
  );
  // One that was removed meanwhile keeps nothing.
  const gone = new Set(snapshots.gone.map(({ value }) => value));
  const seen = found.map(({ ref, properties, snapshots: those }): VmFiles => {
    const devices = properties['config.hardware.device'];
    const keptDevices = those.filter(({ value }) => !gone.has(value)).map(({ value }) => devicesOf.get(value));
    const isTold = [devices, ...keptDevices].every((each) => diskChains(each) !== undefined);
    return {
      ref,
      name: properties.name,
      chains: toldPaths(devices),
      kept: keptDevices.flatMap(toldPaths).flat(),
      // Of a VM that its host does not tell of, no devices does not mean that it has none.
      isWhole: isTold && properties['runtime.connectionState'] === 'connected',
    };
  });
  return { seen, unreadable: vms.unreadable.length };
}

function snapshotsIn(trees: readonly VimObject<'VirtualMachineSnapshotTree'>[] = []): MoRef[] {
  return trees.flatMap(({ snapshot, childSnapshotList }) => [snapshot, ...snapshotsIn(childSnapshotList)]);
}
