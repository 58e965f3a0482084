import { type Simulator, type SimulatorOptions, startSimulator } from '../../../src/simulator/index.js';
import { type Ref, ref, refOf, SoapClient } from './soap-client.js';
import { vmSpec } from './specs.js';
import { all, at, textAt } from './xml-node.js';

/** A simulator with a client that is logged in, and the references most tests need. */
export interface Lab extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly client: SoapClient;
  readonly datacenter: Ref;
  readonly vmFolder: Ref;
  readonly pool: Ref;
  /** Creates a VM and returns its reference. */
  createVm(spec?: string): Promise<Ref>;
  close(): Promise<void>;
}

export async function openLab(options: SimulatorOptions = {}): Promise<Lab> {
  const simulator = await startSimulator(options);
  try {
    return await connectLab(simulator);
  } catch (error) {
    await simulator.close();
    throw error;
  }
}

async function connectLab(simulator: Simulator): Promise<Lab> {
  const client = await SoapClient.connect(simulator);
  const close = async (): Promise<void> => {
    client.close();
    await simulator.close();
  };
  const root = simulator.mode === 'esxi' ? 'ha-folder-root' : 'group-d1';
  const response = await client.call(
    'RetrievePropertiesEx',
    client.manager('PropertyCollector'),
    '<specSet><propSet><type>Datacenter</type><pathSet>vmFolder</pathSet></propSet>' +
      '<propSet><type>ComputeResource</type><pathSet>resourcePool</pathSet></propSet>' +
      `<objectSet>${ref('obj', { type: 'Folder', value: root })}<skip>true</skip>` +
      '<selectSet xsi:type="TraversalSpec"><name>visitFolders</name><type>Folder</type><path>childEntity</path>' +
      '<selectSet><name>visitFolders</name></selectSet>' +
      '<selectSet xsi:type="TraversalSpec"><type>Datacenter</type><path>hostFolder</path>' +
      '<selectSet><name>visitFolders</name></selectSet></selectSet></selectSet></objectSet></specSet><options/>',
  );
  const objects = all(at(response, 'returnval'), 'objects');
  const of = (type: string) => objects.find((object) => at(object, 'obj')!.attributes['type']!.endsWith(type))!;
  const vmFolder = refOf(at(of('Datacenter'), 'propSet.val')!);
  const pool = refOf(at(of('ComputeResource'), 'propSet.val')!);
  return {
    simulator,
    client,
    datacenter: refOf(at(of('Datacenter'), 'obj')!),
    vmFolder,
    pool,
    async createVm(spec = vmSpec()) {
      const info = await client.task('CreateVM_Task', vmFolder, `<config>${spec}</config>${ref('pool', pool)}`);
      return { type: 'VirtualMachine', value: textAt(info, 'result')! };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
