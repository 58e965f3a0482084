import { describe, expect, test } from '@jest/globals';
import { formatDescriptor } from '../../src/vmdk/format-descriptor.js';
import { parseDescriptor } from '../../src/vmdk/parse-descriptor.js';
import { InvalidInputError } from '../../src/errors/index.js';
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
    const { descriptor, signed } = parseDescriptor(crlf, 512);
    expect(signed).toBe(false);
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

  test('are refused at the line that is wrong', async () => {
    const wrong = text('RW 10 FLAT "/etc/passwd" 0\n');
    expect(await refusal(() => parseDescriptor(wrong, 512))).toBe(`bad-descriptor@${512 + text().length}`);
  });
});
