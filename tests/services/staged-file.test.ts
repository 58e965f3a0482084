import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { StagedFile } from '../../src/services/staged-file.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'staged-file-'));
});
afterEach(async () => rm(directory, { recursive: true }));

const stream = { streamBytes: 5, sha256: '0'.repeat(64) };

it('leaves nothing of what it took over and cannot open', async () => {
  // A socket can be linked, and not opened.
  const socket = join(directory, 'socket');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  try {
    const staged = StagedFile.open(join(directory, 'staged'), { path: socket, stream });
    await expect(staged).rejects.toMatchObject({ syscall: 'open' });
    expect(await readdir(directory)).toEqual(['socket']);
  } finally {
    server.close();
  }
});

it('leaves what was there before it', async () => {
  const path = join(directory, 'staged');
  await writeFile(path, 'other');
  await writeFile(join(directory, 'source'), 'bytes');
  await expect(StagedFile.open(path, { path: join(directory, 'source'), stream })).rejects.toMatchObject({
    code: 'EEXIST',
  });
  expect(await readFile(path, 'utf8')).toBe('other');
});

it('is refused where what it took over has another length by now', async () => {
  const source = join(directory, 'source');
  await writeFile(source, 'bytes');
  const staged = await StagedFile.open(join(directory, 'staged'), { path: source, stream });
  expect(staged.isWhole).toBe(true);
  await writeFile(join(directory, 'staged'), 'more bytes');
  await expect(staged.finish()).rejects.toThrow('changed');
  await staged.close();
});
