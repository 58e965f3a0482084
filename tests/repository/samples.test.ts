import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { needing } from '../support/needing.js';
import { RepositoryLab } from './support/repository-lab.js';

/** Streams of other people's tools, which the project does not contain. */
const directory = resolve('../shared/samples');
const largestSample = 64 * 2 ** 20;

function samples(): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.vmdk(\.gz)?$/.test(name))
    .filter((name) => statSync(join(directory, name)).size < largestSample);
}

needing(samples().length > 0, 'there are no sample streams').describe('a sample comes back to the byte', () => {
  test.each(samples())('%s, twice, and the second time nothing of it is stored', async (name) => {
    const file = await readFile(join(directory, name));
    const bytes = name.endsWith('.gz') ? gunzipSync(file) : file;
    const lab = await RepositoryLab.create();
    await lab.storeStream('b1', bytes);
    expect((await lab.restored('b1')).equals(bytes)).toBe(true);
    const { increment } = await lab.storeStream('b2', bytes);
    expect(increment.grainsNew).toBe(0);
    expect((await lab.restored('b2')).equals(bytes)).toBe(true);
    await lab.service.delete({ id: 'b1', volumeId: 'v1' });
    expect((await lab.service.verify({ level: 'full' })).damage).toEqual([]);
  });
});
