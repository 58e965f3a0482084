import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './entry-points.mjs';

/** @type {(text: string) => { name: string, version: string, license?: string }} */
const parse = JSON.parse;

/**
 * The licences of the packages that these files are of.
 *
 * @param {readonly string[]} files paths from the project's root
 * @returns {string}
 */
export function thirdPartyLicences(files) {
  const packages = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []);
  const texts = [...new Set(packages)].sort().map((directory) => {
    const path = join(root, directory);
    const { name, version, license = '' } = parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const files = readdirSync(path).filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file));
    // Some say it in a word only.
    if (files.length === 0 && license === '') throw new Error(`${name} says nothing of its licence`);
    return [`${name} ${version} (${license})`, ...files.map((file) => readFileSync(join(path, file), 'utf8').trim())];
  });
  return (
    [['This package includes parts of these:'], ...texts]
      .map((lines) => lines.join('\n\n'))
      .join(`\n\n${'-'.repeat(80)}\n\n`) + '\n'
  );
}
