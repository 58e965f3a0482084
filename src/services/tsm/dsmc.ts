import { join } from 'node:path';
import { StoreError, type StoreFailure } from '../../errors/index.js';
import { lastLine, type ProgramEnd, runProgram } from '../program/running-program.js';
import { type ArchiveName, descriptionOf } from './archive-names.js';
import { type ArchivedFile, listsFiles, notUnderstood, parseQueryOutput } from './query-output.js';

/** How the server is reached. */
export interface DsmcOptions {
  /** The directory under whose paths the server keeps the files, absolute. */
  readonly directory: string;
  readonly server?: string | undefined;
  readonly optionFile?: string | undefined;
  readonly program: string;
  readonly stallTimeoutMs: number;
}

/** What some messages say. Their numbers are the same in every language. */
const failures: Readonly<Record<string, StoreFailure>> = {
  ANS1017E: 'connection',
  ANS1025E: 'credentials',
  ANS1029E: 'connection',
  ANS1311E: 'quota',
  ANS1329S: 'quota',
  ANS1353E: 'credentials',
};

/** No files matching search criteria were found. */
const nothingFound = 'ANS1092W';

/** So that what is printed does not depend on the language. */
const formats = ['-numberformat=1', '-dateformat=3', '-timeformat=1'];

type End = ProgramEnd & { readonly stdout: string };

/**
 * IBM's backup-archive client: one call for each step, its arguments never through a shell, its outcome by exit code and the numbers of its
 * messages. No password is among the arguments.
 */
export class Dsmc {
  readonly #options: DsmcOptions;

  constructor(options: DsmcOptions) {
    this.#options = options;
  }

  get directory(): string {
    return this.#options.directory;
  }

  /** A file's path in the directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Archives a file of the directory. Whether the server has all of it is to be asked. */
  async archive(name: ArchiveName, signal: AbortSignal | undefined): Promise<void> {
    const args = ['archive', '-filesonly', described(name), this.path(name.name)];
    if (!this.#check(await this.#run(args, signal), `${name.name} cannot be archived`)) throw notUnderstood();
  }

  /** The service's files whose names fit a pattern, such as `*`. */
  async query(pattern: string, signal: AbortSignal | undefined): Promise<ArchivedFile[]> {
    return this.#query([this.path(pattern)], signal);
  }

  /** The copies of one file that were archived by its attempt's description. */
  async queryOne(name: ArchiveName, signal: AbortSignal | undefined): Promise<ArchivedFile[]> {
    return this.#query([described(name), this.path(name.name)], signal);
  }

  /** Writes an archived file to a path, whatever is there. Resolves to false where it is not archived. */
  async retrieve(name: ArchiveName, to: string, signal: AbortSignal | undefined): Promise<boolean> {
    const args = ['retrieve', '-filesonly', '-replace=yes', described(name), this.path(name.name), to];
    return this.#check(await this.#run(args, signal), `${name.name} cannot be retrieved`);
  }

  /** Writes all archived files of a pattern to a directory. */
  async retrieveAll(pattern: string, toDirectory: string, signal: AbortSignal | undefined): Promise<void> {
    const args = ['retrieve', '-filesonly', '-replace=yes', this.path(pattern), join(toDirectory, '/')];
    this.#check(await this.#run(args, signal), `${pattern} cannot be retrieved`);
  }

  /** Removes an archived file. Its name is one attempt's, so all of its copies are. Resolves where there is none. */
  async delete({ name }: ArchiveName, signal: AbortSignal | undefined): Promise<void> {
    this.#check(
      await this.#run(['delete', 'archive', '-noprompt', this.path(name)], signal),
      `${name} cannot be deleted`,
    );
  }

  async #query(what: readonly string[], signal: AbortSignal | undefined): Promise<ArchivedFile[]> {
    const end = await this.#run(['query', 'archive', '-filesonly', '-subdir=no', ...formats, ...what], signal);
    const isFound = this.#check(end, 'the archive cannot be queried');
    const isListed = listsFiles(end.stdout);
    if (!isFound && !isListed) return [];
    // It would have said that there is nothing.
    if (!isListed) throw notUnderstood();
    if (end.code !== 0) {
      // What is not in a list that is not whole may be there all the same.
      const why = lastLine(messagesOf(end, 'W').at(-1) ?? 'it does not say why');
      throw new StoreError('protocol', `dsmc: the archive may have been listed in part: ${why}`);
    }
    return parseQueryOutput(end.stdout);
  }

  /** @throws StoreError where it did not end well. False where it said that there is no such file */
  #check(end: End, what: string): boolean {
    const { code, signal } = end;
    if (code === 0) return true;
    if (code === 8) return !messagesOf(end, 'W').some((line) => line.includes(nothingFound));
    const errors = messagesOf(end, 'ES');
    const number = errors.flatMap((line) => /ANS\d{4}[ES]/.exec(line) ?? []).find((found) => found in failures);
    const how = signal === null ? `it ended with ${code ?? 'no code'}` : `it was ended by ${signal}`;
    const why = lastLine(errors.find((line) => number !== undefined && line.includes(number)) ?? errors.at(-1) ?? '');
    throw new StoreError(failures[number ?? ''] ?? 'failed', `dsmc: ${what}: ${how}${why === '' ? '' : `: ${why}`}`);
  }

  #run(args: readonly string[], signal: AbortSignal | undefined): Promise<End> {
    const { program, server, optionFile, stallTimeoutMs } = this.#options;
    const reached = [
      ...(optionFile === undefined ? [] : [`-optfile=${optionFile}`]),
      ...(server === undefined ? [] : [`-se=${server}`]),
    ];
    return runProgram({
      program,
      args: [...args, ...reached],
      env: { TZ: 'UTC', LC_ALL: 'C' },
      stallTimeoutMs,
      signal,
      // It says nothing while it sends a file.
      isSilent: true,
    });
  }
}

/** The lines with messages of these severities: W, E, S. */
function messagesOf({ stdout, stderr }: End, severities: string): string[] {
  const message = new RegExp(String.raw`ANS\d{4}[${severities}]`);
  return `${stdout}\n${stderr}`.split(/[\r\n]+/).filter((line) => message.test(line));
}

function described({ key, attempt }: ArchiveName): string {
  return `-description=${descriptionOf(key, attempt)}`;
}
