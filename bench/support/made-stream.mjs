// A stream of any length that nobody has to keep: its grains are noise that no codec has seen, which is nothing to a
// repository. It is the same each time.
import { Buffer } from 'node:buffer';
import { createCipheriv } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const MIB = 2 ** 20;
const sectorBytes = 512;
const markerBytes = 12;
/** Bytes of a grain's data; marker and padding make it 96 sectors. */
const dataBytes = 49_000;
const grainSectors = Math.ceil((markerBytes + dataBytes) / sectorBytes);

/**
 * The stream in chunks of 1 MiB, each in the same memory as the one before.
 *
 * @param {string} library the compiled package
 * @param {number} mib its length, about
 */
export async function* madeStream(library, mib) {
  /** @type {unknown} */
  const loaded = await import(pathToFileURL(join(library, 'vmdk', 'stream-writer.js')).href);
  const { StreamWriter } = /** @type {typeof import('../../src/vmdk/stream-writer.js')} */ (loaded);
  const grains = Math.floor((mib * MIB) / (grainSectors * sectorBytes));
  const sectors = 128 * grains;
  const descriptor = [
    '# Disk DescriptorFile',
    'version=1',
    'CID=fffffffe',
    'parentCID=ffffffff',
    'createType="streamOptimized"',
    `RW ${String(sectors)} SPARSE "disk.vmdk"`,
    'ddb.adapterType = "lsilogic"',
    '',
  ].join('\n');
  const writer = new StreamWriter(sectors, descriptor);
  const chunk = Buffer.allocUnsafeSlow(MIB);
  const grain = Buffer.alloc(grainSectors * sectorBytes);
  noise().copy(grain, markerBytes);
  grain.writeUInt32LE(dataBytes, 8);
  let filled = 0;
  /** @param {Buffer} bytes */
  function* put(bytes) {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(chunk, filled, at);
      at += copied;
      filled += copied;
      if (filled < MIB) return;
      filled = 0;
      yield chunk;
    }
  }
  yield* put(writer.begin());
  for (let index = 0; index < grains; index++) {
    const table = writer.grain(index, grainSectors);
    if (table !== undefined) yield* put(table);
    grain.writeBigUInt64LE(BigInt(128 * index), 0);
    grain.writeUInt32LE(index, markerBytes);
    yield* put(grain);
  }
  for (const piece of writer.end()) yield* put(piece);
  yield chunk.subarray(0, filled);
}

function noise() {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2)).update(Buffer.alloc(dataBytes));
}
