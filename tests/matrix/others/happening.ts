import type { VmInfo } from '../../../src/simulator/index.js';
import type { MatrixLab, Subject } from '../lab.js';
import { isRestore, type Scenario } from '../scenario.js';

/** What may happen to a volume's VM, or to the temporary one, while a restore runs. */
export const happenings = [
  'backing moved',
  'backing moved and back',
  'temporary VM moved',
  'datastore renamed',
  'unregistered for a while',
  'unregistered',
  'host gone for a while',
  'snapshot',
  'attached elsewhere',
] as const;
export type Happening = (typeof happenings)[number];

/** Of the volume's VM, what a happening changes by itself. */
const changed: Readonly<Record<Happening, readonly (keyof VmInfo)[]>> = {
  'backing moved': ['vmPathName'],
  'backing moved and back': ['vmPathName'],
  'temporary VM moved': [],
  'datastore renamed': [],
  'unregistered for a while': ['ref'],
  unregistered: ['ref'],
  'host gone for a while': ['ref'],
  snapshot: [],
  'attached elsewhere': [],
};

/** Whether something can happen to a scenario's VMs at all. */
export function canHappen(happening: Happening, { work, mode }: Scenario): boolean {
  if (!isRestore({ work })) return false;
  const isNew = work.includes('new');
  switch (happening) {
    case 'datastore renamed':
      return true;
    case 'temporary VM moved':
    case 'host gone for a while':
      return mode === 'vcenter';
    case 'backing moved':
    case 'backing moved and back':
      return mode === 'vcenter' && !isNew;
    case 'unregistered for a while':
    case 'unregistered':
    case 'snapshot':
    case 'attached elsewhere':
      return !isNew;
  }
}

/** Something that began to happen. */
export interface Ongoing {
  /** Goes on with it: what was taken away for a while comes back. Called at each later call. */
  goOn(): Promise<void>;
  /** Comes to its end, now that nobody works any more. */
  finish(): Promise<void>;
  /** Takes it back as far as it must not last, when `recover()` has had its turn. */
  takeBack(): Promise<void>;
  /** What is wrong with what others have, after all. */
  damage(): string[];
}

/** The subject as it may be afterwards: as before, but for what happened to it. */
export function afterwards(lab: MatrixLab, subject: Subject, happening: Happening): Subject {
  const { before, volume } = subject;
  const [now] = lab.vmsOf(volume);
  if (before === undefined || now === undefined) return subject;
  const fields = Object.fromEntries(changed[happening].map((field) => [field, now[field]]));
  return { ...subject, before: { ...before, ...fields } };
}

/**
 * Lets something happen. @returns undefined where there is nothing yet it can happen to
 * @throws Error named after the fault where a server would refuse it now: `TaskInProgress`, most of all
 */
export async function happen(lab: MatrixLab, subject: Subject, happening: Happening): Promise<Ongoing | undefined> {
  const { administrator } = lab.simulator;
  const backing = lab.vmsOf(subject.volume)[0];
  switch (happening) {
    case 'backing moved':
      if (backing === undefined) return undefined;
      administrator.relocateVm(backing.ref.value);
      return over();
    case 'backing moved and back':
      return backing && movedAndBack(lab, backing);
    case 'temporary VM moved': {
      const temporary = temporaryVm(lab, subject);
      if (temporary === undefined) return undefined;
      administrator.relocateVm(temporary.ref.value);
      return over();
    }
    case 'datastore renamed':
      administrator.renameDatastore('datastore1', 'renamed');
      return over(async () => administrator.renameDatastore('renamed', 'datastore1'));
    case 'unregistered for a while':
    case 'unregistered': {
      if (backing === undefined) return undefined;
      const vmx = administrator.unregisterVm(backing.ref.value);
      const comeBack = async (): Promise<void> => void administrator.registerVm(vmx);
      return happening === 'unregistered' ? atTheEnd(comeBack) : later(3, comeBack);
    }
    case 'host gone for a while': {
      const host = (backing ?? temporaryVm(lab, subject))?.host;
      if (host === undefined) return undefined;
      administrator.removeHost(host);
      return later(6, async () => administrator.returnHost(host));
    }
    case 'snapshot':
      if (backing === undefined || backing.busy !== undefined) throw busy();
      lab.simulator.createSnapshot(backing.ref.value);
      return over(async () => lab.simulator.removeAllSnapshots(lab.vmsOf(subject.volume)[0]?.ref.value ?? ''));
    case 'attached elsewhere':
      return backing && attachedElsewhere(lab, subject, backing);
  }
}

