import { type Actor, type ActorName, type Call, perform, type Reply, type World } from './world.js';

/** A step somebody can make: what it is, and the world after it. */
export type Step = readonly [label: string, next: World];

export function copyOf(world: World): World {
  return JSON.parse(JSON.stringify(world)) as World;
}

/** The steps of one actor in one world. */
export class Turn {
  readonly steps: Step[] = [];
  readonly actor: Actor;

  constructor(
    readonly world: World,
    readonly name: ActorName,
  ) {
    const actor = world.actors[name];
    if (actor === undefined) throw new RangeError(`there is no ${name}`);
    this.actor = actor;
  }

  /** A step that changes only what the actor knows. */
  think(label: string, changes: Partial<Actor>): void {
    const next = copyOf(this.world);
    Object.assign(next.actors[this.name] ?? {}, changes);
    this.steps.push([`${this.name}: ${label}`, next]);
  }

  /**
   * A call and everything that can become of it.
   *
   * @param then what its caller does about the reply; `lost` where none came
   */
  call(call: Call, then: (reply: Reply | 'lost') => Partial<Actor>): void {
    const { world, name } = this;
    const label = `${name}: ${call.what}${'path' in call ? ` ${call.path}` : ''}`;
    const step = (what: string, reply: Reply | 'lost', next: World): void => {
      Object.assign(next.actors[name] ?? {}, then(reply));
      this.steps.push([`${label}: ${what}`, next]);
    };
    const answered = copyOf(world);
    const reply = perform(answered, call);
    step(reply, reply, answered);
    if (world.budget.losses === 0) return;
    const done = copyOf(world);
    done.budget.losses--;
    const unseen = perform(done, call);
    step(`no reply, was ${unseen}`, 'lost', done);
    const never = copyOf(world);
    never.budget.losses--;
    step('no reply, never arrived', 'lost', never);
    const late = copyOf(world);
    late.budget.losses--;
    late.late.push(call);
    step('no reply, on its way', 'lost', late);
  }
}

/** What a read of the temporary VM shows. */
export function sightOf({ temporary }: World): NonNullable<Actor['sight']> | undefined {
  if (!temporary.exists) return undefined;
  const { token, disks } = temporary;
  return { token: token === '' ? undefined : token, published: token === '', attached: [...disks] };
}
