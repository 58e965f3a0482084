import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A TypeScript sample of a page that people read. */
export interface Sample {
  readonly page: string;
  /** Of the page, from 1 on. */
  readonly line: number;
  readonly code: string;
}

/** Every TypeScript sample of the README and of the pages in `docs`. */
export async function readSamples(): Promise<Sample[]> {
  const pages = [
    'README.md',
    ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
  ];
  const samples = await Promise.all(pages.map(async (page) => samplesOf(page, await readFile(page, 'utf8'))));
  return samples.flat();
}

function samplesOf(page: string, text: string): Sample[] {
  return [...text.matchAll(/^```(?:ts|typescript)\n(.*?)^```/gms)].map(({ index, 1: code = '' }) => ({
    page,
    line: text.slice(0, index).split('\n').length + 1,
    code,
  }));
}
