import { describe, expect, test } from '@jest/globals';
import { explore } from './fencing-model/explore.js';
import { rules } from './fencing-model/rules.js';

describe('x', () => {
  test.each([
    ['existing volume', 1, { losses: 1, moves: 1 }],
    ['existing volume', 1, { losses: 1, temporaryMoves: 1 }],
    ['existing volume', 1, { losses: 1, renames: 1 }],
    ['existing volume', 2, { moves: 1 }],
    ['new volume', 2, { losses: 2 }],
  ] as const)(
    '%s %d %j',
    (kind, recoverers, budget) => {
      const f = explore({ kind, rules, recoverers, budget });
      console.log(kind, recoverers, JSON.stringify(budget), f.states, f.violation, f.trace);
      expect(f).toMatchObject({ violation: undefined, complete: true });
    },
    600000,
  );
});
