import { describe, expect, test } from '@jest/globals';
import { nextCleanupStep } from '../../src/restore/fencing.js';
import { type Exploration, explore } from './fencing-model/explore.js';
import { type Rules, rules } from './fencing-model/rules.js';

/**
 * Every interleaving of a restore, of those who recover it, and of what the server does meanwhile, driven by the library's own
 * decisions (`src/restore/fencing.ts`). `VMDK_DRIVER_MODEL=whole npm test -- tests/restore` goes through more of them, for an hour.
 */
const isWhole = process.env['VMDK_DRIVER_MODEL'] === 'whole';

type Case = readonly [Exploration['kind'], Exploration['recoverers'], Exploration['budget']];

const cases: readonly Case[] = [
  ['existing volume', 1, { losses: 1 }],
  ['existing volume', 1, { moves: 2 }],
  ['existing volume', 1, { temporaryMoves: 1, renames: 1 }],
  ['existing volume', 2, {}],
  ['new volume', 2, { losses: 1 }],
];

const wholeCases: readonly Case[] = [
  ['existing volume', 1, { losses: 1, moves: 2 }],
  ['existing volume', 1, { losses: 1, moves: 1, temporaryMoves: 1 }],
  ['existing volume', 1, { losses: 1, renames: 1 }],
  ['existing volume', 2, { losses: 1 }],
  ['existing volume', 2, { moves: 2 }],
  ['new volume', 2, { losses: 2 }],
];

describe('whatever comes between, and whoever dies, a volume has one whole disk, everybody tells the truth, nothing stays', () => {
  test.each(isWhole ? [...cases, ...wholeCases] : cases)(
    '%s, %i who recover, %j',
    (kind, recoverers, budget) => {
      const { violation, trace, complete, states } = explore({ kind, rules, recoverers, budget });
      expect({ violation, trace }).toEqual({ violation: undefined, trace: [] });
      expect(complete).toBe(true);
      expect(states).toBeGreaterThan(100);
    },
    3_600_000,
  );
});

/** The order in which the imported disk's two places are deleted, turned round. */
const newDiskFirst: Rules['nextCleanupStep'] = (sight, token, backingDisks, remains) => {
  const { planned } = remains;
  const turned = planned && { importedDisk: planned.newDisk, newDisk: planned.importedDisk };
  const step = nextCleanupStep(sight, token, backingDisks, { ...remains, planned: turned });
  return sight !== undefined && planned !== undefined && sight.attached.includes(planned.importedDisk)
    ? { what: 'destroy' }
    : step;
};

describe('each rule is needed: without it the model finds how it goes wrong', () => {
  test.each<[string, Partial<Rules>, Case]>([
    ['the imported disk goes first', { nextCleanupStep: newDiskFirst }, ['existing volume', 1, {}]],
    [
      'the removed disk goes with the temporary VM',
      { removedByAttachment: false },
      ['existing volume', 1, { moves: 2 }],
    ],
    ['the backing is fenced before it is asked', { fences: false }, ['existing volume', 1, {}]],
    ['a fence counts once its success was seen', { waitsForFence: false }, ['existing volume', 1, { losses: 1 }]],
    ['the backing is read before the owner', { backingFirst: false }, ['existing volume', 1, {}]],
    ['an exchange names a version', { exchangesAtVersion: false }, ['existing volume', 1, {}]],
    ['a restore that fails takes its VM over', { ownerTakesOver: false }, ['existing volume', 1, { losses: 1 }]],
    ['what was removed is read from the backing', { removedAsWritten: false }, ['existing volume', 1, { moves: 1 }]],
    ['who ends it must own it', { owns: (sight) => sight !== undefined }, ['existing volume', 1, {}]],
    ['publishing names a version', { publishesAtVersion: false }, ['new volume', 1, {}]],
  ])('%s', (_rule, broken, [kind, recoverers, budget]) => {
    const { violation, trace } = explore({ kind, rules: { ...rules, ...broken }, recoverers, budget, most: 60_000 });
    expect(violation).toMatch(/^(lost|leaked|untrue|the last)/);
    expect(trace.length).toBeGreaterThan(0);
  });
});
