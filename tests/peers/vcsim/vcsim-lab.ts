import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MoRef, type VimSession, VmdkDriver, type VmdkDriverConfig, type Volume } from '../../../src/index.js';
import { FileBackupService } from '../../../src/services/index.js';
import { collectProperties, readProperties, type SoapVimSession } from '../../../src/vim/index.js';
import type { GoProgram } from '../support/go-program.js';
import { Vcsim, type VcsimOptions } from './vcsim.js';

/** A vcsim, a session with it and drivers on it. */
export class VcsimLab implements AsyncDisposable {
  private constructor(
    readonly vcsim: Vcsim,
    readonly vim: SoapVimSession,
    readonly backups: FileBackupService,
    readonly directory: string,
  ) {}

  static async start(peer: GoProgram, options: VcsimOptions): Promise<VcsimLab> {
    const vcsim = await Vcsim.start(peer, options);
    const directory = await mkdtemp(join(tmpdir(), 'vcsim-'));
    return new VcsimLab(
      vcsim,
      await vcsim.connect(),
      new FileBackupService({ directory: join(directory, 'backups') }),
      directory,
    );
  }

  driver(config: VmdkDriverConfig = {}, vim: VimSession = this.vim): VmdkDriver {
    return new VmdkDriver({ vim, backupService: this.backups, config: { tmpDir: this.directory, ...config } });
  }

  /** A volume's backing and its disk, which must be there. */
  async backingOf(volume: Volume) {
    const ref = await this.driver().createBacking(volume);
    const vm = await readProperties(this.vim, ref, 'VirtualMachine', [
      'name',
      'config.instanceUuid',
      'config.hardware.device',
      'config.files.vmPathName',
      'parent',
      'runtime.host',
    ]);
    const disks = (vm['config.hardware.device'] ?? []).filter((device) => device._type === 'VirtualDisk');
    const [disk] = disks;
    if (disk?._type !== 'VirtualDisk' || disks.length !== 1) throw new Error(`${vm.name} has ${disks.length} disks`);
    const { backing } = disk;
    if (backing?._type !== 'VirtualDiskFlatVer2BackingInfo') throw new Error(`${vm.name} has another disk`);
    return { ref, vm, disk, backing };
  }

  /** The names of all VMs. */
  async vmNames(): Promise<string[]> {
    const all = [{ _type: 'SelectionSpec', name: 'all' }] as const;
    const datacenters = [...all, { _type: 'SelectionSpec', name: 'datacenters' }] as const;
    const selectSet = [
      { _type: 'TraversalSpec', name: 'all', type: 'Folder', path: 'childEntity', selectSet: datacenters },
      { _type: 'TraversalSpec', name: 'datacenters', type: 'Datacenter', path: 'vmFolder', selectSet: all },
    ] as const;
    const names = [];
    const traversal = { from: this.vim.serviceContent.rootFolder, selectSet };
    const pages = { maxObjects: 100 };
    for await (const { properties } of collectProperties(this.vim, traversal, 'VirtualMachine', ['name'], pages)) {
      names.push(properties.name);
    }
    return names;
  }

  /** Temporary files of operations. */
  async temporaryFiles(): Promise<string[]> {
    return (await readdir(this.directory)).filter((name) => name !== 'backups');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vim.disconnect();
    await this.vcsim[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** What a lease says of the disk that was uploaded to it: a server hashes what it is sent. */
export interface Uploaded {
  readonly sha1: string;
  readonly size: number;
}

/** A session that asks each lease for its manifest before it is completed. */
export function notingUploads(vim: VimSession, uploads: Uploaded[]): VimSession {
  const lookAtManifest = async (lease: MoRef): Promise<void> => {
    for (const { sha1, size } of (await vim.invoke('HttpNfcLeaseGetManifest', lease, {})) ?? []) {
      uploads.push({ sha1, size });
    }
  };
  return {
    serviceContent: vim.serviceContent,
    host: vim.host,
    port: vim.port,
    invoke: async (method, target, args, options) => {
      if (method === 'HttpNfcLeaseComplete') await lookAtManifest(target);
      return vim.invoke(method, target, args, options);
    },
    download: (url, options) => vim.download(url, options),
    upload: (url, source, options) => vim.upload(url, source, options),
  };
}

export function sha1(data: Buffer): string {
  return createHash('sha1').update(data).digest('hex');
}
