import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { RepositoryBackupService, type RepositoryBackupServiceOptions } from '../../src/repository/index.js';
import { backupServiceChecks } from '../../src/testing/index.js';
import { describeHashedBytes } from '../services/hashed-elsewhere.js';
import { describeChecks } from '../testing/describe-checks.js';
import { MemoryObjectStore } from '../testing/memory-object-store.js';

const kinds = [
  ['plain', {}],
  ['encrypted', { encryption: { passphrase: 'correct horse battery staple' } }],
] as const;

const services = new Map<string, Promise<RepositoryBackupService>>();

async function create(options: Partial<RepositoryBackupServiceOptions>): Promise<RepositoryBackupService> {
  const service = new RepositoryBackupService({ store: new MemoryObjectStore(), ...options });
  await service.initialize();
  return service;
}

for (const [kind, options] of kinds) {
  describeChecks(
    `RepositoryBackupService, ${kind}`,
    // One repository for all checks: they use ids of their own.
    backupServiceChecks(() => (services.get(kind) ?? services.set(kind, create(options)).get(kind))!),
  );
}

describe.each(kinds)('RepositoryBackupService, %s', (_kind, options) => {
  let directory: string;
  let service: RepositoryBackupService;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'repository-contract-'));
    service = await create(options);
  });
  afterAll(() => rm(directory, { recursive: true }));

  describeHashedBytes(
    () => service,
    () => directory,
  );
});
