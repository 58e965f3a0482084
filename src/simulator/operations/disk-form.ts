import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { Provisioning } from '../storage/disk-file.js';

type DiskSpec = VimObject<'VirtualDiskSpec'>;

/** What a disk is like, content and size aside. */
export interface DiskForm {
  readonly provisioning: Provisioning;
  /** As in a descriptor. */
  readonly adapterType: string;
}

/** What `VirtualDiskSpec.adapterType` says, as a descriptor does. */
const adapterTypes = new Map([
  ['ide', 'ide'],
  ['busLogic', 'buslogic'],
  ['lsiLogic', 'lsilogic'],
]);

const provisionings = new Map<string, Provisioning>([
  ['thin', 'thin'],
  ['preallocated', 'thick'],
  ['thick', 'thick'],
  ['eagerZeroedThick', 'eagerZeroedThick'],
]);

/** The form that a spec asks for. @throws Fault InvalidArgument */
export function diskForm(spec: DiskSpec): DiskForm {
  return { provisioning: provisioningOf(spec), adapterType: adapterOf(spec) };
}

function provisioningOf({ diskType }: DiskSpec): Provisioning {
  const provisioning = provisionings.get(diskType);
  if (provisioning === undefined) {
    throw fault('InvalidArgument', { invalidProperty: 'spec.diskType' }, `The simulator makes no ${diskType} disks`);
  }
  return provisioning;
}

function adapterOf({ adapterType }: DiskSpec): string {
  const adapter = adapterTypes.get(adapterType);
  if (adapter === undefined) {
    throw fault('InvalidArgument', { invalidProperty: 'spec.adapterType' }, `There is no adapter type ${adapterType}`);
  }
  return adapter;
}
