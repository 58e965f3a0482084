import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, rmdirSync } from 'node:fs';
import { appendFile, mkdtemp, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AbortError, FileError, InvalidInputError } from '../../src/errors/index.js';
import {
  decodeVmdk,
  decodeVmdkStream,
  encodeVmdk,
  encodeVmdkStream,
  inspectVmdk,
  verifyVmdk,
  type VmdkSink,
  type VmdkSource,
} from '../../src/vmdk/index.js';
import { InputFile } from '../../src/vmdk/input-file.js';
import { needing } from '../support/needing.js';
import { validVmdk } from '../support/vmdk-mutations.js';
import { chunked, collect, GRAIN, MemoryDisk, prose } from './support/disks.js';

let directory: string;
const at = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmdk-files-'));
  await writeFile(at('good.vmdk'), validVmdk('esxi').bytes);
  await writeFile(at('disk.raw'), prose('x', 3 * GRAIN));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Paths that nothing can be read from. */
const unreadable: [string, () => string | Promise<string>][] = [
  ['a missing file', () => at('none')],
  ['a file below a file', () => at('good.vmdk/none')],
  ['a directory', () => directory],
  ['a NUL', () => `${at('good.vmdk')}\0.txt`],
  ['an empty path', () => ''],
  ['a name that is too long', () => at('x'.repeat(300))],
  [
    'a pipe nobody writes into',
    () => {
      execFileSync('mkfifo', [at('pipe')]);
      return at('pipe');
    },
  ],
  ['a character device', () => '/dev/zero'],
];

describe.each(unreadable)('a path that is %s', (_name, make) => {
  test.each([
    ['inspectVmdk', 'from', (path: string) => inspectVmdk(path)],
    ['verifyVmdk', 'from', (path: string) => verifyVmdk(path)],
    ['decodeVmdkStream', 'source', (path: string) => decodeVmdkStream(path, new MemoryDisk(0))],
    ['decodeVmdk', 'vmdkPath', (path: string) => decodeVmdk(path, at('out'))],
    ['encodeVmdk', 'rawPath', (path: string) => encodeVmdk(path, at('out'))],
  ])('%s refuses', async (_operation, field, act) => {
    const path = await make();
    const before = await readdir(directory);
    const error: unknown = await act(path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ field });
    expect(await readdir(directory)).toEqual(before);
  });
});

test('a socket is no file either', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
  await expect(inspectVmdk(at('socket'))).rejects.toThrow(InvalidInputError);
  await new Promise((resolve) => server.close(resolve));
});

describe('a result', () => {
  const wrong: [string, () => string][] = [
    [
      'a directory',
      () => {
        execFileSync('mkdir', [at('there')]);
        return at('there');
      },
    ],
    [
      'a pipe',
      () => {
        execFileSync('mkfifo', [at('there')]);
        return at('there');
      },
    ],
    ['a device', () => '/dev/null'],
    ['a name in a directory that is missing', () => at('none/out')],
    ['a NUL', () => at('o\0ut')],
  ];

  test.each(wrong)('does not take the place of %s', async (_name, make) => {
    const path = make();
    const before = (await readdir(directory)).sort();
    for (const [field, act] of [
      ['rawPath', () => decodeVmdk(at('good.vmdk'), path)],
      ['vmdkPath', () => encodeVmdk(at('disk.raw'), path)],
    ] as const) {
      const error: unknown = await act().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(error).toMatchObject({ field });
    }
    expect((await readdir(directory)).sort()).toEqual(before);
  });
});

describe('a result that is to have the name of what it is made of', () => {
  test('is refused, and what is there stays', async () => {
    const before = [await readFile(at('good.vmdk')), await readFile(at('disk.raw'))];
    await symlink(at('good.vmdk'), at('link.vmdk'));
    for (const [field, act] of [
      ['rawPath', () => decodeVmdk(at('good.vmdk'), `${directory}/./good.vmdk`)],
      ['rawPath', () => decodeVmdk(at('link.vmdk'), at('good.vmdk'))],
      ['vmdkPath', () => encodeVmdk(at('disk.raw'), at('disk.raw'))],
    ] as const) {
      const error: unknown = await act().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(error).toMatchObject({ field });
    }
    expect([await readFile(at('good.vmdk')), await readFile(at('disk.raw'))]).toEqual(before);
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'good.vmdk', 'link.vmdk']);
  });

  test('takes the place of a link to it, and leaves it where it is', async () => {
    await symlink(at('good.vmdk'), at('link.vmdk'));
    const { capacityBytes } = await decodeVmdk(at('good.vmdk'), at('link.vmdk'));
    expect((await readFile(at('link.vmdk'))).length).toBe(capacityBytes);
    expect((await inspectVmdk(at('good.vmdk'))).capacityBytes).toBe(capacityBytes);
  });
});

