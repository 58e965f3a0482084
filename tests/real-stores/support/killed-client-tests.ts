import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { digest } from '../../../src/testing/digest.js';
import { bytesPerMiB, newBackup, store as storeBackup } from './backups.js';
import { Bundle } from './bundle.js';
import { type Death, moments } from './death.js';
import { freshPlace, type Place, serviceAt } from './place.js';
import { trial } from './trial.js';

/** Whether every call is tried with every moment, and not a sample: `npm run test:stores:long`. */
const triesAll = process.env['VMDK_DRIVER_STORE_FAULTS'] === 'all';

/** Calls tried of one operation where it is a sample. Those of a repository are more, and cost more. */
const sampleSize = ({ isRepository }: Place) => (isRepository === true ? 4 : 9);

const dyingRbd = resolve('tests/real-stores/support/dying-rbd.sh');

/** Declares the tests of clients that are killed at the calls of their store. */
export function testKilledClients(store: string, at: () => Place): void {
  let client: Bundle;
  const [before, after] = [randomBytes(5 * bytesPerMiB), randomBytes(9 * bytesPerMiB)];

  beforeAll(async () => {
    client = await Bundle.of('tests/real-stores/support/dying-client.ts');
    await writeFile(join(client.directory, 'bytes'), after);
  });

  afterAll(() => client[Symbol.asyncDispose]());

  /** Resolves to the number of calls where it is told to die at none. */
  const die = async (death: Omit<Death, 'file'>): Promise<number> => {
    const { call, moment } = death;
    const { directory, program } = client;
    const count = join(directory, 'count');
    await rm(count, { force: true });
    const place = death.place.kind === 'rbd' ? { ...death.place, program: dyingRbd } : death.place;
    const argument = JSON.stringify({ ...death, place, file: join(directory, 'bytes') } satisfies Death);
    const child = spawn(process.execPath, [program, argument], {
      env: { ...process.env, DYING_COUNT: count, DYING_CALL: String(call), DYING_MOMENT: moment },
      // Not its standard error: rbd outlives it, and says what it thinks of that.
      stdio: ['ignore', 'pipe', call === 0 ? 'inherit' : 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    // What it says has all come by then; what outlives one that is killed may hold its output open.
    const end: unknown[] = await once(child, call === 0 ? 'close' : 'exit');
    expect(end).toEqual(call === 0 ? [0, null] : [null, 'SIGKILL']);
    return call > 0 ? 0 : death.place.kind === 'rbd' ? Number(await readFile(count, 'utf8')) : Number(said);
  };

  test.each(['backup', 'delete'] as const)(`${store}: a client killed at the calls of a %s`, async (operation) => {
    const whole = await freshPlace(at());
    const measured = newBackup();
    await storeBackup(serviceAt(whole), measured, before);
    const calls = await die({ place: whole, backup: measured, operation, call: 0, moment: 'before' });
    expect(calls).toBeGreaterThan(0);
    await serviceAt(whole).delete?.(measured);
    for (const [call, moment] of deaths(calls, sampleSize(whole))) {
      const place = await freshPlace(at());
      const backup = newBackup();
      const what = {
        store,
        operation: operation === 'backup' ? 'backup, replacing one' : operation,
        fault: 'kill -9 at a call',
      };
      await trial(what, place, backup, async () => {
        await storeBackup(serviceAt(place), backup, before);
        await die({ place, backup, operation, call, moment });
        return [digest(before), operation === 'backup' ? digest(after) : undefined];
      });
    }
  });
}

/** Every call, in each moment; or calls from the first to the last, the moments taking turns. */
function deaths(calls: number, most: number): [number, Death['moment']][] {
  const all = Array.from({ length: calls }, (_, index) => index + 1);
  if (triesAll) return all.flatMap((call) => moments.map((moment): [number, Death['moment']] => [call, moment]));
  const count = Math.min(calls, most);
  const chosen = Array.from(
    { length: count },
    (_, index) => 1 + Math.round((index * (calls - 1)) / Math.max(1, count - 1)),
  );
  return chosen.map((call, index) => [call, moments[index % moments.length] ?? 'during']);
}
