import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** @type {(text: string) => { exports: Record<string, string | { import: { default: string } }>, bin?: Record<string, string> }} */
const parse = JSON.parse;

/**
 * The modules that package.json names, as paths below `src` and `dist/esm` without their extension.
 *
 * @returns {string[]}
 */
export function entryPoints() {
  const { exports, bin = {} } = parse(readFileSync(`${root}package.json`, 'utf8'));
  const modules = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.import.default]));
  return [...modules, ...Object.values(bin)].map((path) => path.replace(/^\.?\/?dist\/esm\/|\.js$/g, ''));
}
