import type { SimulatorMode } from '../../src/simulator/index.js';
import { leftovers } from './judge.js';
import { MatrixLab } from './lab.js';

/** A simulator remembers all its calls: now and then it is replaced. */
const casesPerLab = 80;

/** The labs of a worker. Each serves one case at a time. */
export class LabPool implements AsyncDisposable {
  readonly #free = new Map<SimulatorMode, MatrixLab[]>();

  /** Runs a case in a lab where nothing is left of others. */
  async use<T>(mode: SimulatorMode, run: (lab: MatrixLab) => Promise<T>): Promise<T> {
    const free = this.#free.get(mode) ?? [];
    this.#free.set(mode, free);
    const lab = free.pop() ?? (await MatrixLab.start(mode));
    let clean = false;
    try {
      const result = await run(lab);
      lab.cases++;
      clean = (await leftovers(lab)).length === 0;
      return result;
    } finally {
      if (clean && lab.cases < casesPerLab) free.push(lab);
      else await lab[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#free.values()].flat().map((lab) => lab[Symbol.asyncDispose]()));
  }
}