/** The temporary VM of a restore, as anybody may find it. */
export function temporaryVm({ simulator }: MatrixLab, { volume }: Subject): VmInfo | undefined {
  return simulator
    .vms()
    .find(
      ({ extraConfig, instanceUuid }) =>
        extraConfig['vmdk-driver.volumeId'] === volume.id && instanceUuid !== volume.id,
    );
}

function movedAndBack({ simulator: { administrator } }: MatrixLab, { ref }: VmInfo): Ongoing {
  administrator.relocateVm(ref.value, 'datastore2');
  return later(3, async () => administrator.relocateVm(ref.value, 'datastore1'));
}

/** As a stopped instance has its volumes. */
async function attachedElsewhere(lab: MatrixLab, { volume }: Subject, backing: VmInfo): Promise<Ongoing> {
  const { simulator } = lab;
  const name = `instance-${volume.id}`;
  const own = await simulator.addVm({ name, disk: { capacityBytes: 1024 * 1024 } });
  const path = backing.disks[0]?.path ?? '';
  await simulator.administrator.attachDisk(name, { path });
  const loss = watchLoss(lab, backing, path);
  return {
    ...over(),
    async takeBack() {
      loss.end();
      await simulator.administrator.detachDisk(name, path);
      await simulator.removeVm(own.ref.value);
      const file = simulator.files().find((entry) => entry.path === path);
      if (file !== undefined && file.attachedTo === undefined) await simulator.administrator.deleteFile(path);
    },
    damage: () => loss.found(),
  };
}

/**
 * Whether a file that another VM has was deleted. Nobody can exclude that another VM attaches a file after it was last asked
 * about and before it is deleted; but asked must have been, and after the volume got its new disk.
 */
function watchLoss(lab: MatrixLab, backing: VmInfo, path: string): { found(): string[]; end(): void } {
  let asked = false;
  let lost: string | undefined;
  const exists = (): boolean => lab.simulator.files().some((file) => file.path === path);
  const end = lab.simulator.onCall(({ phase, call }) => {
    if (phase === 'before' || lost !== undefined) return;
    if (!exists()) lost = `when ${call.method} was answered ${path} was gone, which another VM has`;
    else if (readsLayout(call.args)) asked = true;
  });
  // The question may have been asked before: then nothing could have told.
  const unavoidable = (): boolean => !asked && wasAskedBefore(lab, backing);
  return { end, found: () => (lost === undefined || unavoidable() ? [] : [lost]) };
}

/** Whether somebody asked who else has a disk, later than the volume's VM was last reconfigured. */
function wasAskedBefore({ simulator }: MatrixLab, { ref }: VmInfo): boolean {
  const calls = simulator.calls();
  const exchange = calls.findLastIndex(
    ({ method, target }) => method === 'ReconfigVM_Task' && target.value === ref.value,
  );
  return exchange >= 0 && calls.slice(exchange).some(({ args }) => readsLayout(args));
}

function readsLayout(args: unknown): boolean {
  return JSON.stringify(args ?? {}).includes('"layout');
}

function over(takeBack: () => Promise<void> = async () => undefined): Ongoing {
  const nothing = async (): Promise<void> => undefined;
  return { goOn: nothing, finish: nothing, takeBack, damage: () => [] };
}

/** Something that takes an end after so many more calls, and then as soon as the server lets it. */
function later(calls: number, end: () => Promise<void>): Ongoing {
  let left = calls;
  let done = false;
  const finish = async (): Promise<void> => {
    if (done) return;
    await end();
    done = true;
  };
  return {
    ...over(),
    finish,
    async goOn() {
      if (left-- <= 0) await finish();
    },
  };
}

function atTheEnd(end: () => Promise<void>): Ongoing {
  return later(Number.POSITIVE_INFINITY, end);
}

/** What a server answers for a VM that somebody works on. */
function busy(): Error {
  const error = new Error('the virtual machine is busy');
  error.name = 'TaskInProgress';
  return error;
}
