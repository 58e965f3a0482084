import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compileToCommonjs } from './consumer.js';
import { tarball } from './tarball.js';

const run = promisify(execFile);
const here = new URL('..', import.meta.url);

/** The versions of Node that a user may have, by what runs each. */
export const nodeMajors = [20, 22, 24] as const;

/** A project with other people's test runners and bundlers, into which npm has installed the packed package. */
export interface RunnersProject extends AsyncDisposable {
  readonly directory: string;
  /** Runs a version of Node in `cwd`, by default in the project; rejects with all that it printed. */
  node(major: number, args: readonly string[], cwd?: string): Promise<string>;
}

/** @returns `undefined` where the npm registry cannot be reached */
export async function installRunners(): Promise<RunnersProject | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'vmdk-driver-runners-'));
  const dispose = () => rm(directory, { recursive: true, force: true });
  const own = Number(process.versions.node.split('.')[0]);
  // The package `node` is a script that installs one of these.
  const binaries = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const nodes = nodeMajors.filter((major) => major !== own).map((major) => `node${major}@npm:${binaries}@${major}`);
  try {
    await cp(fileURLToPath(new URL('runners', here)), directory, { recursive: true });
    for (const name of ['work.mjs', 'work-with.mjs']) {
      await cp(fileURLToPath(new URL(`consumer/${name}`, here)), join(directory, name));
    }
    await compileToCommonjs(join(directory, 'work-with.mjs'));
    const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--fetch-retries=1'];
    await run('npm', ['install', ...flags, tarball(), ...nodes], { cwd: directory, env: environment() });
  } catch (error) {
    await dispose();
    if (isUnreachable(error)) return undefined;
    throw error;
  }
  const binary = (major: number): string =>
    major === own ? process.execPath : join(directory, 'node_modules', `node${major}`, 'bin', 'node');
  return {
    directory,
    async node(major, args, cwd = directory) {
      try {
        return (await run(binary(major), args, { cwd, env: environment() })).stdout;
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`${args.join(' ')} failed on Node ${major}\n${stdout}${stderr}`, { cause: error });
      }
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** This process's, without what the jest that runs in it says to other ones. */
function environment(): NodeJS.ProcessEnv {
  const { JEST_WORKER_ID: _worker, NODE_ENV: _env, NODE_OPTIONS: _options, ...rest } = process.env;
  return rest;
}

function isUnreachable(error: unknown): boolean {
  const { stderr = '' } = error as { stderr?: string };
  return /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT/.test(stderr);
}
