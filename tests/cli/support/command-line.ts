import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Simulator } from '../../../src/simulator/index.js';
import { until } from '../../support/until.js';

const run = promisify(execFile);

/** What a run of a program came to. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Running {
  /** What it has said so far. */
  readonly said: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Waits until it has said this. */
  says(text: string): Promise<void>;
}

/** The command line as it is built for the package, in a directory of its own, and a terminal to use it in. */
export class CommandLine implements AsyncDisposable {
  /** The environment that a command gets besides the path. */
  environment: Readonly<Record<string, string>> = {};

  readonly #directory: string;
  readonly #build: string;
  /** Where temporary files go. */
  readonly tmpDir: string;

  private constructor(directory: string, build: string) {
    this.#directory = directory;
    this.#build = build;
    this.tmpDir = join(directory, 'tmp');
  }

  static async build(): Promise<CommandLine> {
    // Below the project, where the packages are found that are not built in.
    const build = resolve('dist', `command-line-${process.pid.toString()}`);
    const directory = await mkdtemp(join(tmpdir(), 'command-line-'));
    const script = `import('./scripts/build/bundles.mjs').then(({ buildEsm }) => buildEsm(${JSON.stringify(build)}))`;
    await run(process.execPath, ['-e', script]);
    const program = join(directory, 'bin', 'vmdk-driver');
    for (const name of ['bin', 'tmp', 'work']) await mkdir(join(directory, name));
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${join(build, 'cli', 'main.js')}' "$@"\n`);
    await chmod(program, 0o755);
    return new CommandLine(directory, build);
  }

  /** Has commands connect to a simulator. */
  connectTo({ url, username, password, thumbprint }: Simulator): void {
    this.environment = {
      GOVC_URL: url,
      GOVC_USERNAME: username,
      GOVC_PASSWORD: password,
      VMDK_DRIVER_THUMBPRINT: thumbprint,
    };
  }

  /** A path below the working directory. */
  path(...names: readonly string[]): string {
    return join(this.#directory, 'work', ...names);
  }

  /** Runs a line, as a shell does. */
  shell(line: string, environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.#start(['sh', '-c', line], environment).ended;
  }

  /** Runs a command to its end. */
  run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.#start([process.execPath, this.#main, ...args], environment).ended;
  }

  /** Starts a command. */
  command(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
    return this.#start([process.execPath, this.#main, ...args], environment);
  }

  get #main(): string {
    return join(this.#build, 'cli', 'main.js');
  }

  #start([program = '', ...args]: readonly string[], environment: Readonly<Record<string, string>>): Running {
    const child: ChildProcessByStdio<null, Readable, Readable> = spawn(program, args, {
      cwd: join(this.#directory, 'work'),
      env: {
        PATH: `${join(this.#directory, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
        TMPDIR: this.tmpDir,
        ...this.environment,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    }
    let isOver = false;
    const ended = once(child, 'close').then(([status, signal]): Ended => {
      isOver = true;
      return { status: status as number | null, signal: signal as NodeJS.Signals | null, ...said };
    });
    return {
      said,
      ended,
      kill: (signal) => child.kill(signal),
      says: async (text) => {
        await until(() => isOver || said.stdout.includes(text) || said.stderr.includes(text));
        if (isOver) throw new Error(`it ended without "${text}": ${said.stdout}${said.stderr}`);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await rm(this.#build, { recursive: true, force: true });
  }
}
