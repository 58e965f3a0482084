import type { RestoreRemains } from '../../../src/restore/fencing.js';
import type { Rules } from './rules.js';
import { sightOf, type Turn } from './steps.js';
import type { Path } from './world.js';

/**
 * The end of a restore to an existing volume, as `src/restore/end-replacement.ts` makes it: the same for one who recovers
 * and for a restore that failed.
 */
export function stepEnding(turn: Turn, rules: Rules): void {
  const { world, actor, name } = turn;
  const { token } = actor;
  switch (actor.at) {
    case 'claim': {
      const sight = sightOf(world);
      // Who was found there at first, and nobody who took it since: two who recover would take it from each other for ever.
      const takesFrom = name === 'A' ? 'A' : (actor.takesFrom ?? sight?.token);
      const claim = rules.claimOn(sight, token, takesFrom);
      const isOldOwner = name === 'A' && sight?.token === 'A' && !rules.ownerTakesOver;
      if (claim === 'gone') turn.think('the temporary VM is gone', { at: name === 'A' ? 'lost' : 'end' });
      else if (claim === 'lost') turn.think('it is somebody else’s', { at: name === 'A' ? 'lost' : 'end' });
      else if (claim === 'held' || isOldOwner) turn.think('owns it', { at: 'fence' });
      else
        turn.think('may take it over', {
          at: 'take',
          version: world.temporary.version,
          ...(takesFrom === undefined ? {} : { takesFrom }),
        });
      return;
    }
    case 'take':
      turn.call({ what: 'take', version: actor.version ?? 0, token }, (reply) => ({
        // A lease cannot be ended by anybody else: it is reported, and left.
        at: reply === 'TaskInProgress' ? 'end' : 'claim',
      }));
      return;
    case 'fence':
      if (!rules.fences || (name === 'A' && actor.unanswered !== true)) turn.think('need not fence', { at: 'ask' });
      else {
        turn.call({ what: 'fence' }, (reply) => ({
          at: reply === 'done' || !rules.waitsForFence ? 'ask' : 'fence',
        }));
      }
      return;
    case 'ask': {
      const state = rules.exchangeState(world.backing.mark, 'op');
      const removed = rules.removedAsWritten ? world.backing.removed : state === 'exchanged back' ? 'NN' : 'P0';
      const said = actor.said ?? (state === 'completed' ? 'new' : 'old');
      turn.think(`the backing says ${state}`, { at: 'look', state, removed, said, settled: [] });
      return;
    }
    case 'look': {
      const sight = sightOf(world);
      const { temporary, names } = world;
      if (sight === undefined) turn.think('nothing is left', { at: 'end' });
      else {
        turn.think('looks at the temporary VM', {
          at: 'look at backing',
          sight,
          names,
          version: temporary.version,
          imported: temporary.imported,
        });
      }
      return;
    }
    case 'look at backing':
      turn.think('looks at the backing', { at: 'clean', backingDisk: world.backing.disk });
      return;
    case 'clean':
      clean(turn, rules);
      return;
    case 'lost':
      // Only an exchange whose end is not known can still come.
      if (!rules.fences || actor.unanswered !== true) turn.think('need not fence', { at: 'report' });
      else turn.call({ what: 'fence' }, (reply) => ({ at: reply === 'done' ? 'report' : 'lost' }));
      return;
    case 'report': {
      const state = rules.stateAfterLoss(world.backing.mark, actor.markBefore, 'op');
      const said = actor.said ?? ({ completed: 'new', undone: 'old', unknown: 'unknown' } as const)[state];
      const deletes = !rules.loserDeletesNothing && state === 'undone' && world.backing.disk !== 'NN';
      turn.think(`reports ${said}`, { at: deletes ? 'delete as loser' : 'end', said });
      return;
    }
    case 'delete as loser':
      turn.call({ what: 'delete', path: 'NN' }, () => ({ at: 'end' }));
      return;
    default:
      throw new RangeError(`${name} is at ${actor.at}`);
  }
}

function clean(turn: Turn, rules: Rules): void {
  const { actor } = turn;
  const { sight, imported, removed, settled = [], names = 0, version = 0, backingDisk, token } = actor;
  const remains: RestoreRemains = {
    state: actor.state as RestoreRemains['state'],
    planned: imported === undefined || imported === '' ? undefined : { importedDisk: imported, newDisk: 'NN' },
    removedDisk: removed === '' ? undefined : removed,
    settled: new Set(settled),
  };
  const isFirstOwner = actor.asOwner === true || (sight?.token === 'A' && turn.name === 'A' && !rules.ownerTakesOver);
  const owner = isFirstOwner ? 'A' : token;
  const step = rules.nextCleanupStep(sight, owner, backingDisk === undefined ? [] : [backingDisk], remains);
  switch (step.what) {
    case 'delete': {
      const path = step.path as Path;
      turn.call({ what: 'delete', path, names }, (reply) => {
        if (reply === 'done' || reply === 'FileNotFound') return { settled: [...settled, path] };
        // A lost call is made again: to delete what only this operation names is safe to repeat.
        return reply === 'lost' ? { at: 'look' } : { at: 'end' };
      });
      return;
    }
    case 'attach': {
      const path = step.path as Path;
      if (!rules.removedByAttachment) {
        if (turn.world.backing.disk === path) turn.think('somebody refers to it', { settled: [...settled, path] });
        else turn.think('nobody refers to it', { at: 'delete removed', doomed: path });
        return;
      }
      turn.call({ what: 'attach', path, version, names }, (reply) => {
        if (reply === 'FileNotFound') return { settled: [...settled, path] };
        return reply === 'InvalidDatastore' ? { at: 'end' } : { at: 'look' };
      });
      return;
    }
    case 'detach':
      turn.call({ what: 'release', path: step.path as Path, version }, () => ({ at: 'look' }));
      return;
    case 'destroy':
      turn.call({ what: 'destroy' }, (reply) => ({ at: reply === 'lost' ? 'look' : 'end' }));
      return;
    case 'leave':
    case 'nothing':
      turn.think('leaves it', { at: 'end' });
  }
}

/** What a broken protocol does: deletes the removed disk by its path. */
export function stepDeleteRemoved(turn: Turn): void {
  const path = turn.actor.doomed!;
  const settled = [...(turn.actor.settled ?? []), path];
  turn.call({ what: 'delete', path }, (reply) => (reply === 'lost' ? {} : { at: 'clean', settled }));
}
