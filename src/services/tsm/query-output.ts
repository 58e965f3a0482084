import { StoreError } from '../../errors/index.js';
import { type ArchiveName, namePattern, parseArchiveName } from './archive-names.js';

/** A file as the server has it. */
export type ArchivedFile = ArchiveName & {
  /** In bytes, as exactly as it is printed. */
  readonly size: { readonly bytes: number; readonly toWithin: number };
  /** When it was archived, in milliseconds since the epoch. */
  readonly archivedMs: number;
};

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

const ownName = new RegExp(String.raw`[/\\](${namePattern})(?=\s|$)`);
const row = /^\s*([\d,]+)(?:\.(\d+))?\s+([KMGT]?B)\s+(\d{4}-\d\d-\d\d)\s+(\d\d:\d\d:\d\d)\s/;

/**
 * The service's files among what `dsmc query archive` printed, by numbers and times that do not depend on the language
 * (`-numberformat=1 -dateformat=3 -timeformat=1`, in UTC).
 *
 * @throws StoreError where it names a file of the service's in a way that is not understood: it must not be taken for absent
 */
export function parseQueryOutput(text: string): ArchivedFile[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const name = parseArchiveName(ownName.exec(line)?.[1] ?? '');
    if (name === undefined) return [];
    const [, whole = '', decimals = '', unit = '', date = '', time = ''] = row.exec(line) ?? [];
    const factor = unitBytes[unit];
    const archivedMs = Date.parse(`${date}T${time}Z`);
    if (factor === undefined || Number.isNaN(archivedMs)) throw notUnderstood();
    const bytes = Number(`${whole.replaceAll(',', '')}.${decimals}`) * factor;
    return [{ ...name, size: { bytes, toWithin: factor / 10 ** decimals.length }, archivedMs }];
  });
}

/** Whether anything is listed, somebody else's included. */
export function listsFiles(text: string): boolean {
  return text.split(/\r?\n/).some((line) => row.test(line));
}

/** Whether what was printed of a file's size can be that of so many bytes. */
export function hasSize({ size }: ArchivedFile, bytes: number): boolean {
  return Math.abs(size.bytes - bytes) < size.toWithin;
}

export function notUnderstood(): StoreError {
  return new StoreError('protocol', 'dsmc printed something else than it was asked for');
}
