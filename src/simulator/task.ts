import type { MoRef, VimObject } from '../vim/schema/index.js';
import type { Fault } from './fault.js';
import { ManagedEntity } from './inventory/managed-entity.js';
import { ManagedObject, type PropertyTable } from './managed-object.js';

/** A task's state, as `TaskInfo.state`. */
export type TaskState = 'queued' | 'running' | 'success' | 'error';

/** What a task is about. */
export interface TaskInit {
  /** As in `VirtualMachine.reconfigure`. */
  readonly descriptionId: string;
  readonly entity: ManagedObject;
  readonly userName: string;
  readonly cancelable: boolean;
  readonly queueTime: string;
}

/** An operation that goes on after the call that started it returned. */
export class Task extends ManagedObject {
  readonly descriptionId: string;
  /** The object it works on, which may be gone before it ends. */
  readonly entity: MoRef;
  readonly entityName: string | undefined;
  readonly userName: string;
  readonly cancelable: boolean;
  readonly queueTime: string;
  state: TaskState = 'queued';
  startTime: string | undefined;
  completeTime: string | undefined;
  progress: number | undefined;
  cancelled = false;
  error: Fault | undefined;
  result: unknown;

  constructor(id: string, { descriptionId, entity, userName, cancelable, queueTime }: TaskInit) {
    super('Task', id);
    this.descriptionId = descriptionId;
    this.entity = entity.ref;
    this.entityName = entity instanceof ManagedEntity ? entity.name : undefined;
    this.userName = userName;
    this.cancelable = cancelable;
    this.queueTime = queueTime;
  }

  get ended(): boolean {
    return this.state === 'success' || this.state === 'error';
  }
}

function info(task: Task): VimObject<'TaskInfo'> {
  const { id, descriptionId, entity, entityName, state, cancelled, error, result, progress, startTime, completeTime } =
    task;
  return {
    key: id,
    task: task.ref,
    name: methodName(descriptionId),
    descriptionId,
    entity,
    ...(entityName === undefined ? {} : { entityName }),
    state,
    cancelled,
    cancelable: task.cancelable && !task.ended,
    ...(error === undefined ? {} : { error: error.localized() }),
    ...(result === undefined ? {} : { result }),
    ...(progress === undefined ? {} : { progress }),
    reason: { _type: 'TaskReasonUser', userName: task.userName },
    queueTime: task.queueTime,
    ...(startTime === undefined ? {} : { startTime }),
    ...(completeTime === undefined ? {} : { completeTime }),
    eventChainId: 1,
  };
}

/** `Reconfigure_Task` of `VirtualMachine.reconfigure`. */
function methodName(descriptionId: string): string {
  const verb = descriptionId.slice(descriptionId.lastIndexOf('.') + 1);
  return `${verb.slice(0, 1).toUpperCase()}${verb.slice(1)}_Task`;
}

export const taskProperties: PropertyTable<Task> = { info: { spec: 'TaskInfo', get: info } };
