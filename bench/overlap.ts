/**
 * Measures a backup through a temporary file against one by stream, where the network and the backup service are equally
 * fast: the file path takes both one after the other, the stream path both at once.
 *
 *     npm run bench:overlap                  4 GiB volume, 1 GiB of it in use, 60 MiB/s each
 *     npm run bench:overlap -- --used 128 --rate 30
 *
 * The simulator serves a stream that was encoded before, so that its own work does not count.
 */
import { randomFillSync, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type BackupService, type VimSession, VmdkDriver } from '../src/index.js';
import { startSimulator } from '../src/simulator/index.js';
import { SoapVimSession } from '../src/vim/index.js';
import { encodeVmdkStream } from '../src/vmdk/index.js';

const MIB = 2 ** 20;

const { values } = parseArgs({
  options: { used: { type: 'string', default: '1024' }, rate: { type: 'string', default: '60' } },
});
const usedBytes = Number(values.used) * MIB;
const bytesPerSecond = Number(values.rate) * MIB;

/** Holds bytes back until a link of the given speed would have carried them. */
function pace(): (bytes: number) => Promise<void> {
  const began = performance.now();
  let carried = 0;
  return async (bytes) => {
    carried += bytes;
    const early = (carried / bytesPerSecond) * 1000 - (performance.now() - began);
    // Below this a timer is late anyhow.
    if (early > 5) await sleep(early);
  };
}

/** A service that takes bytes as fast as the network brings them, and keeps none. */
const service: BackupService = {
  async backup(_backup, file) {
    const carry = pace();
    for await (const chunk of createReadStream(file.path, { highWaterMark: MIB }))
      await carry((chunk as Buffer).length);
  },
  restore: () => Promise.reject(new Error('nothing is kept')),
  openBackup() {
    const carry = pace();
    return Promise.resolve({
      write: (chunk) => carry(chunk.length),
      commit: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    });
  },
};

/** The session, its downloads as slow as the service. */
function paced(vim: SoapVimSession): VimSession {
  return {
    serviceContent: vim.serviceContent,
    host: vim.host,
    port: vim.port,
    invoke: (method, target, args, options) => vim.invoke(method, target, args, options),
    upload: (url, source, options) => vim.upload(url, source, options),
    async download(url, options) {
      const { stream, length } = await vim.download(url, options);
      const carry = pace();
      const link = new Transform({
        highWaterMark: MIB,
        transform(chunk: Buffer, _encoding, done) {
          void carry(chunk.length).then(() => {
            done(null, chunk);
          });
        },
      });
      void pipeline(stream, link).catch(() => undefined);
      return { stream: link, length };
    },
  };
}

const directory = await mkdtemp(join(tmpdir(), 'bench-overlap-'));
try {
  await using simulator = await startSimulator();
  const { host, port, username, password, thumbprint } = simulator;
  await using vim = new SoapVimSession({ host, port, username, password, thumbprint });
  await vim.connect();

  const volume = { id: randomUUID(), size: 4 };
  await simulator.addVm({
    name: `volume-${volume.id}`,
    instanceUuid: volume.id,
    disk: { capacityBytes: volume.size * 2 ** 30 },
  });
  const disk = simulator.vms()[0]?.disks[0];
  if (disk === undefined) throw new Error('the simulator made no disk');
  const prepared = join(directory, 'prepared.vmdk');
  const source = {
    capacityBytes: disk.capacityBytes,
    read: (buffer: Buffer) => Promise.resolve(randomFillSync(buffer).length),
    async *dataExtents() {
      yield await Promise.resolve({ start: 0, end: usedBytes });
    },
  };
  await pipeline(encodeVmdkStream(source), createWriteStream(prepared));
  await simulator.serveExport(disk.path, prepared);
  const { size } = await stat(prepared);

  const seconds: Partial<Record<'file' | 'stream', number>> = {};
  for (const transfer of ['file', 'stream'] as const) {
    const tmpDir = await mkdtemp(join(directory, 'tmp-'));
    const driver = new VmdkDriver({ vim: paced(vim), backupService: service, config: { transfer, tmpDir } });
    let filesSeen = 0;
    const began = performance.now();
    await driver.backupVolume({ id: transfer, volumeId: volume.id }, volume, {
      onProgress: () => {
        void readdir(tmpDir).then((names) => (filesSeen = Math.max(filesSeen, names.length)));
      },
    });
    seconds[transfer] = (performance.now() - began) / 1000;
    console.log(`${transfer.padEnd(6)}  ${seconds[transfer].toFixed(1)} s  ${filesSeen} temporary file(s)`);
  }
  const ratio = (seconds.stream ?? 0) / (seconds.file ?? 1);
  console.log(`${(size / MIB).toFixed(0)} MiB at ${values.rate} MiB/s each: stream / file = ${ratio.toFixed(2)}`);
} finally {
  await rm(directory, { recursive: true });
}
