// One operation on a repository in a process of its own, on the library as it is published: its memory and its CPU time are
// then the operation's. Arguments: the compiled package, the operation, the directory, the backup's name (of a made stream its MiB).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { madeStream } from './support/made-stream.mjs';
import { printSample } from './support/print-sample.mjs';

const [library = '', step = '', directory = '', name = ''] = process.argv.slice(2);
/** @type {unknown} */
const stores = await import(pathToFileURL(join(library, 'stores', 'index.js')).href);
/** @type {unknown} */
const repositories = await import(pathToFileURL(join(library, 'repository', 'index.js')).href);
const { FileObjectStore } = /** @type {typeof import('../src/stores/index.js')} */ (stores);
const { RepositoryBackupService } = /** @type {typeof import('../src/repository/index.js')} */ (repositories);
const service = new RepositoryBackupService({
  store: new FileObjectStore({ directory: join(directory, 'repository') }),
});
const backup = { id: name, volumeId: 'v1' };

/** @type {Record<string, () => Promise<unknown>>} */
const steps = {
  initialize: () => service.initialize(),
  backup: () => service.backup(backup, { path: join(directory, `${name}.vmdk`) }),
  'backup of a made stream': async () => {
    const writer = await service.openBackup(backup);
    for await (const chunk of madeStream(library, Number(name))) await writer.write(chunk);
    // Without a manifest: what the stream is, nobody said.
    return /** @type {() => Promise<unknown>} */ (writer.commit.bind(writer))();
  },
  restore: () => service.restore(backup, 'v1', { path: join(directory, 'restored.vmdk') }),
};

await printSample(steps[step]);
