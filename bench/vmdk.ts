/**
 * Measures the stream-optimized codec on a reproducible disk (40 % zeros, 30 % text, 30 % incompressible), against
 * qemu-img in the same run where it is installed.
 *
 *     npm run bench:vmdk                      4 GiB, medians of 5
 *     npm run bench:vmdk -- --quick           256 MiB, one run: only shows that it works
 *     npm run bench:vmdk -- --size 1024 --runs 3 --workers 4 --json result.json
 *
 * Everything is in the page cache. Wall times of shared machines vary: rivals take turns within each run, and CPU
 * seconds stand beside them. Work files lie in the system's temporary directory, and take 3.5 times the size.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileLibrary } from './support/compile-library.js';
import { measureProgram, measureScript, medians, type Sample } from './support/measure.js';
import { digest, writeDisk } from './support/reproducible-disk.js';

const MIB = 2 ** 20;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    size: { type: 'string' },
    runs: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'string' },
  },
});
const sizeBytes = Number(values.size ?? (values.quick ? 256 : 4096)) * MIB;
const runs = Number(values.runs ?? (values.quick ? 1 : 5));
const root = fileURLToPath(new URL('..', import.meta.url));

await runAll();

async function runAll(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vmdk-bench-'));
  try {
    const file = (name: string): string => join(directory, name);
    console.log(`${sizeBytes / MIB} MiB, ${runs} run(s), ${availableParallelism()} cores, Node ${process.version}`);
    compileLibrary(directory, 'vmdk');
    console.log(`disk.raw sha256 ${await writeDisk(file('disk.raw'), sizeBytes)}`);
    const hasQemu = spawnSync('qemu-img', ['--version']).status === 0;
    if (!hasQemu) console.log('qemu-img is not on the PATH: nothing to compare with');

    const samples = new Map<string, Sample[]>();
    const take = (name: string, sample: Sample): void => {
      samples.set(name, [...(samples.get(name) ?? []), sample]);
    };
    for (let run = 0; run < runs; run++) {
      take('encode', ours('encode', directory));
      if (hasQemu) {
        take(
          'qemu-img encode',
          measureProgram('qemu-img', [
            'convert',
            '-f',
            'raw',
            '-O',
            'vmdk',
            '-o',
            'subformat=streamOptimized',
            file('disk.raw'),
            file('qemu.vmdk'),
          ]),
        );
      }
      take('read', ours('read', directory));
      take('inspect', ours('inspect', directory));
      take('verify', ours('verify', directory));
      take('decode', ours('decode', directory));
      if (hasQemu)
        take(
          'qemu-img decode',
          measureProgram('qemu-img', ['convert', '-f', 'vmdk', '-O', 'raw', file('ours.vmdk'), file('qemu.raw')]),
        );
      rmSync(file('qemu.raw'), { force: true });
      console.log(
        `run ${run + 1}: ${[...samples].map(([name, all]) => `${name} ${all.at(-1)?.wall.toFixed(1)} s`).join(', ')}`,
      );
    }
    if ((await digest(file('out.raw'))) !== (await digest(file('disk.raw'))))
      throw new Error('the decoded disk differs');

    const results = [...samples].map(([name, all]) => ({ name, ...medians(all) }));
    console.table(
      Object.fromEntries(
        results.map(({ name, wall, best, cpu, rss }) => [
          name,
          { 'wall s': wall.toFixed(2), 'best s': best.toFixed(2), 'CPU s': cpu.toFixed(2), 'RSS MiB': rss.toFixed(0) },
        ]),
      ),
    );
    const wall = (name: string): number => results.find((result) => result.name === name)?.wall ?? NaN;
    const bytes = (name: string): number => (name === 'qemu.vmdk' && !hasQemu ? NaN : statSync(file(name)).size);
    const ratios = [
      ['inspect / read', wall('inspect') / wall('read'), 1.3],
      ['verify / qemu-img decode', wall('verify') / wall('qemu-img decode'), 0.4],
      ['decode / qemu-img decode', wall('decode') / wall('qemu-img decode'), 0.8],
      ['encode / qemu-img encode', wall('encode') / wall('qemu-img encode'), 0.25],
      ['stream / qemu-img stream', bytes('ours.vmdk') / bytes('qemu.vmdk'), 1.03],
      [
        'largest RSS in MiB',
        Math.max(...results.filter(({ name }) => !name.startsWith('qemu')).map(({ rss }) => rss)),
        250,
      ],
    ] as const;
    for (const [name, value, target] of ratios) {
      const verdict = Number.isNaN(value) ? 'not measured' : value <= target ? 'met' : 'NOT met';
      console.log(`${name}: ${value.toFixed(3)}, target ${target}: ${verdict}`);
    }
    if (values.json !== undefined)
      writeFileSync(values.json, JSON.stringify({ sizeBytes, runs, results, ratios }, null, 2));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function ours(step: string, directory: string): Sample {
  const script = join(root, 'bench', 'vmdk-step.mjs');
  return measureScript(script, [
    join(directory, 'library', 'vmdk', 'index.js'),
    step,
    directory,
    values.workers ?? '0',
  ]);
}
