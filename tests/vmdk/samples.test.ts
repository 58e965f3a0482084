import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeVmdk, inspectVmdk, verifyVmdk, type VmdkInfo } from '../../src/vmdk/index.js';
import { needing } from '../support/needing.js';
import { refusal } from './support/outcome.js';
import { compareImages, hasQemu } from './support/qemu.js';

/** Streams of other people's tools, which the project does not contain. */
const SAMPLES = resolve('../shared/samples');
const present = existsSync(SAMPLES);

/** Of the files there, those that are whole streams, and what is known of them. */
const CONFORMING: Record<string, Partial<VmdkInfo>> = {
  // VMware's vmware-vdiskmanager
  'strozfriedberg-vmdk-rs/data_streamOptimized.vmdk': {
    layout: 'front',
    grainCount: 52,
    capacityBytes: 10_485_760,
    importable: true,
  },
  // VMDK-stream-converter
  'strozfriedberg-vmdk-rs/data_streamOptimizedWithMarkers.vmdk': {
    layout: 'patched',
    grainCount: 16,
    capacityBytes: 1_048_576,
    warnings: ['no-descriptor-signature'],
  },
  // vmdktool
  'glennmatthews-cot/COT_tests_blank.vmdk': {
    layout: 'patched',
    grainCount: 0,
    capacityBytes: 2 ** 29,
    importable: true,
  },
  'glennmatthews-cot/COT_tests_input.vmdk': {
    layout: 'patched',
    grainCount: 0,
    capacityBytes: 2 ** 30,
    importable: true,
  },
  // VirtualBox
  'glennmatthews-cot/COT_tests_ubuntu.2.0-disk1.vmdk': {
    layout: 'esxi',
    grainCount: 0,
    capacityBytes: 2 ** 33,
    importable: true,
  },
  // qemu-img
  'SecurityRonin-vmdk-forensic/core_tests_data_compressed_stream_opt.vmdk': {
    layout: 'qemu',
    grainCount: 1,
    capacityBytes: 65_536,
  },
  'SecurityRonin-vmdk-forensic/core_tests_data_stream_opt.vmdk': {
    layout: 'qemu',
    grainCount: 0,
    needsEndOfStream: true,
  },
  'masahiro331-go-vmdk-parser/pkg_virtualization_vmdk_testdata_vmdk-streamoptimized.img': {
    layout: 'qemu',
    grainCount: 0,
    needsEndOfStream: true,
  },
};
const NOT_STREAMS = /\.(md|tsv|ovf|mf)$/;
const others = present
  ? readdirSync(SAMPLES, { recursive: true, encoding: 'utf8' }).filter((name) => {
      return statSync(join(SAMPLES, name)).isFile() && !NOT_STREAMS.test(name) && !(name in CONFORMING);
    })
  : ['none'];

needing(present, 'streams of other tools (../shared/samples) are not here').describe('streams of other tools', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vmdk-samples-'));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  test.each(Object.entries(CONFORMING))('are read right: %s', async (name, known) => {
    const path = join(SAMPLES, name);
    const info = await inspectVmdk(path);
    expect(info).toMatchObject(known);
    expect(info.streamBytes + info.paddingBytes).toBe(statSync(path).size);
    await expect(verifyVmdk(path)).resolves.toEqual(info);
    const raw = join(directory, 'disk.raw');
    await decodeVmdk(path, raw);
    expect(statSync(raw).size).toBe(info.capacityBytes);
    if (hasQemu) expect(await compareImages(['raw', raw], ['vmdk', path])).toBe('identical');
  });

  test("VMware's own has the content its authors published", async () => {
    const raw = join(directory, 'vmware.raw');
    await decodeVmdk(join(SAMPLES, 'strozfriedberg-vmdk-rs/data_streamOptimized.vmdk'), raw);
    const digest = createHash('sha256')
      .update(await readFile(raw))
      .digest('hex');
    expect(digest).toMatch(/^a3bcf05f07a1c06a/);
  });

  test.each(others)('are refused if they are none: %s', async (name) => {
    expect(await refusal(() => inspectVmdk(join(SAMPLES, name)))).toMatch(/^[a-z-]+@\d+$/);
  });

  test("ovftool's first MiB is understood up to its end", async () => {
    const bytes = gunzipSync(await readFile(join(SAMPLES, 'vmware-govmomi/ttylinux-pc_i486-16.1-disk1.vmdk.gz')));
    const path = join(directory, 'ovftool.vmdk');
    await writeFile(path, bytes);
    expect(await refusal(() => verifyVmdk(path))).toBe('truncated@1048576');
  });
});
