import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { Volume } from '../../../src/index.js';
import type { Simulator } from '../../../src/simulator/index.js';
import { programs } from '../support/cache-directory.js';
import { type Peer, pythonPackage } from '../support/peer.js';
import { RunningProgram } from '../support/running-program.js';

/** Cinder as it is released, with its Python. */
export const installCinder = () => pythonPackage('cinder');
/** The package of its connectors. */
export const installBrick = () => pythonPackage('os-brick');

const answer = z.union([
  z.object({ result: z.unknown() }),
  z.object({ error: z.object({ type: z.string(), message: z.string() }) }),
]);

const description = z.object({
  diskPath: z.string(),
  diskBytes: z.number(),
  datastore: z.string(),
  datacenter: z.string(),
  hasSnapshots: z.boolean(),
});

/** What Cinder tells who is to attach a volume. */
const connection = z.looseObject({
  volume: z.string(),
  volume_id: z.string(),
  name: z.string(),
  profile_id: z.string().nullable(),
  vmdk_path: z.string(),
  vmdk_size: z.number(),
});
export type Connection = z.infer<typeof connection>;

/** What os-brick's connector has made of a volume: a file. */
const device = z.object({ path: z.string(), last_modified: z.number() });
export type Device = z.infer<typeof device>;

/** Cinder's VMDK driver and os-brick's connector, in a process of their own. One driver at a time. */
export class CinderDriver implements AsyncDisposable {
  readonly #program: RunningProgram;
  readonly #directory: string;

  private constructor(program: RunningProgram, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  static async start({ python }: Peer & { readonly python: string }): Promise<CinderDriver> {
    const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-cinder-'));
    return new CinderDriver(new RunningProgram(python, [join(programs, 'cinder_driver.py'), directory]), directory);
  }

  /** A backend for a simulator, as cinder.conf would configure it. */
  async setup(simulator: Simulator, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const authority = join(this.#directory, 'ca.pem');
    await writeFile(authority, simulator.ca);
    await this.#ask('setup', {
      options: {
        vmware_host_ip: simulator.host,
        vmware_host_port: simulator.port,
        vmware_host_username: simulator.username,
        vmware_host_password: simulator.password,
        vmware_ca_file: authority,
        vmware_lazy_create: false,
        ...options,
      },
    });
  }

  async createVolume(volume: Volume): Promise<void> {
    await this.#ask('create_volume', { volume: asCinders(volume) });
  }

  /** The id of a volume's backing's reference. */
  async getBacking(volume: Volume): Promise<string | null> {
    return z
      .string()
      .nullable()
      .parse(await this.#ask('get_backing', { volume: asCinders(volume) }));
  }

  async describeBacking(backing: string): Promise<z.infer<typeof description>> {
    return description.parse(await this.#ask('describe_backing', { backing }));
  }

  async extendVolume(volume: Volume, size: number): Promise<void> {
    await this.#ask('extend_volume', { volume: asCinders(volume), size });
  }

  async deleteVolume(volume: Volume): Promise<void> {
    await this.#ask('delete_volume', { volume: asCinders(volume) });
  }

  async createSnapshot(volume: Volume, name: string): Promise<void> {
    await this.#ask('create_snapshot', { volume: asCinders(volume), name });
  }

  async initializeConnection(volume: Volume): Promise<Connection> {
    return connection.parse(await this.#ask('initialize_connection', { volume: asCinders(volume) }));
  }

  /** os-brick: downloads a volume's disk into a file. */
  async connectVolume(properties: Connection): Promise<Device> {
    return device.parse(await this.#ask('connect_volume', { properties }));
  }

  /** os-brick: makes the file, where it was changed, the volume's disk, and removes it. */
  async disconnectVolume(properties: Connection, device: Device): Promise<void> {
    await this.#ask('disconnect_volume', { properties, device });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #ask(command: string, args: object): Promise<unknown> {
    const reply = answer.parse(await this.#program.ask(JSON.stringify({ command, ...args })));
    if ('error' in reply) throw new Error(`${command}: ${reply.error.type}: ${reply.error.message}`);
    return reply.result;
  }
}

/** A volume as Cinder's record of it. */
function asCinders({ id, size, projectId, volumeType }: Volume) {
  return { id, size, projectId, extraSpecs: volumeType?.extraSpecs ?? {} };
}
