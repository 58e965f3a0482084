/** How a case ended: the work went on in spite of the interruption, or was undone, or finished by recovery. */
export type Ending = 'completed' | 'undone' | 'recovered';

/** What a case showed. Empty lists are what is hoped for. */
export interface Verdict {
  readonly ending: Ending;
  /** The volume has neither its old disk nor the new one, whole, or is not found as itself. */
  readonly lost: readonly string[];
  /** Something is left that nobody will remove. */
  readonly leaked: readonly string[];
  /** The result did not tell the truth. */
  readonly untrue: readonly string[];
}

/** Collects what is not as it should be. */
export class Findings {
  readonly lost: string[] = [];
  readonly leaked: string[] = [];
  readonly untrue: string[] = [];

  verdict(ending: Ending): Verdict {
    const { lost, leaked, untrue } = this;
    return { ending, lost, leaked, untrue };
  }
}
