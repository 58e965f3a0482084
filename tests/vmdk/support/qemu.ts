import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether qemu-img is there to compare with. */
export const hasQemu = spawnSync('qemu-img', ['--version']).status === 0;

/** Runs qemu-img and gives what it prints. */
export async function qemuImg(...args: string[]): Promise<string> {
  return (await run('qemu-img', args, { maxBuffer: 2 ** 24 })).stdout;
}

/** What qemu-img says of two images it reads: that they are the same, or how they differ. */
export function compareImages(a: [string, string], b: [string, string]): Promise<string> {
  return qemuImg('compare', '-f', a[0], '-F', b[0], a[1], b[1]).then(
    () => 'identical',
    (error: unknown) => String((error as { stdout?: string }).stdout ?? error),
  );
}

/** Has qemu-io read from an image it must not change, and gives what it prints; it also says so of what differs. */
export async function qemuIo(path: string, commands: readonly string[]): Promise<string> {
  const args = commands.flatMap((command) => ['-c', command]);
  return run('qemu-io', ['-r', '-f', 'vmdk', ...args, path]).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => String((error as { stdout?: string }).stdout ?? error),
  );
}
