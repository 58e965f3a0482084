import { readFile } from 'node:fs/promises';
import { UsageError } from './usage-error.js';

/** A secret that a file holds, without the line's end. @throws UsageError naming the option that names the file */
export async function readSecretFile(option: string, path: string): Promise<string> {
  const text = await readText(option, path);
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError(`${option}: ${path} is empty`);
  return secret;
}

/** A file's text. @throws UsageError naming the option that names the file */
export async function readText(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
