import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { livenessOf } from '../../src/process/liveness.js';
import { type Owner, parseOwner, thisOwner } from '../../src/process/owner.js';

/** An owner in this machine's number space, of another run. */
function elsewhere(changes: Partial<Owner>): Owner {
  return { ...thisOwner, random: '0123456789abcdef', ...changes };
}

describe('the identity of an owner', () => {
  test('is read back from its id, and the same in every copy of the module', async () => {
    expect(parseOwner(thisOwner.id)).toEqual(thisOwner);
    expect(thisOwner).toMatchObject({ host: hostname(), pid: process.pid });
    const copy = (globalThis as unknown as Record<symbol, unknown>)[Symbol.for('vmdk-driver/owner/1')];
    expect(copy).toBe(thisOwner);
  });

  test('of version 0.1 is understood as far as it goes; nonsense is not', () => {
    expect(parseOwner('machine-a:4242')).toMatchObject({ host: 'machine-a', pid: 4242, incarnation: undefined });
    for (const id of ['', 'machine', 'machine:', ':1', 'machine:-1', 'machine:1:2', 'machine:1e3', 'm:99999999999']) {
      expect(parseOwner(id)).toBeUndefined();
    }
  });
});

describe('whether an owner lives', () => {
  test('this one does', () => {
    expect(livenessOf(thisOwner)).toBe('alive');
  });

  test('where the system says so: a process that ended is dead, and so is one whose number another process has now', async () => {
    if (!existsSync('/proc/self/stat')) return;
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const { pid = 0 } = child;
    await once(child, 'spawn');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const numberSpace = thisOwner.incarnation?.numberSpace ?? '';
    const owner = elsewhere({ pid, incarnation: { numberSpace, startTicks } });

    expect(livenessOf(owner)).toBe('alive');
    expect(livenessOf({ ...owner, incarnation: { numberSpace, startTicks: '1' } })).toBe('dead');
    // Another boot, or another container: all of those have a process 1.
    expect(livenessOf({ ...owner, incarnation: { numberSpace: '000000000000', startTicks } })).toBe('unknown');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(livenessOf(owner)).toBe('dead');
  });

  test('of a process on another machine, or on a system that does not say, nothing is known', () => {
    expect(livenessOf(parseOwner('machine-a:4242'))).toBe('unknown');
    expect(livenessOf(elsewhere({ incarnation: undefined }))).toBe('unknown');
    expect(livenessOf(undefined)).toBe('unknown');
  });
});
