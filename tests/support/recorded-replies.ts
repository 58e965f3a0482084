import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A reply of a real server. */
export interface RecordedReply {
  readonly file: string;
  /** The method it answers, or what was asked for instead: `GET https://…`. */
  readonly method: string;
  readonly body: Buffer;
}

/** Where recordings are on machines that have them; they are other projects' and no part of this one. */
const directory = path.resolve('../shared/recorded');

/** Replies recorded from real servers; none where there are no recordings here. */
export function recordedReplies(): RecordedReply[] {
  const archive = path.join(directory, 'replies.tar.xz');
  if (!existsSync(archive)) {
    console.warn('skipped: no replies of real servers, as ../shared/recorded is not here');
    return [];
  }
  const unpacked = mkdtempSync(path.join(tmpdir(), 'recorded-'));
  try {
    execFileSync('tar', ['-xJf', archive, '-C', unpacked]);
    const [, ...rows] = readFileSync(path.join(directory, 'ORIGIN.tsv'), 'utf8').trim().split('\n');
    const methods = new Map(rows.map((row) => row.split('\t')).map(([file = '', method = '']) => [file, method]));
    return [...methods].map(([file, method]) => ({ file, method, body: readFileSync(path.join(unpacked, file)) }));
  } finally {
    rmSync(unpacked, { recursive: true });
  }
}
