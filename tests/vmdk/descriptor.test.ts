import { describe, expect, test } from '@jest/globals';
import { InvalidInputError } from '../../src/errors/index.js';
import { DescriptorReader } from '../../src/vmdk/descriptor-reader.js';
import { formatDescriptor } from '../../src/vmdk/format-descriptor.js';
import { parseDescriptor } from '../../src/vmdk/parse-descriptor.js';
import { refusal } from './support/outcome.js';

describe('the descriptor we write', () => {
  test("is ESXi's, down to its order", () => {
    expect(formatDescriptor(61_440, { cid: 'bb17cc39' })).toBe(`# Disk DescriptorFile
version=1
CID=bb17cc39
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY 61440 SPARSE "generated-stream.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "30"
ddb.geometry.heads = "64"
ddb.geometry.sectors = "32"
ddb.longContentID = "d51c78ab0d8e6c1ae9c87a3489e34f30"
ddb.toolsInstallType = "4"
ddb.toolsVersion = "2147483647"
ddb.virtualHWVersion = "10"
`);
  });

  test('is read as written', () => {
    const uuid = '60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9';
    const text = formatDescriptor(2 ** 33, {
      adapterType: 'pvscsi',
      uuid,
      ddb: { comment: 'Prüfung', virtualHWVersion: '19' },
    });
    const { descriptor, extentSectors } = parseDescriptor(Buffer.from(text).toString('latin1'), 512);
    expect(extentSectors).toBe(2 ** 33);
    expect(descriptor).toMatchObject({ cid: 'fffffffe', adapterType: 'pvscsi', uuid, access: 'RDONLY' });
    expect(descriptor.ddb).toMatchObject({ comment: 'Prüfung', virtualHWVersion: '19', 'geometry.heads': '255' });
  });

  test.each([
    [{ cid: 'xyz' }],
    [{ adapterType: 'ide"\nRW 1 FLAT "/etc/passwd' }],
    [{ uuid: 'a\nb' }],
    [{ ddb: { 'a b': '1' } }],
    [{ ddb: { a: '"' } }],
  ])('does not let options write lines of their own: %j', (options) => {
    expect(() => formatDescriptor(2048, options)).toThrow(InvalidInputError);
  });
});

describe('descriptors of others', () => {
  const text = (extra = ''): string => {
    return `version=1 \nCID=7deb1ed \nparentCID=ffffffff \ncreateType="streamOptimized" \nRW 2048 SPARSE "x" \n${extra}`;
  };

  test('have blanks, unquoted values, comments, CRLF and short content ids', () => {
    const crlf = text('#DDB\nddb.adapterType="ide"\nddb.comment=""\n')
      .replaceAll('\n', '\r\n')
      .replaceAll('"stream', 'stream')
      .replaceAll('ized"', 'ized');
    const { descriptor, warnings } = parseDescriptor(crlf, 512);
    expect(warnings).toEqual(['no-descriptor-signature']);
    expect(descriptor).toMatchObject({ cid: '7deb1ed', adapterType: 'ide', uuid: undefined, ddb: { comment: '' } });
  });

  test("take VirtualBox's uuid", () => {
    expect(parseDescriptor(text('ddb.uuid.image="428fbafb"\n'), 512).descriptor.uuid).toBe('428fbafb');
  });

  test('cannot reach prototypes', () => {
    const { descriptor } = parseDescriptor(text('ddb.__proto__ = "x"\nddb.constructor = "y"\n'), 512);
    expect(Object.getPrototypeOf(descriptor.ddb)).toBe(Object.prototype);
    expect(Object.hasOwn(descriptor.ddb, '__proto__')).toBe(true);
  });

  test.each([
    ['names in other letters', (t: string) => t.replace('CID=7', 'cid=7').replace('createType', 'CREATETYPE')],
    ["VMware's own name in other letters", (t: string) => `${t}DDB.AdapterType = "ide"\n`],
    ['a type in small letters', (t: string) => t.replace('streamOptimized', 'streamoptimized')],
    ['an extent in small letters', (t: string) => t.replace('RW 2048 SPARSE', 'rw\t2048  sparse')],
  ])('are read although they have %s, and say so', (_what, change) => {
    const { descriptor, extentSectors, warnings } = parseDescriptor(change(text('ddb.uuid = "60 00"\n')), 512);
    expect(warnings).toEqual(['descriptor-spelling', 'no-descriptor-signature']);
    expect(extentSectors).toBe(2048);
    expect(descriptor).toMatchObject({ cid: '7deb1ed', access: 'RW', uuid: '60 00' });
  });

  test.each([
    ['parentCID=0', 'zero-parent-cid'],
    ['parentcid = "00000000"', 'zero-parent-cid'],
    ['parentCID=FFFFFFFF', undefined],
    ['parentCID=ffffffff\nparentFileNameHint=""', 'empty-parent-hint'],
    ['parentCID=00000000\nPARENTFILENAMEHINT = ', 'empty-parent-hint'],
  ])('have no parent where they say %j', (line, warning) => {
    const { warnings } = parseDescriptor(text().replace('parentCID=ffffffff', line), 512);
    if (warning === undefined) expect(warnings).toEqual(['no-descriptor-signature']);
    else expect(warnings).toContain(warning);
  });

  test.each([
    'parentCID=1',
    'parentCID=fffffffe',
    'parentCID=000000001',
    'parentCID=',
    'parentCID=ffffffff\nparentFileNameHint="/vmfs/base.vmdk"',
    'parentCID=0\nparentfilenamehint="/vmfs/base.vmdk"',
    'parentCID=0\nparentFileNameHint=""\nPARENTFILENAMEHINT=base.vmdk',
  ])('have one where they say %j', async (line) => {
    const descriptor = text().replace('parentCID=ffffffff', line);
    expect(await refusal(() => parseDescriptor(descriptor, 512))).toMatch(/^bad-descriptor@/);
  });

  test('may be long, and are read in no time whatever is in them', () => {
    const lines = [
      `${' '.repeat(1e6)}x`,
      `a=${' '.repeat(5e5)}y\r${' '.repeat(4e5)}z`,
      'a'.repeat(1e6),
      '=" '.repeat(3e5),
      '#\n'.repeat(5e5),
      '\r'.repeat(1e6),
      `${' '.repeat(1000)}\n`.repeat(1000),
      Array.from({ length: 9000 }, (_, i) => `ddb.${i} = 1`).join('\n'),
    ];
    for (const line of lines) {
      const began = process.cpuUsage();
      expect(parseDescriptor(text(line), 512).warnings).toContain('long-descriptor');
      const { user } = process.cpuUsage(began);
      // A regular expression that looks back takes minutes here.
      expect(user / 1e6).toBeLessThan(5);
    }
  });

  test('have some lines, not ten thousands', async () => {
    expect(await refusal(() => parseDescriptor(text('ddb.a = "b"\n'.repeat(10_001)), 512))).toMatch(/^bad-descriptor@/);
  });

  test('end somewhere', async () => {
    const reader = new DescriptorReader(512);
    const sector = Buffer.alloc(512, '# more\n');
    const read = (): void => {
      for (let i = 0; i < 3000; i++) reader.sector(sector, 0);
    };
    expect(await refusal(read)).toBe('bad-descriptor@512');
  });

  test('are refused at the line that is wrong', async () => {
    const wrong = text('RW 10 FLAT "/etc/passwd" 0\n');
    expect(await refusal(() => parseDescriptor(wrong, 512))).toBe(`bad-descriptor@${512 + text().length}`);
  });
});