const small = mkdtempSync(join(tmpdir(), 'vmdk-small-'));
const mounted = mountSmall();
afterAll(() => {
  if (mounted) execFileSync('umount', [small]);
  rmdirSync(small);
});

function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

needing(mounted, 'a small file system cannot be mounted here (it takes root on Linux)').test(
  'a result that does not fit fails with an error of its own, and leaves nothing',
  async () => {
    const error: unknown = await decodeVmdk(at('good.vmdk'), join(small, 'out')).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: 'FILE_FAILED', cause: { code: 'ENOSPC' } });
    expect(await readdir(small)).toEqual([]);
  },
);

describe('a file that changes while it is read', () => {
  const capacity = 64 * GRAIN;

  /** Encodes an image that is changed after some of it was read. */
  async function encodeChanged(change: (path: string) => Promise<void>): Promise<unknown> {
    const path = at('changing.raw');
    await writeFile(path, prose('y', capacity));
    async function* dataExtents() {
      yield { start: 0, end: 32 * GRAIN };
      await change(path);
      yield { start: 32 * GRAIN, end: capacity };
    }
    return encodeVmdk(path, at('out.vmdk'), { dataExtents, workers: 1 }).catch((caught: unknown) => caught);
  }

  test.each([
    ['longer', (path: string) => appendFile(path, 'more')],
    ['shorter', (path: string) => truncate(path, 40 * GRAIN)],
  ])('an image that gets %s is not encoded', async (_what, change) => {
    const error = await encodeChanged(change);
    expect(error).toBeInstanceOf(FileError);
    expect(String(error)).toContain('somebody writes it');
    expect(await readdir(directory)).not.toContain('out.vmdk');
  });

  test('a stream that grows for ever is not read for ever', async () => {
    const path = at('growing.vmdk');
    const { bytes } = validVmdk('esxi');
    await writeFile(path, Buffer.concat([bytes, Buffer.alloc(2 ** 20)]));
    const file = await InputFile.open('from', path);
    const buffer = Buffer.alloc(2 ** 20);
    let position = await file.read(buffer, 0);
    await appendFile(path, Buffer.alloc(2 ** 21));
    const readOn = async (): Promise<void> => {
      for (;;) position += await file.read(buffer, position);
    };
    await expect(readOn()).rejects.toThrow(FileError);
    expect(position).toBeLessThanOrEqual(bytes.length + 2 ** 20);
    await file.close();
  });
});

describe('what is given as a stream', () => {
  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['an array', [Buffer.alloc(512)]],
    ['an object', {}],
  ])('and is %s, is refused', async (_name, from) => {
    await expect(inspectVmdk(from as unknown as string)).rejects.toThrow(InvalidInputError);
    await expect(verifyVmdk(from as unknown as string)).rejects.toThrow(InvalidInputError);
  });

  test.each([['text'], [{ a: 1 }], [[1, 2]], [null], [new DataView(new ArrayBuffer(8))]])(
    'and gives %p, is refused',
    async (chunk) => {
      async function* chunks() {
        yield chunk;
      }
      const from = chunks() as AsyncIterable<Uint8Array>;
      await expect(inspectVmdk(from)).rejects.toThrow(InvalidInputError);
    },
  );

  test('and fails late, ends nobody', async () => {
    const { Readable } = await import('node:stream');
    const readable = Readable.from([Buffer.alloc(600, 1), Buffer.alloc(600, 1)]);
    await expect(inspectVmdk(readable)).rejects.toMatchObject({ reason: 'not-vmdk' });
    readable.emit('error', new Error('late'));
  });
});

