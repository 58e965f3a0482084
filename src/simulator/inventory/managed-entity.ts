import { fault } from '../fault.js';
import { ManagedObject, type PropertyTable } from '../managed-object.js';
import type { ManagedTypeName } from '../managed-types.js';
import type { Task } from '../task.js';

/** How many ended tasks an entity remembers. */
const RECENT = 10;

/** An object of the inventory tree. */
export abstract class ManagedEntity extends ManagedObject {
  name: string;
  parent: ManagedEntity | undefined;
  /** Whether the client may see it at all, and may read and change it. */
  access: 'full' | 'unreadable' | 'hidden' = 'full';
  #recentTasks: readonly Task[] = [];

  constructor(type: ManagedTypeName, id: string, name: string, parent: ManagedEntity | undefined) {
    super(type, id);
    this.name = name;
    this.parent = parent;
  }

  /** Its unfinished tasks and the last few that ended, oldest first. */
  get recentTasks(): readonly Task[] {
    return this.#recentTasks;
  }

  remember(task: Task): void {
    const ended = this.#recentTasks.filter((entry) => entry.ended);
    const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - RECENT)));
    this.#recentTasks = [...this.#recentTasks.filter((entry) => !forgotten.has(entry)), task];
  }

  /** @throws Fault NoPermission */
  requireReadable(): void {
    if (this.access !== 'full') throw noPermission(this);
  }

  /** The closest ancestor of a class, itself included. */
  ancestor<T extends ManagedEntity>(kind: abstract new (...args: never[]) => T): T | undefined {
    return ancestorOf(this, kind);
  }
}

/** What is answered to who has no right to read an entity. */
export function noPermission({ ref }: ManagedEntity) {
  return fault(
    'NoPermission',
    { object: ref, privilegeId: 'System.Read' },
    'Permission to perform this operation was denied.',
  );
}

function ancestorOf<T extends ManagedEntity>(
  entity: ManagedEntity,
  kind: abstract new (...args: never[]) => T,
): T | undefined {
  for (let at: ManagedEntity | undefined = entity; at !== undefined; at = at.parent) if (at instanceof kind) return at;
  return undefined;
}

/** What every entity has. */
export const managedEntityProperties: PropertyTable<ManagedEntity> = {
  name: { spec: 'string', get: ({ name }) => name },
  parent: { spec: 'ref?', get: ({ parent }) => parent?.ref },
  overallStatus: { spec: 'ManagedEntityStatus', get: () => 'green' },
  recentTask: { spec: 'ref[]?', get: ({ recentTasks }) => recentTasks.map(({ ref }) => ref) },
};
