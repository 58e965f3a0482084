import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

test.each(['a volume of 1 GiB', 'restore in place'])(
  'the demo that is cancelled leaves no file: in step "%s"',
  async (step) => {
    const directory = await mkdtemp(join(tmpdir(), 'demo-'));
    try {
      const demo = spawn(process.execPath, ['--import', './scripts/ts-node.mjs', 'examples/demo.ts'], {
        env: { ...process.env, TMPDIR: directory, TEMP: directory, DISABLE_V8_COMPILE_CACHE: '1' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const ended = once(demo, 'exit');
      let said = '';
      for await (const text of demo.stdout.setEncoding('utf8')) {
        const isNews = !said.includes(`  ${step}`);
        said += String(text);
        if (isNews && said.includes(`  ${step}`)) demo.kill('SIGINT');
      }
      expect(await ended).toEqual([130, null]);
      expect(said).toContain('cancelled');
      expect(await readdir(directory)).toEqual([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