describe('options', () => {
  test.each([
    [{ signal: {} }, 'signal'],
    [{ signal: new AbortController() }, 'signal'],
    [{ signal: null }, 'signal'],
    [{ onProgress: 5 }, 'onProgress'],
    [null, 'options'],
  ])('that are not what they must be are refused: %j', async (options, field) => {
    const wrong = options as never;
    const all = [
      inspectVmdk(at('good.vmdk'), wrong),
      verifyVmdk(at('good.vmdk'), wrong),
      decodeVmdk(at('good.vmdk'), at('out'), wrong),
      encodeVmdk(at('disk.raw'), at('out'), wrong),
    ];
    for (const result of await Promise.allSettled(all)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_INPUT', field } });
    }
  });

  test('a listener that throws or rejects is no reason to fail', async () => {
    const onProgress = () => {
      throw new Error('mine');
    };
    const rejecting = (() => Promise.reject(new Error('mine'))) as () => void;
    await expect(inspectVmdk(at('good.vmdk'), { onProgress })).resolves.toMatchObject({ grainCount: 6 });
    await expect(verifyVmdk(at('good.vmdk'), { onProgress: rejecting })).resolves.toMatchObject({ grainCount: 6 });
    await encodeVmdk(at('disk.raw'), at('out.vmdk'), { onProgress: rejecting });
  });
});

describe('who never answers does not hold up an abort', () => {
  const never = <T>(): Promise<T> => new Promise(() => undefined);

  test('a sink', async () => {
    const controller = new AbortController();
    const sink = {
      write: () => {
        controller.abort();
        return never<void>();
      },
    };
    await expect(
      decodeVmdkStream(chunked(validVmdk('esxi').bytes), sink, { signal: controller.signal }),
    ).rejects.toThrow(AbortError);
  });

  test('a source', async () => {
    const controller = new AbortController();
    const read = () => {
      controller.abort();
      return never<number>();
    };
    const stream = encodeVmdkStream({ capacityBytes: GRAIN, read }, { signal: controller.signal });
    const all = async () => {
      for await (const chunk of stream) expect(chunk).toBeDefined();
    };
    await expect(all()).rejects.toThrow(AbortError);
  });

  test('a source that does not go on telling its extents: no file is left', async () => {
    const controller = new AbortController();
    async function* dataExtents() {
      yield { start: 0, end: GRAIN };
      controller.abort();
      await never();
    }
    await expect(encodeVmdk(at('disk.raw'), at('out'), { signal: controller.signal, dataExtents })).rejects.toThrow(
      AbortError,
    );
    expect((await readdir(directory)).sort()).toEqual(['disk.raw', 'good.vmdk']);
  });
});

describe('what lacks what is called on it is refused by name', () => {
  const read = () => Promise.resolve(0);
  const write = () => Promise.resolve();

  test.each<[string, unknown]>([
    ['sink', null],
    ['sink', 'disk.raw'],
    ['write', {}],
    ['truncate', { write, truncate: 512 }],
  ])('%s of a sink: %p', async (field, sink) => {
    const decoded = decodeVmdkStream(at('good.vmdk'), sink as VmdkSink);
    await expect(decoded).rejects.toMatchObject({ code: 'INVALID_INPUT', field });
  });

  test.each<[string, unknown]>([
    ['source', null],
    ['read', { capacityBytes: 512 }],
    ['dataExtents', { capacityBytes: 512, read, dataExtents: [] }],
    ['dataExtents', { capacityBytes: 512, read, dataExtents: () => undefined }],
  ])('%s of a source: %p', async (field, source) => {
    const encoded = collect(encodeVmdkStream(source as VmdkSource));
    await expect(encoded).rejects.toMatchObject({ code: 'INVALID_INPUT', field });
  });
});

test('opening a pipe that somebody writes into does not take from it', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const writer = await open(at('pipe'), constants.O_RDWR);
  await writer.write('mine');
  await expect(inspectVmdk(at('pipe'))).rejects.toThrow('is a pipe');
  const { buffer, bytesRead } = await writer.read(Buffer.alloc(10), 0, 10, null);
  expect(buffer.toString('latin1', 0, bytesRead)).toBe('mine');
  await writer.close();
});
