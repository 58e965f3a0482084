import { exchangeMark } from '../../../src/restore/fencing.js';
import { stepDeleteRemoved, stepEnding } from './ending.js';
import type { Rules } from './rules.js';
import { sightOf, type Turn } from './steps.js';
import type { Path } from './world.js';

/** A restore to an existing volume, from the end of its import on. It may be cancelled, and may be killed: then it never goes on. */
export function stepRestoring(turn: Turn, rules: Rules): void {
  const { world, actor } = turn;
  const { temporary, backing, names } = world;
  const imported = (actor.imported ?? '') as Path;
  if (['complete', 'read', 'move', 'make whole', 'read backing'].includes(actor.at)) {
    turn.think('is cancelled', { at: actor.at === 'complete' ? 'abort' : 'claim' });
  }
  switch (actor.at) {
    case 'complete':
      turn.call({ what: 'complete' }, (reply) => ({ at: reply === 'done' ? 'read' : 'abort' }));
      return;
    case 'abort':
      turn.call({ what: 'abort' }, () => ({ at: 'claim' }));
      return;
    case 'read': {
      const sight = sightOf(world);
      const [path] = temporary.disks;
      if (!rules.owns(sight, 'A') || path === undefined) turn.think('is not the owner', { at: 'claim' });
      else turn.think('is the owner', { at: 'detach', version: temporary.version, imported: path, names });
      return;
    }
    case 'detach':
      turn.call({ what: 'detach', version: actor.version ?? 0, path: imported }, (reply) => ({
        at: reply === 'done' ? 'move' : reply === 'ConcurrentAccess' ? 'read' : 'claim',
      }));
      return;
    case 'move':
      turn.call({ what: 'move', from: imported, names: actor.names ?? 0 }, (reply) => ({
        at: reply === 'done' ? 'make whole' : reply === 'lost' ? 'look up move' : 'claim',
      }));
      return;
    case 'look up move': {
      const moved = world.files.NN !== undefined && world.files[imported] === undefined;
      turn.think(moved ? 'it was moved' : 'it was not moved', { at: moved ? 'make whole' : 'claim' });
      return;
    }
    case 'make whole':
      turn.call({ what: 'make whole', from: 'NN', names: actor.names ?? 0 }, (reply) => ({
        at: reply === 'done' ? (rules.backingFirst ? 'read backing' : 'read owner') : 'claim',
      }));
      return;
    case 'read backing':
      turn.think('reads the backing', {
        at: rules.backingFirst ? 'read owner' : 'exchange',
        backingVersion: backing.version,
        markBefore: backing.mark,
        names,
      });
      return;
    case 'read owner': {
      const isOwner = rules.owns(sightOf(world), 'A');
      turn.think(isOwner ? 'is still the owner' : 'is not the owner any more', {
        at: !isOwner ? 'claim' : rules.backingFirst ? 'exchange' : 'read backing',
      });
      return;
    }
    case 'exchange':
      turn.call(exchangeOf(turn, rules, 'NN', exchangeMark('op')), (reply) => {
        if (reply === 'done') return { at: 'read back' };
        if (reply === 'ConcurrentAccess') return { at: rules.backingFirst ? 'read backing' : 'read owner' };
        return { at: reply === 'lost' ? 'look up exchange' : 'claim' };
      });
      return;
    case 'look up exchange': {
      const made = rules.exchangeState(backing.mark, 'op') === 'completed';
      turn.think(made ? 'it was made' : 'it was not made, or not yet', {
        at: made ? 'read back' : 'claim',
        unanswered: !made,
      });
      return;
    }
    case 'read back':
      // A good end goes on under the token it has: nothing of its own is on its way.
      turn.think('finds all as it should be', { at: 'ask', said: 'new', asOwner: true });
      if (rules.exchangeState(backing.mark, 'op') === 'completed') {
        const known = { backingVersion: backing.version, names };
        turn.think('finds that something is wrong', { at: 'read owner to exchange back', ...known });
      }
      return;
    case 'read owner to exchange back': {
      const isOwner = rules.owns(sightOf(world), 'A');
      turn.think(isOwner ? 'is still the owner' : 'is not the owner any more', {
        at: isOwner ? 'exchange back' : 'claim',
        removed: backing.removed,
      });
      return;
    }
    case 'exchange back':
      turn.call(
        exchangeOf(turn, rules, (actor.removed ?? '') as Path, exchangeMark('op', { back: true })),
        (reply) => ({
          at: reply === 'ConcurrentAccess' ? 'read back' : 'claim',
          unanswered: reply === 'lost',
        }),
      );
      return;
    case 'delete removed':
      stepDeleteRemoved(turn);
      return;
    default:
      stepEnding(turn, rules);
  }
}

function exchangeOf({ actor }: Turn, rules: Rules, path: Path, mark: string) {
  const version = rules.exchangesAtVersion ? (actor.backingVersion ?? 0) : undefined;
  return { what: 'exchange', path, mark, version, names: actor.names ?? 0 } as const;
}
