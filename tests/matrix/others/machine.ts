/** A process that stands for another machine: it runs the driver there, for any number of labs at a time. */
import { randomUUID } from 'node:crypto';
import { shortenPauses } from '../fast-time.js';
import { disguiseAsMachine } from './disguise.js';
import type { FromMachine, MachineOrder, MachineResult, RemoteError, ToMachine } from './machine-messages.js';

disguiseAsMachine('other-machine.example', randomUUID());
shortenPauses();
const { VmdkDriver, VmdkDriverError } = await import('../../../src/index.js');
const { FileBackupService } = await import('../../../src/services/index.js');
const { SoapVimSession } = await import('../../../src/vim/index.js');

const running = new Map<number, AbortController>();

async function obey(order: MachineOrder, signal: AbortSignal): Promise<MachineResult> {
  const { directory, tmpDir, ...server } = order.address;
  await using vim = new SoapVimSession(server);
  await vim.connect();
  const transfer = order.what === 'restore' ? order.transfer : 'file';
  const driver = new VmdkDriver({
    vim,
    backupService: new FileBackupService({ directory }),
    config: { tmpDir, transfer },
  });
  if (order.what === 'restore') {
    const { backup, volume, manifest } = order;
    const { cleanup } = await driver.restoreBackup(backup, volume, { manifest, signal });
    return { cleanup };
  }
  const { restores } = await driver.recover({ olderThanMs: 0, signal });
  return {
    restores: restores.map(({ volumeId, outcome, error }) => ({
      volumeId,
      outcome,
      error: error === undefined ? undefined : remoteError(error),
    })),
  };
}

function remoteError(error: unknown): RemoteError {
  if (!(error instanceof VmdkDriverError)) {
    return { code: undefined, message: String(error), retryable: false, cleanup: undefined };
  }
  const { code, message, retryable, cleanup } = error;
  return { code, message, retryable, cleanup };
}

function reply(message: FromMachine): void {
  process.send?.(message);
}

process.on('message', (message: ToMachine) => {
  const { id } = message;
  if ('cancel' in message) {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  void obey(message.order, controller.signal)
    .catch((error: unknown): MachineResult => ({ error: remoteError(error) }))
    .then((result) => {
      running.delete(id);
      reply({ id, result });
    });
});
process.on('disconnect', () => process.exit());
