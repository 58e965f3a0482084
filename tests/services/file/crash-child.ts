// Run as a process of its own: begins a backup as it is told, says so, and stands still until it is killed.
import { FileBackupService } from '../../../src/services/index.js';

const [directory = '', id = '', how = '', path = ''] = process.argv.slice(2);
const service = new FileBackupService({ directory });
const backup = { id, volumeId: 'volume-1' };

function standStill(): void {
  process.stdout.write('standing still\n');
  // Blocks the thread, so that nothing goes on, not even what has been started.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

if (how === 'file') {
  await service.backup(backup, { path }, { onProgress: standStill });
} else {
  const writer = await service.openBackup(backup);
  await writer.write(new Uint8Array(3 * 1024 * 1024));
  standStill();
}
