import { InvalidVmdkError } from '../errors/invalid-vmdk-error.js';
import type { VmdkDescriptor } from './descriptor.js';

/** A descriptor, and what of it must agree with the rest of the stream. */
export interface ParsedDescriptor {
  readonly descriptor: VmdkDescriptor;
  /** Sectors of its only extent. */
  readonly extentSectors: number;
  /** Whether the first line is `# Disk DescriptorFile`, as it should be. */
  readonly signed: boolean;
}

const EXTENT = /^(RW|RDONLY|NOACCESS)\s+(\d{1,16})\s+(\S+)(?:\s|$)/;
const ENTRY = /^([\w.-]+)\s*=\s*(?:"(.*)"|(.*))$/;
/** Entries which two readers might believe differently if they were there twice. */
const SINGLE = new Set(['CID', 'parentCID', 'createType']);

/**
 * Reads the embedded text descriptor.
 *
 * It must describe one disk in one sparse extent: a flat extent, or a parent, would have a reader open other files, by
 * names that a stream's writer chose.
 *
 * @param text - the descriptor, a character per byte
 * @param at - its place in the stream, in bytes
 * @throws InvalidVmdkError `bad-descriptor`, `not-stream-optimized`
 */
export function parseDescriptor(text: string, at: number): ParsedDescriptor {
  const entries = new Map<string, string>();
  const ddb = new Map<string, string>();
  let extent: { access: string; sectors: number } | undefined;
  let offset = at;

  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const refuse = (message: string): never => {
      throw new InvalidVmdkError('bad-descriptor', offset, `the descriptor ${message}`);
    };
    const [, access, sectors, type] = EXTENT.exec(line) ?? [];
    if (access !== undefined) {
      if (extent !== undefined) refuse('has more than one extent');
      if (type !== 'SPARSE') refuse(`has an extent of type ${JSON.stringify(type)}, not SPARSE`);
      extent = { access, sectors: Number(sectors) };
    }
    const [, name, quoted, bare] = line.startsWith('#') ? [] : (ENTRY.exec(line) ?? []);
    if (name !== undefined) {
      const value = Buffer.from(quoted ?? bare ?? '', 'latin1').toString('utf8');
      if (SINGLE.has(name) && entries.has(name)) refuse(`has ${name} twice`);
      if (name === 'parentCID' && !/^f{8}$/i.test(value)) refuse('has a parent');
      if (name === 'parentFileNameHint') refuse('has a parent');
      if (name === 'CID' && !/^[0-9a-f]{1,8}$/i.test(value)) refuse('has no valid CID');
      if (name === 'createType' && value !== 'streamOptimized') {
        throw new InvalidVmdkError('not-stream-optimized', offset, `the descriptor says ${JSON.stringify(value)}`);
      }
      if (name.startsWith('ddb.')) ddb.set(name.slice('ddb.'.length), value);
      else entries.set(name, value);
    }
    offset += raw.length + 1;
  }

  const cid = entries.get('CID');
  if (cid === undefined) throw new InvalidVmdkError('bad-descriptor', at, 'the descriptor has no CID');
  if (!entries.has('createType')) throw new InvalidVmdkError('bad-descriptor', at, 'the descriptor has no createType');
  if (extent === undefined) throw new InvalidVmdkError('bad-descriptor', at, 'the descriptor has no extent');

  return {
    descriptor: {
      cid,
      adapterType: ddb.get('adapterType'),
      uuid: ddb.get('uuid') ?? ddb.get('uuid.image'),
      access: extent.access,
      ddb: Object.fromEntries(ddb),
    },
    extentSectors: extent.sectors,
    signed: text.startsWith('# Disk DescriptorFile'),
  };
}
