import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** What docs/parity.md names as a test: its path below `tests`, as `driver/backup-volume`. */
async function namedFiles(): Promise<string[]> {
  const text = await readFile('docs/parity.md', 'utf8');
  return [...new Set([...text.matchAll(/`([a-z]+(?:\/[a-z-]+)+)`/g)].map(([, path = '']) => path))];
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

test('the tests that docs/parity.md names are there', async () => {
  const named = await namedFiles();
  expect(named.length).toBeGreaterThan(20);
  const missing: string[] = [];
  for (const path of named) {
    const file = join('tests', path);
    if (!(await isFile(`${file}.test.ts`)) && !(await isFile(`${file}.ts`))) missing.push(path);
  }
  expect(missing).toEqual([]);
});
