import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
];

/** What of a page is no code. */
const prose = async (page: string): Promise<string> =>
  (await readFile(page, 'utf8')).replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '');

/** The anchors that a page's headings have on GitHub, on npm and in the site. */
async function anchorsOf(page: string): Promise<string[]> {
  const text = (await readFile(page, 'utf8')).replace(/^```.*?^```/gms, '');
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

describe('links lead somewhere', () => {
  test.each(pages)('%s', async (page) => {
    const dead: string[] = [];
    for (const [, target = ''] of (await prose(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      if (!(await exists(file))) dead.push(target);
      else if (anchor !== undefined && !(await anchorsOf(file)).includes(anchor)) dead.push(target);
    }
    expect(dead).toEqual([]);
  });
});

test('every page is in the site, and every picture in a page', async () => {
  const { projectDocuments } = JSON.parse(await readFile('typedoc.json', 'utf8')) as { projectDocuments: string[] };
  expect([...projectDocuments].sort()).toEqual(pages.filter((page) => page !== 'README.md').sort());
  const texts = (await Promise.all(pages.map(prose))).join('');
  for (const picture of await readdir('docs/pictures')) expect(texts).toContain(`(pictures/${picture})`);
});
