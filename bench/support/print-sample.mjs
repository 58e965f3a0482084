// What a step in a process of its own prints of itself, for whoever started it.
import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/**
 * Does a step and prints its `Sample` as JSON.
 *
 * @param {(() => Promise<unknown>) | undefined} step
 */
export async function printSample(step) {
  const before = process.cpuUsage();
  const start = performance.now();
  await step?.();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ wall, cpu: (user + system) / 1e6, rss: largestRss() }));
}

/** In MiB. `getrusage` also counts what the parent process had when it started this one. */
function largestRss() {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kib = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return (kib === undefined ? process.resourceUsage().maxRSS : Number(kib)) / 1024;
}
