import type { Random } from '../../matrix/random.js';

/** Numbers at which readers err. */
const numbers = [0, 1, 2, 7, 127, 128, 511, 512, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const lengths = [1, 2, 12, 511, 512, 513, 1024, 4096, 66_048];

/** What may be written into a descriptor. */
const lines = [
  'parentCID=0',
  'parentcid=12345678',
  'parentFileNameHint=""',
  'PARENTFILENAMEHINT="/vmfs/volumes/x.vmdk"',
  'createtype="streamoptimized"',
  'rw 2048 sparse "x"',
  'RW 2048 FLAT "/etc/passwd" 0',
  'ddb.__proto__ = "x"',
  `${' '.repeat(400)}\r= =`,
  'CID=',
  '="""=',
];

/** A stream that was damaged some times in some ways, or not at all. */
export function mutate(random: Random, valid: Buffer): Buffer {
  let bytes = Buffer.from(valid);
  for (let times = random.below(4); times > 0; times--) bytes = damage(random, bytes);
  return bytes;
}

function damage(random: Random, bytes: Buffer): Buffer<ArrayBuffer> {
  if (bytes.length < 1024) return Buffer.from(bytes);
  const copy = Buffer.from(bytes);
  const at = place(random, copy);
  const count = random.pick(lengths);
  switch (random.below(10)) {
    case 0:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    case 1:
      copy.writeUInt32LE(random.pick(numbers), Math.min(at & ~3, copy.length - 4));
      return copy;
    case 2:
      copy.writeUInt32LE(random.below(2 ** 32), Math.min(at & ~3, copy.length - 4));
      return copy;
    case 3:
      return copy.fill(random.pick([0, 0xff]), at, Math.min(at + count, copy.length));
    case 4:
      copy.copyWithin(at, place(random, copy), copy.length - count);
      return copy;
    case 5:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + count)]);
    case 6:
      return Buffer.concat([copy.subarray(0, at + count), copy.subarray(at)]);
    case 7:
      return copy.subarray(0, at);
    case 8:
      copy.write(`\n${random.pick(lines)}\n`, 512 + random.below(400), 'latin1');
      return copy;
    default:
      return Buffer.concat([copy, random.pick([Buffer.alloc(count), Buffer.alloc(100_000), copy])]);
  }
}

/** Where something is, rather than in the zeros most of a small stream consists of. */
function place(random: Random, bytes: Buffer): number {
  const anywhere = random.below(bytes.length);
  if (random.below(3) === 0) return anywhere;
  if (random.below(2) === 0) return Math.min(random.below(1400), bytes.length - 1);
  return Math.min(anywhere - (anywhere % 512) + random.below(80), bytes.length - 1);
}
