import { setImmediate, setTimeout } from 'node:timers/promises';
import { anySignal } from '../any-signal.js';
import type { Caller } from './caller.js';
import type { Clock } from './clock.js';
import { asFault, fault } from './fault.js';
import { ManagedEntity } from './inventory/managed-entity.js';
import type { VirtualMachine } from './inventory/virtual-machine.js';
import type { ManagedObject } from './managed-object.js';
import type { Settings } from './options.js';
import type { Registry } from './registry.js';
import { Task } from './task.js';

/** How many ended tasks stay visible. */
const KEPT = 1000;

/** A task to run. */
export interface TaskSpec {
  /** As in `VirtualMachine.reconfigure`. */
  readonly descriptionId: string;
  readonly entity: ManagedObject;
  /** VMs nothing else may work on meanwhile. */
  readonly locks?: readonly VirtualMachine[];
  /** Whether `CancelTask` is heeded before the effect. */
  readonly cancelable?: boolean;
  /** Its effect. What it returns is the task's result. */
  readonly run: (task: Task) => unknown;
}

/** Starts tasks and knows them. */
export class TaskRunner {
  readonly #settings: Settings;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #closed: AbortSignal;
  readonly #cancels = new Map<Task, AbortController>();
  readonly #ended = new Map<Task, Promise<void>>();
  #tasks: readonly Task[] = [];

  constructor(settings: Settings, registry: Registry, clock: Clock, closed: AbortSignal) {
    this.#settings = settings;
    this.#registry = registry;
    this.#clock = clock;
    this.#closed = closed;
  }

  /** The tasks there are, oldest first. */
  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  /** Starts a task on behalf of a call. */
  start(caller: Caller, spec: TaskSpec): Task {
    const task = this.create(caller.userName, spec);
    caller.task = task;
    // Locked from the call on, so that of two calls the first one wins whatever the timing of tasks.
    const locks = spec.locks ?? [];
    const blocked = locks.find(({ busy }) => busy !== undefined)?.busy;
    if (blocked === undefined) for (const vm of locks) vm.busy = task;
    this.#ended.set(task, this.#run(task, spec, caller, blocked));
    return task;
  }

  /** A task that something else runs, as an NFC lease does. It counts as running from now on. */
  create(userName: string, { descriptionId, entity, cancelable = false }: Omit<TaskSpec, 'run'>): Task {
    const id = this.#taskId(entity, descriptionId);
    const task = this.#registry.add(
      new Task(id, { descriptionId, entity, userName, cancelable, queueTime: this.#clock.timestamp() }),
    );
    const ended = this.#tasks.filter((entry) => entry.ended);
    const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - KEPT)));
    for (const old of forgotten) {
      this.#registry.remove(old);
      this.#ended.delete(old);
    }
    this.#tasks = [...this.#tasks.filter((entry) => !forgotten.has(entry)), task];
    if (entity instanceof ManagedEntity) entity.remember(task);
    return task;
  }

  /** Resolves when a started task has ended. */
  async ended(task: Task): Promise<void> {
    await this.#ended.get(task);
  }

  /** @throws Fault NotSupported, InvalidState */
  cancel(task: Task): void {
    if (task.ended) throw fault('InvalidState', {}, 'The task has already ended');
    const cancel = this.#cancels.get(task);
    if (cancel === undefined || !task.cancelable) throw fault('NotSupported', {}, 'The task cannot be canceled');
    task.cancelled = true;
    cancel.abort();
  }

  markRunning(task: Task): void {
    task.state = 'running';
    task.startTime = this.#clock.timestamp();
    this.#registry.changed();
  }

  markEnded(task: Task, outcome: { readonly result?: unknown; readonly error?: unknown }): void {
    task.completeTime = this.#clock.timestamp();
    if (outcome.error === undefined) {
      task.result = outcome.result;
      task.progress = 100;
      task.state = 'success';
    } else {
      task.error = asFault(outcome.error);
      task.state = 'error';
    }
    this.#registry.changed();
  }

  async #run(task: Task, spec: TaskSpec, caller: Caller, blocked: Task | undefined): Promise<void> {
    const { taskMs } = this.#settings.latency;
    const cancel = new AbortController();
    this.#cancels.set(task, cancel);
    try {
      await setImmediate();
      this.markRunning(task);
      if (blocked !== undefined) {
        throw fault('TaskInProgress', { task: blocked.ref }, 'Another task is already in progress.');
      }
      const cut = spec.locks?.find(({ isConnected }) => !isConnected);
      if (cut !== undefined) throw fault('HostNotConnected', {}, `The host of ${cut.name} is not connected`);
      if (taskMs > 0) await this.#pause(taskMs, cancel.signal);
      if (cancel.signal.aborted) throw fault('RequestCanceled', {}, 'The task was canceled by a user.');
      this.#cancels.delete(task);
      caller.taskHooks.before();
      const result = await spec.run(task);
      await caller.taskHooks.after(task);
      this.#release(task, spec);
      this.markEnded(task, { result });
    } catch (error) {
      this.#release(task, spec);
      this.markEnded(task, { error });
    } finally {
      this.#cancels.delete(task);
    }
  }

  /** Unlocks before the task is said to have ended: who hears of it may start the next one at once. */
  #release(task: Task, { locks = [] }: TaskSpec): void {
    for (const vm of locks) if (vm.busy === task) vm.busy = undefined;
  }

  async #pause(ms: number, cancelled: AbortSignal): Promise<void> {
    const signal = anySignal(cancelled, this.#closed);
    await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }

  #taskId(entity: ManagedObject, descriptionId: string): string {
    const number = this.#registry.nextNumber('task');
    if (this.#settings.mode === 'vcenter') return `task-${number}`;
    return `haTask-${entity.id}-vim.${descriptionId}-${number}`;
  }
}
