import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

/** Where a system says which boot of which machine it is. */
const bootIdFile = '/proc/sys/kernel/random/boot_id';

/**
 * Makes this process see itself on another machine: another host name, another boot. What it may conclude from process numbers
 * is then what it could conclude over there: nothing. Must come before anything is imported that looks at them.
 */
export function disguiseAsMachine(name: string, bootId: string): void {
  const { readFileSync } = fs;
  os.hostname = () => name;
  fs.readFileSync = ((...args: Parameters<typeof readFileSync>) => {
    const [path, options] = args;
    if (path !== bootIdFile) return readFileSync(...args);
    return options === undefined || options === null ? Buffer.from(`${bootId}\n`) : `${bootId}\n`;
  }) as typeof readFileSync;
  syncBuiltinESMExports();
}
