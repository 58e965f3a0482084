import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';

const bytesPerMiB = 1024 * 1024;
const pieceBytes = 64 * bytesPerMiB;

/** What a real disk has: a program, text, zeros, and bytes that do not compress. 256 MiB in all. */
export async function* realContent(): AsyncGenerator<Buffer> {
  yield* programBytes(pieceBytes);
  yield* textBytes(pieceBytes);
  for (let done = 0; done < pieceBytes; done += bytesPerMiB) yield Buffer.alloc(bytesPerMiB);
  for (let done = 0; done < pieceBytes; done += bytesPerMiB) yield randomBytes(bytesPerMiB);
}

/** What the demo destroys a disk with. */
export async function* damage(bytes: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; done += bytesPerMiB)
    yield await Promise.resolve(Buffer.alloc(bytesPerMiB, 'damaged '));
}

/** The bytes of the running Node binary. */
async function* programBytes(bytes: number): AsyncGenerator<Buffer> {
  await using file = await open(process.execPath);
  for (let done = 0; done < bytes;) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesPerMiB), 0, bytesPerMiB, done);
    if (bytesRead === 0) break;
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
}

function* textBytes(bytes: number): Generator<Buffer> {
  for (let done = 0, line = 0; done < bytes;) {
    const lines: string[] = [];
    for (let length = 0; length < bytesPerMiB; length += lines.at(-1)?.length ?? 0) {
      lines.push(`${line++} The quick brown fox jumps over the lazy dog.\n`);
    }
    const text = Buffer.from(lines.join('')).subarray(0, bytesPerMiB);
    yield text;
    done += text.length;
  }
}
