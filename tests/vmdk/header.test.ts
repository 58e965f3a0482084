import { describe, expect, test } from '@jest/globals';
import { GD_AT_END } from '../../src/vmdk/format.js';
import { formatHeader, parseHeader, type SparseHeader } from '../../src/vmdk/header.js';
import { refusal } from './support/outcome.js';

const header: SparseHeader = {
  version: 3,
  flags: 0x30001,
  capacity: 209_714,
  grainSize: 128,
  entriesPerTable: 512,
  descriptorOffset: 1,
  descriptorSize: 1,
  rgdOffset: 0,
  gdOffset: GD_AT_END,
  overHead: 128,
};

describe('the sparse extent header', () => {
  test('is written as the format says, byte for byte', () => {
    expect(
      formatHeader(header)
        .subarray(0, 80)
        .toString('hex')
        .match(/.{1,16}/g),
    ).toEqual([
      '4b444d5603000000', // KDMV, version
      '0100030032330300', // flags, capacity …
      '0000000080000000', // … grain size …
      '0000000001000000', // … descriptor offset …
      '0000000001000000', // … descriptor size …
      '0000000000020000', // … entries in a table
      '0000000000000000', // redundant directory
      'ffffffffffffffff', // directory: in the footer
      '8000000000000000', // overhead
      '000a200d0a010000', // clean, line ends, deflate
    ]);
    expect(formatHeader(header)).toHaveLength(512);
  });

  test.each([
    header,
    { ...header, gdOffset: 5_000_000_000 },
    { ...header, capacity: 2 ** 37 },
    { ...header, version: 1, flags: 0x30003, rgdOffset: 21, gdOffset: 26, descriptorSize: 20 },
    { ...header, grainSize: 8 },
    { ...header, grainSize: 2048, entriesPerTable: 128 },
    { ...header, entriesPerTable: 65_536 },
  ])('is read as written: %j', (written) => {
    expect(parseHeader(formatHeader(written), 0)).toEqual(written);
  });

  test('points at the wrong field, wherever the header is', async () => {
    const bytes = formatHeader({ ...header, version: 7 });
    expect(await refusal(() => parseHeader(bytes, 1_000_000))).toBe('unsupported@1000004');
  });

  test('may have flags that readers may ignore', () => {
    expect(parseHeader(formatHeader({ ...header, flags: 0x30101 }), 0).flags).toBe(0x30101);
  });
});
