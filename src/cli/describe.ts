import type { VmdkInfo } from '../index.js';
import { formatBytes } from './amounts.js';

/** A table of a heading and rows, its columns in line. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heading.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [heading, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** What a stream is. */
export function describeDisk(disk: VmdkInfo): string[] {
  return [
    `disk     ${formatBytes(disk.capacityBytes)}, ${formatBytes(disk.allocatedBytes)} of it in the stream`,
    `stream   ${formatBytes(disk.streamBytes)}, layout ${disk.layout}`,
    ...(disk.importable ? [] : [`vSphere would not import it as it is: ${disk.importProblems.join(', ')}`]),
    ...(disk.warnings.length === 0 ? [] : [`unusual: ${disk.warnings.join(', ')}`]),
  ];
}
