import type { Place } from '../../real-stores/support/place.js';

/** Where backups go: a FileBackupService, or an ObjectBackupService on a directory or on S3. */
export type ProofStore =
  { readonly kind: 'file' | 'objects'; readonly directory: string } | { readonly kind: 's3'; readonly place: Place };

/** A simulated vCenter, as a worker in another process reaches it, and where its backups go. */
export interface ServedVcenter {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly thumbprint: string;
  readonly store: ProofStore;
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
