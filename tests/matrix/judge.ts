import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { RecoveryReport } from '../../src/index.js';
import { temporaryVmUuid } from '../../src/journal/restore-journal.js';
import type { DiskInfo, VmInfo } from '../../src/simulator/index.js';
import { bytesPerGiB, leaseTimeoutSeconds, type MatrixLab, type Subject } from './lab.js';
import { isRestore } from './scenario.js';
import type { Findings } from './verdict.js';

/** What a volume turned out to have: nothing, where it never had a backing; another restore's disk; one nothing was written to. */
export type VolumeState = 'old' | 'new' | 'other' | 'none' | 'empty' | 'broken';

/**
 * Looks at a volume past the API: whether it has exactly one whole disk, the old one or the new one, on a VM that is found by
 * the volume's id and by its name and is the same as before in everything but its disk's file.
 */
export async function judgeVolume(lab: MatrixLab, subject: Subject, findings: Findings): Promise<VolumeState> {
  const { before, volume, scenario } = subject;
  const [vm, ...others] = lab.vmsOf(volume);
  const lose = (what: string): 'broken' => {
    findings.lost.push(what);
    return 'broken';
  };
  if (vm === undefined) return before === undefined ? 'none' : lose('the volume has no VM');
  if (others.length > 0) return lose(`${others.length + 1} VMs are the volume's`);
  if (vm.name !== (before?.name ?? `volume-${volume.id}`) || vm.instanceUuid !== volume.id) {
    return lose(`the volume's VM is named ${vm.name} and has the id ${vm.instanceUuid}`);
  }
  const [disk, ...otherDisks] = vm.disks;
  if (disk === undefined || otherDisks.length > 0) return lose(`the volume has ${vm.disks.length} disks`);

  const content = await lab.contentOf(vm);
  const state = stateOf(content, subject, await emptyContent(lab));
  if (disk.missing) return lose("the disk's file is gone");
  if (state === 'broken') return lose("the disk's content is neither the old one nor the new one");
  const capacityBytes = volume.size * bytesPerGiB;
  if (disk.capacityBytes !== capacityBytes) lose(`the disk has ${disk.capacityBytes} bytes`);
  const problem =
    before === undefined
      ? whatIsWrongWithNew(vm, disk, subject)
      : differences(identityOf(before), identityOf(vm)).join(', ');
  if (problem !== '') lose(`not the same VM as before: ${problem}`);
  if (!isRestore(scenario) && before !== undefined && disk.path !== before.disks[0]?.path)
    lose('a backup moved the disk');
  return state;
}

function stateOf(
  content: string,
  { oldContent, newContent, otherContent, scenario }: Subject,
  empty: string,
): VolumeState {
  if (isRestore(scenario) && content === newContent) return 'new';
  if (isRestore(scenario) && content === otherContent) return 'other';
  if (content === oldContent) return 'old';
  return content === empty && scenario.work === 'backup, no backing' ? 'empty' : 'broken';
}

let empty: string | undefined;

/** What a disk nothing was written to looks like. */
async function emptyContent(lab: MatrixLab): Promise<string> {
  if (empty !== undefined) return empty;
  const vm = await lab.simulator.addVm({ name: 'empty', disk: { capacityBytes: bytesPerGiB } });
  empty = await lab.contentOf(vm);
  await lab.simulator.removeVm(vm.ref.value);
  return empty;
}

/** All of a VM but what a restore changes: its disk's file, capacity and content. */
function identityOf(vm: VmInfo): Readonly<Record<string, unknown>> {
  const { path: _path, capacityBytes: _capacity, ...disk } = vm.disks[0] ?? ({} as DiskInfo);
  const { disks: _disks, busy: _busy, extraConfig, ...identity } = vm;
  // Whose the last exchange was is written there.
  const foreign = Object.fromEntries(Object.entries(extraConfig).filter(([key]) => !key.startsWith('vmdk-driver.')));
  return {
    ...identity,
    extraConfig: foreign,
    ...Object.fromEntries(Object.entries(disk).map(([name, value]) => [`disk.${name}`, value])),
  };
}

