import type { VimObject } from '../../vim/schema/index.js';
import { Datacenter } from '../inventory/datacenter.js';
import { entityName } from '../inventory/entity-name.js';
import { Folder } from '../inventory/folder.js';
import type { VirtualMachine } from '../inventory/virtual-machine.js';
import type { World } from '../world.js';
import { DevicePlan } from './device-plan.js';
import { applySpec } from './vm-config.js';

type Spec = VimObject<'VirtualMachineConfigSpec'>;

/** Changes a VM: all that the spec says, or nothing. Each change by itself where the settings say so. */
export async function reconfigureVm(world: World, vm: VirtualMachine, spec: Spec): Promise<void> {
  if (world.settings.atomicReconfigure) {
    await apply(world, vm, spec);
    return;
  }
  const { deviceChange = [], ...rest } = spec;
  await apply(world, vm, rest);
  for (const change of deviceChange) await apply(world, vm, { deviceChange: [change] });
}

async function apply(world: World, vm: VirtualMachine, spec: Spec): Promise<void> {
  const datacenter = vm.ancestor(Datacenter);
  const folder = vm.ancestor(Folder);
  if (datacenter === undefined || folder === undefined) throw new Error(`${vm.name} is in no datacenter`);
  const name = spec.name === undefined ? vm.name : entityName(spec.name);
  folder.requireFree(name, vm);
  const config = applySpec(world, vm.config, spec, vm);
  const plan = new DevicePlan({ world, datacenter, home: vm.home, vm }, vm.config.devices).add(spec.deviceChange ?? []);

  const done = plan.carryOut();
  if (name !== vm.name) folder.rename(vm, name);
  vm.config = { ...config, devices: plan.devices };
  world.instanceUuids.update(vm);
  world.registry.changed();
  await done;
}
