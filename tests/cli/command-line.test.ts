import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { until } from '../support/until.js';
import { CommandLine } from './support/command-line.js';
import { addVolume, volumeId } from './support/volume.js';

let commandLine: CommandLine;
let simulator: Simulator;
/** A store of the test's own. */
let store: string;
const volume = ['--volume', volumeId, '--size', '1'];

beforeAll(async () => {
  commandLine = await CommandLine.build();
  simulator = await startSimulator();
  commandLine.connectTo(simulator);
  await addVolume(simulator, 8 * 1024 * 1024);
});
beforeEach(async () => {
  store = await mkdtemp(commandLine.path('store-'));
});
afterAll(async () => {
  await (simulator as Simulator | undefined)?.close();
  await (commandLine as CommandLine | undefined)?.[Symbol.asyncDispose]();
});

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

/** Stores a backup and gives its manifest's path. */
async function backUp(id: string): Promise<string> {
  const manifest = join(store, '..', `${id}.json`);
  const ended = await commandLine.run([
    'backup',
    ...volume,
    '--to',
    `file:${store}`,
    '--backup',
    id,
    '--manifest',
    manifest,
  ]);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  return manifest;
}

async function expectNoLeftovers(): Promise<void> {
  // The server may notice a moment later than the client that a connection was closed.
  await until(() => simulator.leftovers().every(({ kind }) => kind !== 'transfer'));
  expect(simulator.leftovers()).toEqual([]);
}

describe('--json', () => {
  test('of a backup is its manifest, which verify and restore take', async () => {
    const { stdout } = await commandLine.run(['backup', ...volume, '--to', `file:${store}`, '--json']);
    expect(json(stdout)).toMatchObject({ formatVersion: 1, volumeId, capacityBytes: 1024 ** 3 });
    const manifest = commandLine.path('printed.json');
    await writeFile(manifest, stdout);

    const verified = await commandLine.run(['verify', '--from', `file:${store}`, '--manifest', manifest, '--json']);
    expect(json(verified.stdout)).toMatchObject({ comparedWithManifest: true });
    const restored = await commandLine.run([
      'restore',
      ...volume,
      '--from',
      `file:${store}`,
      '--manifest',
      manifest,
      '--json',
    ]);
    expect(json(restored.stdout)).toMatchObject({ volumeId, created: false, cleanup: 'done' });
    await expectNoLeftovers();
  });

  test('of an error has its code and what to do, and nothing else is said', async () => {
    const { stdout, stderr, status } = await commandLine.run([
      'verify',
      '--volume',
      'v',
      '--backup',
      'b',
      '--from',
      `file:${store}`,
      '--json',
    ]);
    expect(json(stdout)['error']).toMatchObject({
      code: 'BACKUP_NOT_FOUND',
      advice: expect.stringContaining('list') as unknown,
    });
    expect({ stderr, status }).toEqual({ stderr: '', status: 1 });
  });
});

describe('--json of what cannot be understood', () => {
  test.each([
    ['an unknown option', ['list', '--from', 'file:/tmp', '--form', 'x', '--json'], "unknown option '--form'"],
    ['an unknown command', ['--json', 'backups'], "unknown command 'backups'"],
    ['a missing option', ['list', '--json'], '--from'],
    ['no command', ['--json'], 'no command is given'],
  ])('%s is an error that programs can read', async (_name, words, message) => {
    const { stdout, status } = await commandLine.run(words);
    expect(json(stdout)).toEqual({ error: { code: 'USAGE', message: expect.stringContaining(message) as unknown } });
    expect(status).toBe(2);
  });
});

