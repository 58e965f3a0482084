/** What became of a check: `skipped` where the subject does not claim what it is about. */
export type CheckOutcome = 'passed' | 'skipped';

/** One thing that must hold. Any test runner can run it. */
export interface Check {
  /** What must hold, in a few words. */
  readonly name: string;
  /** Makes a subject, checks it, and closes it. Rejects with an `AssertionError`, or with the subject's own error, where it does not hold. */
  run(): Promise<CheckOutcome>;
}

/** A check as it is written: something that a subject is given to. */
export interface CheckOf<Lab> {
  readonly name: string;
  /** Whether the subject claims what the check is about. Every one does where it is left out. */
  readonly applies?: (lab: Lab) => boolean | Promise<boolean>;
  readonly check: (lab: Lab) => Promise<void>;
}

/**
 * Makes the checks runnable.
 *
 * @param open makes what a check is given
 * @param close called after each check, however it ended
 */
export function runnable<Lab>(
  checks: readonly CheckOf<Lab>[],
  open: () => Promise<Lab>,
  close: (lab: Lab) => Promise<void>,
): Check[] {
  return checks.map(({ name, applies = () => true, check }) => ({
    name,
    run: async () => {
      const lab = await open();
      let outcome: CheckOutcome;
      try {
        outcome = (await applies(lab)) ? 'passed' : 'skipped';
        if (outcome === 'passed') await check(lab);
      } catch (error) {
        // What the check found matters more than what closing says after it.
        await close(lab).catch(() => undefined);
        throw error;
      }
      await close(lab);
      return outcome;
    },
  }));
}
