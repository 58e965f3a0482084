/**
 * Measures what a backup by stream costs the driver's process with each store, beside FileBackupService. The stores are real servers of
 * OpenStack Swift and Ceph on loopback, by plain HTTP, from Debian's packages (`tests/real-stores/servers`, which `npm run test:stores`
 * installs); the stream comes from a simulator. Servers, simulator and every backup are processes of their own.
 *
 *     npm run bench:stores                    a stream of 1 GiB, medians of 3
 *     npm run bench:stores -- --mib 256 --runs 1
 *
 * Linux only. CPU seconds are those per GiB of stream; those of the `rbd` program are not counted. Wall times are mostly the servers',
 * which share the machine. Ceph keeps what it stores in memory here.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RbdBackupServiceOptions } from '../src/services/index.js';
import type { S3ObjectStoreOptions, SwiftObjectStoreOptions } from '../src/stores/index.js';
import { createContainer } from '../tests/real-stores/support/place.js';
import { Server } from '../tests/real-stores/support/server.js';
import { compileLibrary } from './support/compile-library.js';
import { measureScript, medians, type Sample } from './support/measure.js';

/** Where a backup goes, as a step is told. */
export type BenchPlace =
  | { readonly kind: 'file' }
  | { readonly kind: 's3'; readonly options: S3ObjectStoreOptions }
  | { readonly kind: 'swift'; readonly options: SwiftObjectStoreOptions }
  | { readonly kind: 'rbd'; readonly options: RbdBackupServiceOptions };

/** What each may cost more than FileBackupService, in CPU seconds per GiB, and how large the process may be, in MiB. */
const mayCostMore = { s3: 2.5, swift: 2.5, rbd: 1, file: 0 } as const;
const maxRss = 220;

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '1024' }, runs: { type: 'string', default: '3' } },
});
const runs = Number(values.runs);

const directory = await mkdtemp(join(tmpdir(), 'stores-bench-'));
try {
  compileLibrary(directory);
  await using swift = await Server.start('swift', 5);
  await using ceph = await Server.start('ceph', 2);
  await measureAll(await placesOn(swift, ceph));
} finally {
  await rm(directory, { recursive: true });
}

async function placesOn(swift: Server, ceph: Server): Promise<Map<string, BenchPlace>> {
  const [swiftPort = 0] = swift.ports;
  const [, gatewayPort = 0] = ceph.ports;
  const container = 'bench';
  const onSwift = { port: swiftPort, path: '/auth/v1.0', user: 'test:tester', key: 'testing' } as const;
  const onCeph = { port: gatewayPort, path: '/auth/v1.0', user: 'backup:swift', key: 'secret' } as const;
  const swiftAt = ({ port, path, user, key }: typeof onSwift | typeof onCeph): BenchPlace => ({
    kind: 'swift',
    options: { auth: { kind: 'tempauth', url: `http://127.0.0.1:${port}${path}`, user, key }, container },
  });
  for (const place of [onSwift, onCeph]) await createContainer({ kind: 'swift', prefix: '', ...place }, container);
  return new Map<string, BenchPlace>([
    ['a file', { kind: 'file' }],
    [
      'S3 (radosgw)',
      {
        kind: 's3',
        options: {
          endpoint: `http://127.0.0.1:${gatewayPort}`,
          region: 'default',
          bucket: container,
          credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
        },
      },
    ],
    ['Swift', swiftAt(onSwift)],
    ['Swift (radosgw)', swiftAt(onCeph)],
    ['RBD', { kind: 'rbd', options: { pool: 'backups', conf: join(ceph.directory, 'ceph.conf') } }],
  ]);
}

async function measureAll(places: ReadonlyMap<string, BenchPlace>): Promise<void> {
  const script = fileURLToPath(new URL('transfer-server.mjs', import.meta.url));
  const simulator = fork(script, [join(directory, 'library'), directory, values.mib], { execArgv: [] });
  const [ready] = (await once(simulator, 'message')) as [{ readonly streamBytes: number }];
  const samples = new Map<string, Sample[]>();
  try {
    const step = fileURLToPath(new URL('stores-step.mjs', import.meta.url));
    for (let run = 1; run <= runs; run++) {
      for (const [name, place] of places) {
        const args = [join(directory, 'library'), directory, JSON.stringify(ready), JSON.stringify(place)];
        samples.set(name, [...(samples.get(name) ?? []), measureScript(step, args)]);
      }
      console.log(`run ${run} of ${runs} done`);
    }
  } finally {
    simulator.disconnect();
    await once(simulator, 'exit');
  }
  report(places, samples, ready.streamBytes / 2 ** 30);
}

function report(
  places: ReadonlyMap<string, BenchPlace>,
  samples: ReadonlyMap<string, readonly Sample[]>,
  gib: number,
): void {
  const of = (name: string) => medians(samples.get(name) ?? []);
  const more = (name: string) => (of(name).cpu - of('a file').cpu) / gib;
  const largest = (name: string) => Math.max(...(samples.get(name) ?? []).map(({ rss }) => rss));
  console.log(`a backup of ${gib.toFixed(2)} GiB by stream into:`);
  console.log(`medians of ${runs}, ${availableParallelism()} cores, ${process.version}, ${versions()}`);
  console.table(
    Object.fromEntries(
      [...places.keys()].map((name) => [
        name,
        {
          'CPU s/GiB': (of(name).cpu / gib).toFixed(2),
          'more than a file': more(name).toFixed(2),
          'wall s': of(name).wall.toFixed(1),
          'largest RSS, MiB': largest(name).toFixed(0),
        },
      ]),
    ),
  );
  const verdict = (value: number, most: number) =>
    `${value.toFixed(2)}, target ${most}: ${value <= most ? '' : 'NOT '}met`;
  for (const [name, { kind }] of places) {
    if (kind !== 'file') console.log(`${name}, more than a file: ${verdict(more(name), mayCostMore[kind])}`);
  }
  console.log(`largest RSS, MiB: ${verdict(Math.max(...[...places.keys()].map(largest)), maxRss)}`);
}

/** Of the servers. */
function versions(): string {
  const of = (name: string) =>
    spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' }).stdout.replace(/[-+].*$/, '');
  return `Swift ${of('swift-proxy')}, Ceph ${of('ceph-osd')}`;
}
