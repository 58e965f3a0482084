import { execFile, type ExecFileException } from 'node:child_process';
import { PeerUnavailableError } from './peer-unavailable-error.js';

/** How long building or downloading a peer may take. */
const timeoutMs = 900_000;

/**
 * Runs a step of an installation.
 *
 * @returns what it printed
 * @throws PeerUnavailableError with the last line it printed
 */
export async function install(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { error, stdout, stderr } = await new Promise<{
    error: ExecFileException | null;
    stdout: string;
    stderr: string;
  }>((resolve) => {
    const env = { ...process.env, ...options.env };
    const settings = { cwd: options.cwd, env, timeout: timeoutMs, maxBuffer: 2 ** 26 };
    execFile(program, args, settings, (error, stdout, stderr) => {
      resolve({ error, stdout, stderr });
    });
  });
  if (error === null) return stdout;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  throw new PeerUnavailableError(`${program} ${args.slice(0, 2).join(' ')}: ${last === '' ? error.message : last}`);
}
