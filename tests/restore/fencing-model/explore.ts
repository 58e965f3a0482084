import { stepPublishing } from './publishing.js';
import { stepRestoring } from './restoring.js';
import type { Rules } from './rules.js';
import { copyOf, type Step, Turn } from './steps.js';
import { type ActorName, endTemporary, moveFile, perform, type World } from './world.js';

/** What is explored. */
export interface Exploration {
  readonly kind: 'existing volume' | 'new volume';
  readonly rules: Rules;
  readonly recoverers: 1 | 2;
  readonly budget: Partial<World['budget']>;
  /** After how many states it is given up. */
  readonly most?: number;
}

export interface Finding {
  /** What is wrong; `undefined` where nothing is. */
  readonly violation: string | undefined;
  /** How it came to that. */
  readonly trace: readonly string[];
  readonly states: number;
  /** Whether every state was seen. */
  readonly complete: boolean;
}

/**
 * Goes through every interleaving. A dead actor is one that makes no further step, so each may die anywhere: in every state, one
 * more recovery that nothing disturbs must leave nothing behind.
 */
export function explore(exploration: Exploration): Finding {
  const { most = Infinity } = exploration;
  const begin = beginning(exploration);
  const cameFrom = new Map<string, readonly [from: string, label: string] | undefined>([
    [JSON.stringify(begin), undefined],
  ]);
  const queue = [...cameFrom.keys()];
  const recovered = new Map<string, readonly [string, readonly string[]] | undefined>();
  // It grows while it is gone through.
  for (const key of queue) {
    const world = JSON.parse(key) as World;
    const violation = violationOf(world, exploration.kind);
    const rest = JSON.stringify([world.files, world.backing, world.temporary]);
    if (violation === undefined && !recovered.has(rest)) recovered.set(rest, recoverAlone(world, exploration));
    const left = violation === undefined ? recovered.get(rest) : ([violation, []] as const);
    if (left !== undefined) {
      const trace = [...traceTo(key, cameFrom), ...left[1].map((label) => `(${label})`)];
      return { violation: left[0], trace, states: cameFrom.size, complete: false };
    }
    for (const [label, next] of stepsOf(world, exploration)) {
      const nextKey = JSON.stringify(next);
      if (cameFrom.has(nextKey)) continue;
      cameFrom.set(nextKey, [key, label]);
      queue.push(nextKey);
    }
    if (cameFrom.size > most) return { violation: undefined, trace: [], states: cameFrom.size, complete: false };
  }
  return { violation: undefined, trace: [], states: cameFrom.size, complete: true };
}

function beginning({ kind, recoverers, budget }: Exploration): World {
  const isNew = kind === 'new volume';
  const at = isNew ? 'read' : 'complete';
  return {
    files: isNew ? { I: 'whole' } : { P0: 'old', I: 'partial' },
    backing: { disk: 'P0', mark: 'former', removed: '', version: 1 },
    temporary: {
      exists: true,
      leased: !isNew,
      disks: ['I'],
      token: 'A',
      imported: '',
      version: 1,
    },
    names: 0,
    actors: {
      A: { at, token: 'A2' },
      R1: { at: 'claim', token: 'R1' },
      ...(recoverers === 2 ? { R2: { at: 'claim', token: 'R2' } } : {}),
    },
    late: [],
    budget: { losses: 0, moves: 0, temporaryMoves: 0, renames: 0, ...budget },
  };
}

function stepsOf(world: World, exploration: Exploration): Step[] {
  const names = Object.keys(world.actors) as ActorName[];
  return [
    ...names.flatMap((name) => (world.actors[name]?.at === 'end' ? [] : stepsOfActor(world, name, exploration))),
    ...late(world),
    ...(exploration.kind === 'existing volume' ? othersSteps(world) : []),
  ];
}

function stepsOfActor(world: World, name: ActorName, { kind, rules }: Exploration): readonly Step[] {
  const turn = new Turn(world, name);
  if (kind === 'new volume') stepPublishing(turn, rules);
  else stepRestoring(turn, rules);
  return turn.steps;
}

