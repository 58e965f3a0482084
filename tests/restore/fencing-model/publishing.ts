import type { Rules } from './rules.js';
import { sightOf, type Turn } from './steps.js';

/** A restore to a new volume, and whoever recovers it: there is no backing, the temporary VM becomes it. */
export function stepPublishing(turn: Turn, rules: Rules): void {
  const { world, actor, name } = turn;
  const { temporary } = world;
  const isOwner = name === 'A';
  switch (actor.at) {
    case 'read': {
      if (isOwner) turn.think('is cancelled', { at: 'claim' });
      const owner = rules.owns(sightOf(world), 'A');
      turn.think(owner ? 'is the owner' : 'is not the owner', {
        at: owner ? 'publish' : 'claim',
        version: temporary.version,
      });
      return;
    }
    case 'publish':
      turn.call({ what: 'publish', version: rules.publishesAtVersion ? (actor.version ?? 0) : undefined }, (reply) => {
        if (reply === 'done') return { at: 'end', said: 'new' };
        return { at: reply === 'ConcurrentAccess' ? 'read' : 'claim' };
      });
      return;
    case 'claim': {
      const sight = sightOf(world);
      const takesFrom = isOwner ? 'A' : (actor.takesFrom ?? sight?.token);
      const token = isOwner && !rules.ownerTakesOver ? 'A' : actor.token;
      const step = rules.nextPublicationStep(sight, token, takesFrom);
      const at = { completed: 'end', undone: 'end', lost: 'end', take: 'take', destroy: 'destroy' }[step];
      const said = step === 'completed' ? 'new' : step === 'take' || step === 'destroy' ? undefined : 'old';
      turn.think(step, {
        at,
        version: temporary.version,
        ...(said === undefined ? {} : { said }),
        ...(takesFrom === undefined ? {} : { takesFrom }),
      });
      return;
    }
    case 'take':
      turn.call({ what: 'take', version: actor.version ?? 0, token: actor.token }, () => ({ at: 'claim' }));
      return;
    case 'destroy':
      turn.call({ what: 'destroy' }, (reply) => (reply === 'lost' ? { at: 'claim' } : { at: 'end', said: 'old' }));
      return;
    default:
      throw new RangeError(`${name} is at ${actor.at}`);
  }
}
