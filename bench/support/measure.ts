/** How a process is measured, ours or another's. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface Sample {
  readonly wall: number;
  readonly cpu: number;
  /** The process's largest resident set, in MiB. */
  readonly rss: number;
}

/** Has what earlier steps wrote on the disk, so that no step waits for another's writing. */
export function settle(): void {
  spawnSync('sync');
}

/**
 * In a virtual machine, memory that was not used for a while must be got from the hypervisor first, which can cost more than all
 * else: the page cache of a file that is deleted is there for those that are written next.
 */
export function warmPageCache(directory: string, bytes: number): void {
  const path = join(directory, 'warm');
  const chunk = Buffer.alloc(2 ** 20);
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes; done += chunk.length) writeSync(file, chunk);
  closeSync(file);
  rmSync(path);
}

/** A program of somebody else's. */
export function measureProgram(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Sample {
  // The shell's `times`: user and system time of its children. RSS is not asked for.
  settle();
  const script = '"$@" && times';
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', program, ...args], {
    encoding: 'utf8',
    env,
  });
  const wall = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  const children = stdout.trim().split('\n').at(-1) ?? '';
  const cpu = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
  return { wall, cpu, rss: NaN };
}

/** One of our own: a script that prints its sample. */
export function measureScript(script: string, args: readonly string[]): Sample {
  settle();
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`);
  return JSON.parse(stdout) as Sample;
}

export function medians(samples: readonly Sample[]): Sample & { best: number } {
  const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
  const walls = samples.map(({ wall }) => wall);
  return {
    best: Math.min(...walls),
    wall: median(walls),
    cpu: median(samples.map(({ cpu }) => cpu)),
    rss: median(samples.map(({ rss }) => rss)),
  };
}