describe('exit codes', () => {
  test('0 for each, where all is well; ids of backups differ', async () => {
    await commandLine.run(['backup', ...volume, '--to', `file:${store}`]);
    await commandLine.run(['backup', ...volume, '--to', `file:${store}`]);
    const { status, stdout } = await commandLine.run(['list', '--from', `file:${store}`, '--json']);
    expect(status).toBe(0);
    expect(json(stdout)).toMatchObject({ backups: [{ volumeId }, { volumeId }], unreadable: [] });
  });

  test('1, and two lines, for what failed', async () => {
    const { status, stderr } = await commandLine.run([
      'verify',
      '--volume',
      'v',
      '--backup',
      'b',
      '--from',
      `file:${store}`,
    ]);
    expect(status).toBe(1);
    expect(stderr).toBe(
      'error: BACKUP_NOT_FOUND: there is no backup b\n  `vmdk-driver list --from <url>` tells what is there\n',
    );
  });

  test('1 where the manifest cannot be written, and the backup is stored all the same', async () => {
    const args = ['backup', ...volume, '--to', `file:${store}`, '--backup', 'stored', '--manifest', 'nowhere/m.json'];
    const { status, stdout, stderr } = await commandLine.run(args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^error: backup stored is stored, but its manifest could not be written: .*\n$/);
    const listed = await commandLine.run(['list', '--from', `file:${store}`, '--json']);
    expect(json(listed.stdout)).toMatchObject({ backups: [{ id: 'stored' }] });
  });

  test.each([
    ['an unknown command', ['bakup']],
    ['no command', []],
    ['a missing option', ['backup', '--to', 'file:x']],
    ['an unknown option', ['list', '--from', 'file:x', '--frmo']],
    ['a size that is none', ['backup', '--volume', 'v', '--size', '1.5', '--to', 'file:x']],
    ['a URL that is none', ['list', '--from', '/srv/backups']],
    ['a store there is not', ['list', '--from', 'tape:x']],
    ['an argument too many', ['decode', 'a', 'b', 'c']],
    ['a volume that is none', ['backup', '--volume', ' v ', '--size', '1', '--to', 'file:x']],
    ['a spec that is none', ['backup', ...volume, '--to', 'file:x', '--spec', 'thick']],
    ['a file that is not there', ['recover', '--password-file', 'nowhere']],
    ['a password in an argument', ['recover', '--url', 'https://user:secret@vcenter.example']],
    ['an unknown option of the driver', ['recover', '--config', 'config.json']],
    ['no rule of retention', ['repository', 'retention', 'file:repository', '--pin', 'x']],
  ])('2 for %s', async (_, args) => {
    await writeFile(commandLine.path('config.json'), '{ "tmpdir": "/tmp" }');
    await commandLine.run(['repository', 'init', 'file:repository']);
    const { status, stdout, stderr } = await commandLine.run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/secret|^ +at /m);
  });

  test('2 where it is not said where to connect to', async () => {
    const { status, stderr } = await commandLine.run(['recover'], { GOVC_URL: '' });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'error: it is not said which vCenter or ESXi host: give --url or set GOVC_URL\n',
    });
  });

  test('2 for a URL that is none, which is not repeated', async () => {
    const { status, stderr } = await commandLine.run(['recover'], {
      GOVC_URL: 'https://user:100%secret@vcenter.example',
    });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'error: GOVC_URL is not the URL of a server, such as https://vcenter.example/sdk\n',
    });
  });

  test('3 for a volume that is in use', async () => {
    simulator.powerOn(`volume-${volumeId}`);
    try {
      const { status, stderr } = await commandLine.run(['backup', ...volume, '--to', `file:${store}`]);
      expect(status).toBe(3);
      expect(stderr).toContain('BACKING_IN_USE');
    } finally {
      simulator.powerOff(`volume-${volumeId}`);
    }
  });

  test.each(['file', 'stream'])('3 for an export that broke off: by %s', async (transfer) => {
    await writeFile(commandLine.path('config.json'), JSON.stringify({ transfer }));
    simulator.injectTransferFault({ direction: 'export', atByte: 1024 * 1024, kind: 'truncate' });
    const args = ['backup', ...volume, '--to', `file:${store}`, '--config', 'config.json'];
    const { status, stderr } = await commandLine.run(args);
    expect(status).toBe(3);
    expect(stderr).toMatch(/^error: INVALID_VMDK: .*\n {2}try again; no backup was stored\n$/);
    await expectNoLeftovers();
  });

  test('4 for a backup that is not what was stored', async () => {
    const manifest = await backUp('damaged');
    const [stream = ''] = (await readdir(store)).filter((name) => name.endsWith('.vmdk'));
    const bytes = await readFile(join(store, stream));
    bytes.writeUInt8(bytes.readUInt8(300_000) ^ 1, 300_000);
    await writeFile(join(store, stream), bytes);
    expect(await commandLine.run(['verify', '--from', `file:${store}`, '--manifest', manifest])).toMatchObject({
      status: 4,
    });
    expect(
      await commandLine.run(['restore', ...volume, '--from', `file:${store}`, '--manifest', manifest]),
    ).toMatchObject({ status: 4 });
    await expectNoLeftovers();
  });

  test('4 for a damaged repository', async () => {
    const url = `repository+file:${store}`;
    await commandLine.run(['repository', 'init', url]);
    await commandLine.run(['backup', ...volume, '--to', url]);
    const data = join(store, 'data');
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) await writeFile(join(entry.parentPath, entry.name), 'not the pack');
    }
    const { status, stdout } = await commandLine.run(['repository', 'verify', url]);
    expect({ status, stdout }).toMatchObject({ status: 4, stdout: expect.stringContaining('damaged: ') as unknown });
  });

  test.each([
    ['a wrong password', { GOVC_PASSWORD: 'not-the-password' }],
    ['another certificate', { VMDK_DRIVER_THUMBPRINT: '00:'.repeat(19) + '00' }],
    ['a certificate of nobody', { VMDK_DRIVER_THUMBPRINT: '' }],
    ['nobody there', { GOVC_URL: 'https://127.0.0.1:1/sdk' }],
  ])('5 for %s', async (_, environment) => {
    const { status, stderr } = await commandLine.run(['recover'], environment);
    expect(status).toBe(5);
    expect(stderr.split('\n')).toHaveLength(3);
  });

  test('5 for the wrong passphrase of a repository', async () => {
    const url = `repository+file:${store}`;
    await commandLine.run(['repository', 'init', url], { VMDK_DRIVER_PASSPHRASE: 'the right one' });
    const { status, stderr } = await commandLine.run(['list', '--from', url], {
      VMDK_DRIVER_PASSPHRASE: 'the wrong one',
    });
    expect({ status, stderr }).toMatchObject({ status: 5, stderr: expect.stringContaining('WRONG_KEY') as unknown });
  });
});