function late(world: World): Step[] {
  return world.late.map((call, n) => {
    const next = copyOf(world);
    next.late.splice(n, 1);
    return [`late: ${call.what}: ${perform(next, call)}`, next];
  });
}

/** Storage vMotion, a renamed datastore, a lease that nobody keeps alive. */
function othersSteps(world: World): Step[] {
  const steps: Step[] = [];
  const add = (label: string, change: (next: World) => void): void => {
    const next = copyOf(world);
    change(next);
    steps.push([label, next]);
  };
  const { backing, temporary, files, budget } = world;
  for (const to of ['P0', 'P1'] as const) {
    if (budget.moves === 0 || files[to] !== undefined || files[backing.disk] === undefined) continue;
    add(`vMotion of the backing to ${to}`, (next) => {
      next.budget.moves--;
      moveFile(next, backing.disk, to);
      next.backing.disk = to;
      next.backing.version++;
    });
  }
  if (budget.temporaryMoves > 0 && temporary.exists && !temporary.leased && temporary.disks.includes('I')) {
    add('vMotion of the temporary VM', (next) => {
      next.budget.temporaryMoves--;
      moveFile(next, 'I', 'J');
      next.temporary.disks = next.temporary.disks.map((path) => (path === 'I' ? 'J' : path));
      next.temporary.version++;
    });
  }
  if (budget.renames > 0) {
    add('the datastore is renamed', (next) => {
      next.budget.renames--;
      next.names++;
    });
  }
  if (temporary.leased) add('the lease times out', endTemporary);
  return steps;
}

function violationOf(world: World, kind: Exploration['kind']): string | undefined {
  const { files, backing, temporary, actors } = world;
  const published = temporary.token === '';
  if (kind === 'new volume' && published && !temporary.exists) return 'lost: a published volume was destroyed';
  const content = files[backing.disk];
  if (kind === 'existing volume' && content !== 'old' && content !== 'whole') {
    return `lost: the volume's disk ${backing.disk} is ${content ?? 'gone'}`;
  }
  const truth = (kind === 'new volume' ? published : content === 'whole') ? 'new' : 'old';
  const liar = Object.entries(actors).find(
    ([, { said }]) => said !== undefined && said !== 'unknown' && said !== truth,
  );
  return liar && `untrue: ${liar[0]} said ${String(liar[1].said)}, and the disk is the ${truth} one`;
}

/** When all others are dead, one more recovery must leave nothing. */
function recoverAlone(from: World, exploration: Exploration): readonly [string, readonly string[]] | undefined {
  let world = copyOf(from);
  world.late = [];
  world.budget = { losses: 0, moves: 0, temporaryMoves: 0, renames: 0 };
  if (world.temporary.leased) endTemporary(world);
  world.actors = { ...world.actors, L: { at: 'claim', token: 'L' } };
  const trace: string[] = [];
  while (world.actors.L?.at !== 'end') {
    const [step] = stepsOfActor(world, 'L', exploration);
    if (step === undefined || trace.length > 60) return ['the last recovery does not end', trace];
    trace.push(step[0]);
    world = step[1];
    const violation = violationOf(world, exploration.kind);
    if (violation !== undefined) return [violation, trace];
  }
  const { temporary, files, backing } = world;
  const isBacking = exploration.kind === 'new volume' && temporary.token === '';
  const disk = exploration.kind === 'new volume' ? (isBacking ? 'I' : undefined) : backing.disk;
  const left = [
    ...Object.keys(files).filter((path) => path !== disk),
    ...(temporary.exists && !isBacking ? ['the temporary VM'] : []),
  ];
  return left.length === 0 ? undefined : [`leaked: ${left.join(', ')}`, trace];
}

function traceTo(key: string, cameFrom: ReadonlyMap<string, readonly [string, string] | undefined>): string[] {
  const trace: string[] = [];
  for (let step = cameFrom.get(key); step !== undefined; step = cameFrom.get(step[0])) trace.unshift(step[1]);
  return trace;
}
