import { type BuildOptions, buildVmdk } from '../../vmdk/support/build-vmdk.js';
import { noise, prose } from '../../vmdk/support/disks.js';

/** A disk that changes, and its stream in any layout. */
export class ChangingDisk {
  readonly #grains = new Map<number, Buffer>();
  #writes = 0;
  capacityGrains: number;

  /** @param grainSectors 128 as everybody's, or fewer */
  constructor(
    capacityGrains: number,
    readonly grainSectors = 128,
  ) {
    this.capacityGrains = capacityGrains;
  }

  /** Writes grains anew, half of them such that they do not compress. */
  write(...places: readonly number[]): this {
    const grainBytes = this.grainSectors * 512;
    for (const place of places) {
      const seed = `${place}-${this.#writes++}`;
      this.#grains.set(place, this.#writes % 2 === 0 ? noise(seed, grainBytes) : prose(seed, grainBytes));
    }
    return this;
  }

  /** Writes zeros, which a stream has as grains where whoever wrote it does not look. */
  zero(...places: readonly number[]): this {
    for (const place of places) this.#grains.set(place, Buffer.alloc(this.grainSectors * 512));
    return this;
  }

  grow(grains: number): this {
    this.capacityGrains += grains;
    return this;
  }

  discard(...places: readonly number[]): this {
    for (const place of places) this.#grains.delete(place);
    return this;
  }

  stream(layout: BuildOptions['layout'] = 'esxi', options: Partial<BuildOptions> = {}): Buffer {
    const grains = new Map([...this.#grains].sort(([a], [b]) => a - b));
    const { capacityGrains, grainSectors: grainSize } = this;
    return buildVmdk({ layout, capacity: capacityGrains * grainSize, grains, grainSize, ...options }).bytes;
  }
}

/** Numbers from `from` to before `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, place) => from + place);
}
