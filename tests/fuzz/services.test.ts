import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
/** Each run lasts this long, and some 15 s more: what was left behind is waited for. */
const seconds = process.env['VMDK_DRIVER_FUZZ_SECONDS'] ?? '40';
const seed = process.env['VMDK_DRIVER_FUZZ_SEED'] ?? '974118';

interface Report {
  readonly problems: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
}

test('services, loggers, listeners and aborts of any kind: typed errors, a whole volume, and nothing left', async () => {
  // In a process of its own: an uncaught exception or an unhandled rejection ends it.
  const args = [
    '--import',
    './scripts/ts-node.mjs',
    '--unhandled-rejections=strict',
    'tests/fuzz/services/program.ts',
    seed,
    seconds,
  ];
  const { stdout, stderr } = await run(process.execPath, args);
  const report = JSON.parse(stdout.trim().split('\n').at(-1)!) as Report;
  console.log(report.outcomes);
  expect({ problems: report.problems, stderr }).toEqual({ problems: [], stderr: '' });
  // It met what it was to meet.
  const codes = new Set(Object.keys(report.outcomes).map((outcome) => outcome.split(' ')[1]));
  expect(codes).toContain('ok');
  expect(codes).toContain('ABORTED');
  expect(codes).toContain('BACKUP_SERVICE_FAILED');
}, 600_000);
