import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { hasRedis, noRedis, RedisServer } from '../fleet/support/redis-server.js';
import { needing } from '../support/needing.js';
import { CommandLine } from './support/command-line.js';
import { addVolume, volumeId } from './support/volume.js';

/** Every command, by the words that lead to it. */
const commands = wordsOf(createProgram(''));

function wordsOf(command: Command, words: readonly string[] = []): (readonly string[])[] {
  return [words, ...command.commands.flatMap((sub) => wordsOf(sub, [...words, sub.name()]))];
}

let commandLine: CommandLine;
let simulator: Simulator;
let redis: RedisServer | undefined;
beforeAll(async () => {
  commandLine = await CommandLine.build();
  simulator = await startSimulator();
  redis = hasRedis ? await RedisServer.start() : undefined;
  commandLine.connectTo(simulator);
  await addVolume(simulator);
  await prepare();
});
afterAll(async () => {
  await (simulator as Simulator | undefined)?.close();
  await redis?.[Symbol.asyncDispose]();
  await (commandLine as CommandLine | undefined)?.[Symbol.asyncDispose]();
});

/** Makes what the examples take for granted. */
async function prepare(): Promise<void> {
  for (const directory of ['srv', 'etc/vmdk-driver', 'etc/bash_completion.d', 'usr/share/zsh/site-functions']) {
    await mkdir(commandLine.path(directory), { recursive: true });
  }
  await writeFile(commandLine.path('etc/vmdk-driver/passphrase'), 'of six words at the least\n');
  await writeFile(commandLine.path('disk.raw'), Buffer.alloc(1024 * 1024, 'content'));
  const volume = `--volume ${volumeId} --size 1`;
  for (const line of [
    'vmdk-driver encode disk.raw disk.vmdk',
    'vmdk-driver repository init file:srv/repository',
    'vmdk-driver repository init file:srv/second',
    `vmdk-driver backup ${volume} --to repository+file:srv/repository --backup before-upgrade`,
    `vmdk-driver backup ${volume} --to file:srv/backups --backup before-upgrade --manifest before-upgrade.json`,
  ]) {
    expect(await commandLine.shell(line)).toMatchObject({ status: 0 });
  }
  if (redis === undefined) return;
  const job = `enqueue backup --redis ${redis.url} --vcenter vcenter.example ${volume} --backup before-upgrade`;
  expect(await commandLine.shell(`vmdk-driver ${job}`)).toMatchObject({ status: 0 });
}

/** What the examples of a fleet need. */
const ofFleet: readonly (string | undefined)[] = ['worker', 'enqueue', 'jobs'];

const helpOf = async (words: readonly string[]): Promise<string> => {
  const { status, stdout } = await commandLine.run([...words, '--help']);
  expect(status).toBe(0);
  return stdout;
};

describe.each(commands.map((words) => [['vmdk-driver', ...words].join(' '), words] as const))('%s', (_, words) => {
  test('says in docs/command-line.md what it says by --help', async () => {
    const page = await readFile('docs/command-line.md', 'utf8');
    expect(page).toContain(`\n\`\`\`text\n${await helpOf(words)}\`\`\`\n`);
  });

  const needed = needing(!ofFleet.includes(words[0]) || hasRedis, noRedis);
  needed.test('has examples, which work', async () => {
    const help = await helpOf(words);
    const examples = [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, line = '']) => line);
    // The ones of a group are its commands'.
    const isGroup = words.length === 1 && commands.some((other) => other.length > 1 && other[0] === words[0]);
    if (!isGroup) expect(examples).not.toEqual([]);
    for (const example of examples) {
      // The examples' directories are an operator's own; here they are below the working directory.
      const line = example
        .replace(/(?<=[ :])\/(?=srv|etc|usr)/g, `${commandLine.path()}/`)
        .replaceAll('redis://127.0.0.1:6379', redis?.url ?? '');
      if (line.startsWith('vmdk-driver simulate')) expect(await simulate(line)).toMatchObject({ status: 0 });
      else if (line.startsWith('vmdk-driver worker')) expect(await serve(line)).toMatchObject({ status: 0 });
      else expect({ line, ...(await commandLine.shell(line)) }).toMatchObject({ line, status: 0 });
    }
    expect(simulator.leftovers()).toEqual([]);
  });
});

/** A simulator runs until Ctrl-C; on a port that is free. */
async function simulate(line: string) {
  const [, ...args] = line.split(' ');
  const running = commandLine.command(args.includes('--port') ? args : [...args, '--port', '0']);
  await running.says('GOVC_URL');
  running.kill('SIGINT');
  return running.ended;
}

/** So does a worker. */
async function serve(line: string) {
  const running = commandLine.command(line.split(' ').slice(1));
  await running.says('serving vcenter.example');
  running.kill('SIGTERM');
  return running.ended;
}