describe('the connection', () => {
  test('is taken from options, a file with the password, and an authority', async () => {
    await writeFile(commandLine.path('password'), `${simulator.password}\n`);
    await writeFile(commandLine.path('ca.pem'), simulator.ca);
    const { host, port, username } = simulator;
    const nothing = { GOVC_URL: '', GOVC_USERNAME: '', GOVC_PASSWORD: '', VMDK_DRIVER_THUMBPRINT: '' };
    const options = ['--url', `${host}:${port.toString()}`, '--username', username, '--password-file', 'password'];
    expect(await commandLine.run(['recover', ...options, '--ca-file', 'ca.pem'], nothing)).toMatchObject({ status: 0 });
    expect(await commandLine.run(['recover', ...options, '--insecure'], nothing)).toMatchObject({ status: 0 });
  });

  test('is taken from the variables of govc', async () => {
    await writeFile(commandLine.path('ca.pem'), simulator.ca);
    const { host, port, username, password } = simulator;
    const url = `https://${encodeURIComponent(username)}:${password}@${host}:${port.toString()}/sdk`;
    const others = { GOVC_USERNAME: '', GOVC_PASSWORD: '', VMDK_DRIVER_THUMBPRINT: '' };
    for (const trust of [{ GOVC_INSECURE: 'true' }, { GOVC_TLS_CA_CERTS: 'ca.pem' }]) {
      expect(await commandLine.run(['recover'], { GOVC_URL: url, ...others, ...trust })).toMatchObject({ status: 0 });
    }
  });

  test('pins the ESXi hosts, of which vCenter does not tell how they are known', async () => {
    await using vcenter = await startSimulator({ leaseThumbprint: 'none' });
    await addVolume(vcenter);
    const { url, username, password, thumbprint } = vcenter;
    const backup = (more: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
      commandLine.run(['backup', ...volume, '--to', `file:${store}`, '--json', ...more], {
        GOVC_URL: url,
        GOVC_USERNAME: username,
        GOVC_PASSWORD: password,
        VMDK_DRIVER_THUMBPRINT: thumbprint,
        ...environment,
      });
    const untrusted = await backup([]);
    const { error } = json(untrusted.stdout) as { error: Record<'code' | 'advice' | 'actual', string> };
    expect({ ...error, status: untrusted.status }).toMatchObject({ code: 'TLS_VERIFICATION_FAILED', status: 5 });
    expect(error.advice).toMatch(/ESXi host.* give it by --nfc-thumbprint/);

    expect(await backup(['--nfc-thumbprint', error.actual])).toMatchObject({ status: 0 });
    expect(await backup([], { VMDK_DRIVER_NFC_THUMBPRINT: error.actual })).toMatchObject({ status: 0 });
    // An option outweighs its variable.
    const another = await backup(['--nfc-thumbprint', thumbprint], { VMDK_DRIVER_NFC_THUMBPRINT: error.actual });
    expect(another).toMatchObject({
      status: 5,
      stdout: expect.stringContaining('--nfc-thumbprint has an old') as unknown,
    });

    const elsewhere = await backup([], { VMDK_DRIVER_THUMBPRINT: error.actual });
    expect(elsewhere).toMatchObject({
      status: 5,
      stdout: expect.stringContaining('give it by --thumbprint') as unknown,
    });
  });

  test('shows no secret, whatever is said', async () => {
    const secrets = { GOVC_PASSWORD: 'hunter2-of-vcenter', VMDK_DRIVER_PASSPHRASE: 'hunter2-of-the-repository' };
    const url = `repository+file:${store}`;
    await commandLine.run(['repository', 'init', url], secrets);
    for (const args of [
      ['recover', '--debug'],
      ['recover', '--debug', '--json'],
      ['backup', ...volume, '--to', url, '--debug'],
      ['list', '--from', url, '--debug', '--json'],
      ['recover', '--url', 'https://user:hunter2-in-the-url@127.0.0.1'],
      ['recover', '--url', 'http://user:hunter2-in-the-url@127.0.0.1', '--debug'],
    ]) {
      const { stdout, stderr } = await commandLine.run(args, secrets);
      expect(stdout + stderr).not.toContain('hunter2');
      expect(stdout + stderr).not.toBe('');
    }
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['export', ['backup', '--to']],
    ['import', ['restore', '--backup', 'interrupted', '--from']],
  ] as const)('in the middle of an %s leaves nothing, and ends with 130', async (direction, [command, ...rest]) => {
    if (command === 'restore') await backUp('interrupted');
    const before = await readdir(store);
    const fault = simulator.injectTransferFault({ direction, atByte: 1024 * 1024, kind: 'stall' });
    const running = commandLine.command([command, ...volume, ...rest, `file:${store}`]);
    await until(() => fault.fired);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      status: 130,
      stdout: '',
      stderr: expect.stringMatching(/cancelled\n$/) as unknown,
    });
    await expectNoLeftovers();
    expect(await readdir(store)).toEqual(before);
    expect(await readdir(commandLine.tmpDir)).toEqual([]);
  });

  test('a second time ends it at once', async () => {
    const stall = simulator.injectTransferFault({ direction: 'export', atByte: 1024 * 1024, kind: 'stall' });
    const hang = simulator.injectFault({ method: 'HttpNfcLeaseAbort', kind: 'hang' });
    const running = commandLine.command(['backup', ...volume, '--to', `file:${store}`]);
    await until(() => stall.fired);
    running.kill('SIGINT');
    await until(() => hang.fired);
    // The same key press for so long.
    await pause(400);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ status: null, signal: 'SIGINT' });
    // Nobody keeps the lease alive any more.
    simulator.advanceTime(10 * 60_000);
    await until(() => simulator.leftovers().length === 0);
  });

  test('in the decoding of a file leaves what was there', async () => {
    const raw = commandLine.path('large.raw');
    await writeFile(commandLine.path('target.vmdk'), 'what was there');
    await writeFile(raw, Buffer.alloc(512 * 1024 * 1024));
    const running = commandLine.command(['encode', 'large.raw', 'target.vmdk']);
    await until(async () => (await readdir(commandLine.path())).some((name) => /target\.vmdk.+/.test(name)));
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ status: 130 });
    expect((await readdir(commandLine.path())).filter((name) => name.includes('target'))).toEqual(['target.vmdk']);
    expect(await readFile(commandLine.path('target.vmdk'), 'utf8')).toBe('what was there');
  });
});

test('a reader that has enough is no error', async () => {
  expect(await commandLine.shell('vmdk-driver --help | head -1')).toMatchObject({ status: 0, stderr: '' });
});

test('a simulator in one terminal and a backup in another, by the lines that it prints', async () => {
  const simulating = commandLine.command(['simulate', '--port', '0']);
  await simulating.says('vmdk-driver backup');
  const lines = simulating.said.stdout.split('\n').filter((line) => line.startsWith('  '));
  const nothing = { GOVC_URL: '', GOVC_USERNAME: '', GOVC_PASSWORD: '', VMDK_DRIVER_THUMBPRINT: '' };
  const { status, stdout } = await commandLine.shell(
    ['set -e', ...lines, 'vmdk-driver list --from file:backups'].join('\n'),
    nothing,
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/is stored\n[^]*BACKUP +VOLUME/);
  simulating.kill('SIGTERM');
  expect(await simulating.ended).toMatchObject({ status: 0 });
});