function differences(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  return Object.keys({ ...before, ...after })
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .map((name) => `${name} is ${JSON.stringify(after[name])} where it was ${JSON.stringify(before[name])}`);
}

function whatIsWrongWithNew(vm: VmInfo, disk: DiskInfo, { volume, scenario, manifest }: Subject): string {
  const uuid = disk.uuid.toLowerCase();
  return [
    vm.extraConfig['cinder.volume.id'] === volume.id ? '' : 'it is not marked with the volume',
    vm.uuid === temporaryVmUuid ? 'it is found as a temporary VM' : '',
    // A creation that was interrupted leaves the UUID the server gave the empty disk.
    !isRestore(scenario) || uuid === volume.id ? '' : `its disk's UUID is ${uuid}`,
    disk.adapterType === (isRestore(scenario) ? manifest.adapterType.toLowerCase() : 'lsilogic')
      ? ''
      : `its disk's controller is ${disk.adapterType}`,
    disk.provisioning === 'thin' ? '' : `its disk is ${disk.provisioning}`,
  ]
    .filter((problem) => problem !== '')
    .join(', ');
}

/** Whether the service has the backup, whole and as its manifest says: `stored`; or nothing of it: `none`. */
export async function judgeBackup(
  lab: MatrixLab,
  { backup }: Pick<Subject, 'backup'>,
  findings: Findings,
): Promise<'stored' | 'none' | 'partial'> {
  const manifest = await lab.service.readManifest(backup);
  if (manifest === undefined) return (await lab.filesOf(backup)).length === 0 ? 'none' : 'partial';
  const hash = createHash('sha256');
  try {
    const { stream } = await lab.service.openRestore(backup);
    for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  } catch (error) {
    findings.lost.push(`the stored backup cannot be read: ${String(error)}`);
    return 'partial';
  }
  if (hash.digest('hex') !== manifest.sha256) findings.lost.push('the stored backup is not what its manifest says');
  return 'stored';
}

/** What of the work should be gone by now. The source volume's own things are no leftovers. */
export async function leftovers(lab: MatrixLab): Promise<string[]> {
  const found = lab.simulator.leftovers().map(({ kind, what }) => `${kind}: ${what}`);
  const files = (await lab.temporaryFiles()).map((file) => `temporary file: ${file}`);
  const busy = lab.simulator.vms().flatMap((vm) => (vm.busy === undefined ? [] : [`${vm.name} is busy: ${vm.busy}`]));
  return [...found, ...files, ...busy];
}

/** Leases that nobody ends any more: an operation that says that nothing is left has ended its own. */
export function openLeases({ simulator }: MatrixLab): string[] {
  return simulator.leftovers().flatMap(({ kind, what }) => (kind === 'lease' ? [`${kind}: ${what}`] : []));
}

/** Waits until nothing is left that ends by itself, as a lease does that nobody keeps alive. */
export async function waitForLeases(lab: MatrixLab, longestMs = 600_000): Promise<void> {
  const end = Date.now() + longestMs;
  while (hasLiving(lab) && Date.now() < end) {
    // Nobody works any more: a lease that is open now is one that only time ends.
    lab.simulator.advanceTime(leaseTimeoutSeconds * 1000);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function hasLiving({ simulator }: MatrixLab): boolean {
  return simulator.leftovers().some(({ kind }) => kind === 'lease' || kind === 'transfer' || kind === 'task');
}

/** Recovers, after which nothing may be left; and again, when there is nothing to do any more. */
export async function recoverAll(lab: MatrixLab, findings: Findings): Promise<RecoveryReport> {
  await waitForLeases(lab);
  const report = await lab.driver().recover({ olderThanMs: 0 });
  await waitForLeases(lab);
  findings.leaked.push(...(await leftovers(lab)));
  for (const { outcome, error } of report.restores) {
    if (outcome === 'failed' || outcome === 'running') {
      findings.leaked.push(`recovery: ${outcome}${error instanceof Error ? ` ${String(error)}` : ''}`);
    }
  }
  const again = await lab.driver().recover({ olderThanMs: 0 });
  if (again.restores.length + again.temporaryFiles.length > 0)
    findings.leaked.push('a second recovery found something');
  return report;
}
