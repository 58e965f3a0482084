/** A simulated vCenter, as a worker in another process reaches it, and where its backups go. */
export interface ServedVcenter {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly thumbprint: string;
  /** `file`: a FileBackupService; `object`: an ObjectBackupService on a directory. */
  readonly store: 'file' | 'object';
  readonly directory: string;
}

/** What a worker process is told. */
export interface WorkerOrder {
  readonly redis: string;
  readonly fleet: string;
  readonly lockMs: number;
  /** How long a lease of the simulators lives on by itself. */
  readonly leaseMs: number;
  readonly transfersPerHost: number;
  readonly jobsPerVcenter: number;
  readonly concurrency: number;
  readonly tmpDir: string;
  readonly vcenters: readonly ServedVcenter[];
}
