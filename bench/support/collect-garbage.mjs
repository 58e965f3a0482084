import { setTimeout as sleep } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';

/** Has what loading everything left behind collected, so that this does not happen when the first bytes come. */
export async function collectGarbage() {
  v8.setFlagsFromString('--expose-gc');
  /** @type {unknown} */
  const collect = vm.runInNewContext('gc');
  /** @type {() => void} */ (collect)();
  await sleep(1000);
}
