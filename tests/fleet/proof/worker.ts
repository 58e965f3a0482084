/** A worker process: is told what to serve, serves it, and is killed, or drains on SIGTERM. */
import { HostSlots } from '../../../src/fleet/host-slots.js';
import { createFleet, startWorker } from '../../../src/fleet/index.js';
import { RedisFleet } from '../../../src/fleet/redis-fleet.js';
import { VmdkDriver } from '../../../src/index.js';
import { SoapVimSession } from '../../../src/vim/index.js';
import type { WorkerOrder } from './order.js';
import { serviceOf } from './services.js';

const end = (): void => process.exit();

async function serve({
  vcenters,
  redis,
  fleet: name,
  concurrency,
  tmpDir,
  leaseMs,
  ...options
}: WorkerOrder): Promise<void> {
  const { lockMs, transfersPerHost, jobsPerVcenter } = options;
  const fleet = createFleet({
    connection: redis,
    name,
    lockMs,
    transfersPerHost,
    jobsPerVcenter,
    retryDelayMs: 500,
  });
  if (!(fleet instanceof RedisFleet)) throw new Error('createFleet gave another fleet');
  const { queues } = fleet;
  const sessions: SoapVimSession[] = [];
  const drivers = Object.fromEntries(
    await Promise.all(
      vcenters.map(async (vcenter) => {
        const { host, port, username, password, thumbprint } = vcenter;
        const vim = new SoapVimSession({ host, port, username, password, thumbprint });
        sessions.push(vim);
        await vim.connect();
        const config = { tmpDir, transferSlots: new HostSlots(queues, vcenter.name, leaseMs) };
        return [vcenter.name, new VmdkDriver({ vim, backupService: serviceOf(vcenter.store), config })] as const;
      }),
    ),
  );
  const worker = await startWorker({ fleet, drivers, concurrency });
  const close = async (): Promise<void> => {
    await worker.close({ graceMs: 500 });
    await fleet.close();
    await Promise.all(sessions.map((vim) => vim.disconnect()));
    // The process is to end by itself: nothing that holds it is left.
    process.off('disconnect', end);
    process.disconnect();
  };
  process.once('SIGTERM', () => void close());
  process.send?.('serving');
}

process.on('message', (order: WorkerOrder) => {
  serve(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on('disconnect', end);
