import type { SimulatorOptions } from '../../../src/simulator/index.js';
import { Lab } from '../../driver/support/lab.js';
import type { CinderDriver } from './cinder-driver.js';

/** A lab whose simulator Cinder is connected to as well. */
export interface CinderLab extends AsyncDisposable {
  readonly lab: Lab;
  /** How many calls were not this library's. */
  readonly peerCalls: () => number;
}

/** @param options - of Cinder's backend */
export async function openCinderLab(
  cinder: CinderDriver,
  simulator: SimulatorOptions = {},
  options: Readonly<Record<string, unknown>> = {},
): Promise<CinderLab> {
  const lab = await Lab.start({ simulator });
  const own = lab.simulator.sessions()[0]?.key;
  await cinder.setup(lab.simulator, options);
  return {
    lab,
    peerCalls: () => lab.simulator.calls().filter(({ session }) => session !== own).length,
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}
