import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A TypeScript sample of a page that people read. */
export interface Sample {
  readonly page: string;
  /** Of the page, from 1 on. */
  readonly line: number;
  readonly code: string;
  /** How many lines the page says to change in the sample above; none where it is a sample of its own. */
  readonly changedLines: number;
}

/** Every TypeScript sample of the README and of the pages in `docs`, and what the changes below one make of it. */
export async function readSamples(): Promise<Sample[]> {
  const pages = [
    'README.md',
    ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
  ];
  const samples = await Promise.all(pages.map(async (page) => samplesOf(page, await readFile(page, 'utf8'))));
  return samples.flat();
}

function samplesOf(page: string, text: string): Sample[] {
  let changed = '';
  return [...text.matchAll(/^```(ts|typescript|diff)\n(.*?)^```/gms)].map(({ index, 1: kind, 2: block = '' }) => {
    const line = text.slice(0, index).split('\n').length + 1;
    if (kind === 'diff') {
      const code = withChanges(changed, block, `${page}:${line.toString()}`);
      return { page, line, code, changedLines: block.match(/^\+/gm)?.length ?? 0 };
    }
    changed = block;
    return { page, line, code: block, changedLines: 0 };
  });
}

/** The text with each run of lines that go replaced by the run that comes after it. */
function withChanges(text: string, diff: string, where: string): string {
  const runs = [...diff.matchAll(/((?:^-.*\n)+)((?:^\+.*\n)+)/gm)];
  return runs.reduce((changed, [, ...run]) => {
    const [going = '', coming = ''] = run.map((lines) => lines.replace(/^[-+]/gm, ''));
    if (!changed.includes(going)) throw new Error(`${where}: the sample above does not say ${going}`);
    return changed.replace(going, () => coming);
  }, text);
}
