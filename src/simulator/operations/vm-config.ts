import { randomUUID } from 'node:crypto';
import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import type { VirtualMachine, VmConfig } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';

type Spec = VimObject<'VirtualMachineConfigSpec'>;

/** The configuration of a VM about which nothing was said. */
export function emptyConfig(world: World): VmConfig {
  return {
    uuid: randomUUID(),
    instanceUuid: randomUUID(),
    guestId: 'otherGuest',
    version: 'vmx-19',
    annotation: undefined,
    numCPUs: 1,
    memoryMB: 32,
    extraConfig: new Map(),
    managedBy: undefined,
    storageProfile: undefined,
    devices: [],
    changeVersion: nextChangeVersion(world),
  };
}

/**
 * A configuration with what a spec says, devices aside.
 *
 * @throws Fault InvalidArgument; ConcurrentAccess where the spec was made for an earlier configuration
 */
export function applySpec(world: World, config: VmConfig, spec: Spec, vm: VirtualMachine | undefined): VmConfig {
  const { nameHonoursChangeVersion } = world.settings.quirks;
  const isChecked = spec.name === undefined || nameHonoursChangeVersion;
  if (isChecked && spec.changeVersion !== undefined && spec.changeVersion !== config.changeVersion) {
    throw fault('ConcurrentAccess', {}, 'The object or item referred to has been changed meanwhile.');
  }
  const extraConfig = applyExtraConfig(config.extraConfig, spec.extraConfig ?? []);
  return {
    uuid: spec.uuid === undefined ? config.uuid : parseUuid(spec.uuid, 'uuid'),
    instanceUuid: instanceUuid(world, config, spec, vm),
    guestId: spec.guestId ?? config.guestId,
    version: spec.version ?? config.version,
    annotation: spec.annotation ?? config.annotation,
    numCPUs: positive(spec.numCPUs ?? config.numCPUs, 'numCPUs'),
    memoryMB: positive(spec.memoryMB ?? config.memoryMB, 'memoryMB'),
    extraConfig,
    managedBy:
      spec.managedBy === undefined ? config.managedBy : spec.managedBy.extensionKey === '' ? undefined : spec.managedBy,
    storageProfile: world.storagePolicies.after(config.storageProfile, spec.vmProfile),
    devices: config.devices,
    changeVersion: movesOn(world, config, spec, extraConfig) ? nextChangeVersion(world) : config.changeVersion,
  };
}

/** Whether a spec moves `changeVersion` on. */
function movesOn(
  { settings: { quirks } }: World,
  before: VmConfig,
  { extraConfig, changeVersion: _version, _type, ...rest }: Spec,
  after: VmConfig['extraConfig'],
): boolean {
  const isEmpty = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.length === 0);
  if (isEmpty(extraConfig) || !Object.values(rest).every(isEmpty)) return true;
  if (quirks.extraConfigMovesChangeVersion !== 'changed') return quirks.extraConfigMovesChangeVersion === 'always';
  return (
    after.size !== before.extraConfig.size || [...after].some(([key, value]) => before.extraConfig.get(key) !== value)
  );
}

/** A `changeVersion` that no configuration had before. */
export function nextChangeVersion({ clock, registry }: World): string {
  return `${clock.timestamp()}-${registry.nextNumber('changeVersion')}`;
}

/** Moves a VM's `changeVersion` on: something of it changed that is not in its configuration. */
export function touch(world: World, vm: VirtualMachine): void {
  vm.config = { ...vm.config, changeVersion: nextChangeVersion(world) };
}

/** A vCenter sees to it that no two VMs have one instance UUID: of two, the later gets another. */
function instanceUuid(world: World, config: VmConfig, spec: Spec, vm: VirtualMachine | undefined): string {
  if (spec.instanceUuid === undefined) return config.instanceUuid;
  const wanted = parseUuid(spec.instanceUuid, 'instanceUuid');
  const taken = world.isVcenter && world.instanceUuids.isTaken(wanted, vm);
  return taken ? randomUUID() : wanted;
}

function applyExtraConfig(
  before: VmConfig['extraConfig'],
  changes: readonly VimObject<'OptionValue'>[],
): Map<string, unknown> {
  const result = new Map(before);
  for (const { key, value } of changes) {
    if (key === '') throw fault('InvalidArgument', { invalidProperty: 'extraConfig' }, 'An extraConfig key is empty');
    if (value === undefined || value === '') result.delete(key);
    else result.set(key, value);
  }
  return result;
}

function parseUuid(text: string, invalidProperty: string): string {
  const hex = text.replaceAll(/[\s-]/g, '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw fault('InvalidArgument', { invalidProperty }, `"${text}" is no UUID`);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function positive(value: number, invalidProperty: string): number {
  if (value <= 0) throw fault('InvalidArgument', { invalidProperty }, `${invalidProperty} must be positive`);
  return value;
}
