import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** @type {(text: string) => { exports: Record<string, string | { import: { default: string } }>, bin: Record<string, string> }} */
const parse = JSON.parse;

const { exports, bin } = parse(readFileSync(`${root}package.json`, 'utf8'));

/**
 * The modules that package.json exports, as paths below `src` and `dist/esm` without their extension.
 *
 * @returns {string[]}
 */
export function entryPoints() {
  return Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [nameOf(entry.import.default)]));
}

/**
 * The programs it names, in the same form.
 *
 * @returns {string[]}
 */
export function programs() {
  return Object.values(bin).map(nameOf);
}

/** @type {(path: string) => string} */
function nameOf(path) {
  return path.replace(/^\.?\/?dist\/esm\/|\.js$/g, '');
}
