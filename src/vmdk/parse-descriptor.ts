import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import type { VmdkDescriptor } from './descriptor.js';
import type { VmdkWarning } from './vmdk-info.js';

/** A descriptor, and what of it must agree with the rest of the stream. */
export interface ParsedDescriptor {
  readonly descriptor: VmdkDescriptor;
  /** Sectors of its only extent. */
  readonly extentSectors: number;
  readonly warnings: readonly VmdkWarning[];
}

/** Real descriptors have less than 2 KiB. */
const LONG_TEXT = 65_536;

/** Lines that can be entries or extents we know, by their first letters, and the most of them: their names take memory. */
const MEANINGFUL = /(?<![^\n])[^\S\n]*(?:cid|parent|createtype|ddb\.|rw|rdonly|noaccess)[^\n]*/gi;
const MAX_LINES = 10_000;

/** Entries that mean something here, by their names in small letters; each is known by its usual spelling. */
const KNOWN = new Map(
  ['CID', 'parentCID', 'createType', 'parentFileNameHint', 'ddb.adapterType', 'ddb.uuid', 'ddb.uuid.image'].map(
    (name) => [name.toLowerCase(), name],
  ),
);

/** Entries which two readers might believe differently if they were there twice. */
const SINGLE = new Set(['CID', 'parentCID', 'createType']);

const EXTENT_ACCESS = new Set(['RW', 'RDONLY', 'NOACCESS']);

/**
 * Reads the embedded text descriptor, as VMware's own tools do: capitals and small letters are the same to it.
 *
 * It must describe one disk in one sparse extent: a flat extent, or a parent, would have a reader open other files, by
 * names that a stream's writer chose.
 *
 * @param text - the descriptor, a character per byte
 * @param at - its place in the stream, in bytes
 * @throws InvalidVmdkError `bad-descriptor`, `not-stream-optimized`
 */
export function parseDescriptor(text: string, at: number): ParsedDescriptor {
  const parser = new DescriptorParser();
  let lines = 0;
  for (const { index, 0: line } of text.matchAll(MEANINGFUL)) {
    if (++lines > MAX_LINES) throw refusal(at + index, `has more than ${MAX_LINES} lines that mean something`);
    parser.line(line.trim(), at + index);
  }
  if (!text.startsWith('# Disk DescriptorFile')) parser.warnings.add('no-descriptor-signature');
  if (text.length > LONG_TEXT) parser.warnings.add('long-descriptor');
  return parser.end(at);
}

class DescriptorParser {
  readonly warnings = new Set<VmdkWarning>();
  readonly #known = new Map<string, string>();
  readonly #ddb = new Map<string, string>();
  #extent: { readonly access: string; readonly sectors: number } | undefined;

  line(line: string, at: number): void {
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(0, equals)).trimEnd();
    if (/^[\w.-]+$/.test(name)) this.#entry(name, valueOf(line.slice(equals + 1).trimStart()), at);
    else this.#extentLine(line, at);
  }

  end(at: number): ParsedDescriptor {
    const cid = this.#known.get('CID');
    if (cid === undefined) throw refusal(at, 'has no CID');
    if (!this.#known.has('createType')) throw refusal(at, 'has no createType');
    if (this.#extent === undefined) throw refusal(at, 'has no extent');
    const { access, sectors } = this.#extent;
    return {
      descriptor: {
        cid,
        adapterType: this.#known.get('ddb.adapterType'),
        uuid: this.#known.get('ddb.uuid') ?? this.#known.get('ddb.uuid.image'),
        access,
        ddb: Object.fromEntries(this.#ddb),
      },
      extentSectors: sectors,
      warnings: [...this.warnings],
    };
  }

  #entry(written: string, bytes: string, at: number): void {
    const value = Buffer.from(bytes, 'latin1').toString('utf8');
    const small = written.toLowerCase();
    if (small.startsWith('ddb.')) this.#ddb.set(written.slice('ddb.'.length), value);
    const name = KNOWN.get(small);
    if (name === undefined) return;
    if (name !== written) this.warnings.add('descriptor-spelling');
    if (SINGLE.has(name) && this.#known.has(name)) throw refusal(at, `has ${name} twice`);
    this.#known.set(name, value);
    if (name === 'CID' && !/^[0-9a-f]{1,8}$/i.test(value)) throw refusal(at, 'has no valid CID');
    if (name === 'createType') this.#checkType(value, at);
    // Some writers put 0 where there is no parent. Where there is one, its name is given as well.
    if (name === 'parentCID' && /^0{1,8}$/.test(value)) this.warnings.add('zero-parent-cid');
    else if (name === 'parentCID' && !/^f{8}$/i.test(value)) throw refusal(at, 'has a parent');
    if (name === 'parentFileNameHint' && value !== '') throw refusal(at, 'has a parent');
    if (name === 'parentFileNameHint') this.warnings.add('empty-parent-hint');
  }

  #checkType(value: string, at: number): void {
    if (value.toLowerCase() !== 'streamoptimized') {
      throw new InvalidVmdkError('not-stream-optimized', at, `the descriptor says ${shown(value)}`);
    }
    if (value !== 'streamOptimized') this.warnings.add('descriptor-spelling');
  }

  #extentLine(line: string, at: number): void {
    const [access = '', sectors = '', type = ''] = line.split(/\s+/, 3);
    if (!EXTENT_ACCESS.has(access.toUpperCase()) || !/^\d{1,16}$/.test(sectors)) return;
    if (this.#extent !== undefined) throw refusal(at, 'has more than one extent');
    if (type.toUpperCase() !== 'SPARSE') throw refusal(at, `has an extent of type ${shown(type)}, not SPARSE`);
    if (access !== access.toUpperCase() || type !== 'SPARSE') this.warnings.add('descriptor-spelling');
    this.#extent = { access: access.toUpperCase(), sectors: Number(sectors) };
  }
}

/** What stands behind the equals sign: in quotes, or bare. */
function valueOf(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 40));
}

function refusal(at: number, message: string): InvalidVmdkError {
  return new InvalidVmdkError('bad-descriptor', at, `the descriptor ${message}`);
}
