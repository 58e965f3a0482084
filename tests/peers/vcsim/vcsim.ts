import * as z from 'zod';
import { SoapVimSession } from '../../../src/vim/index.js';
import { type GoProgram, goProgram } from '../support/go-program.js';
import { RunningProgram } from '../support/running-program.js';

export const installVcsim = (): Promise<GoProgram> => goProgram('vcsim', 'github.com/vmware/govmomi');

export const modes = ['vcenter', 'esxi'] as const;

export interface VcsimOptions {
  readonly mode?: (typeof modes)[number];
  /** VMs in each resource pool. */
  readonly vms?: number;
  readonly datastores?: number;
  readonly datacenters?: number;
}

/** Who may log in. */
export const username = 'volumes@vsphere.local';
export const password = 'p&ss <word>';

const address = z.object({ host: z.string(), port: z.coerce.number(), thumbprint: z.string(), ca: z.string() });
const requests = z.record(z.string(), z.number());

/** govmomi's simulator, running. */
export class Vcsim implements AsyncDisposable {
  readonly #program: RunningProgram;
  readonly address: z.infer<typeof address>;

  private constructor(program: RunningProgram, where: z.infer<typeof address>) {
    this.#program = program;
    this.address = where;
  }

  static async start(peer: GoProgram, options: VcsimOptions = {}): Promise<Vcsim> {
    const { mode = 'vcenter', vms = 2, datastores = 2, datacenters = 1 } = options;
    const program = new RunningProgram(peer.path, [
      `-esx=${mode === 'esxi'}`,
      `-vms=${vms}`,
      `-datastores=${datastores}`,
      `-datacenters=${datacenters}`,
      `-username=${username}`,
      `-password=${password}`,
    ]);
    return new Vcsim(program, address.parse(await program.read()));
  }

  async connect(): Promise<SoapVimSession> {
    const { host, port, thumbprint } = this.address;
    const session = new SoapVimSession({ host, port, username, password, thumbprint });
    await session.connect();
    return session;
  }

  /** How many requests it has answered: SOAP calls, calls to the policy service, transfers. */
  async requests(): Promise<{
    readonly soap: number;
    readonly policy: number;
    readonly nfc: number;
    readonly all: number;
  }> {
    const {
      '/sdk': soap = 0,
      '/pbm': policy = 0,
      '/nfc': nfc = 0,
    } = requests.parse(await this.#program.ask('requests'));
    return { soap, policy, nfc, all: soap + policy + nfc };
  }

  /** How many sessions there are. */
  async sessions(): Promise<number> {
    return z.number().parse(await this.#program.ask('sessions'));
  }

  /** An administrator ends all sessions. */
  async endSessions(): Promise<void> {
    await this.#program.ask('end-sessions');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
