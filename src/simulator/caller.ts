import type { EndedSessionAnswer } from './options.js';
import type { Session } from './session.js';
import type { Task } from './task.js';

/** Who called, and what became of the call. */
export interface Caller {
  /** Undefined for calls that need no login. */
  readonly session: Session | undefined;
  /** How calls of the session are answered, where it has ended. */
  readonly endedSession: EndedSessionAnswer | undefined;
  readonly userName: string;
  readonly userAgent: string;
  readonly ipAddress: string;
  /** Aborted when the client is gone, its session ended or the simulator closed. */
  readonly signal: AbortSignal;
  /** What happens to a task the call starts. */
  readonly taskHooks: TaskHooks;
  /** A session the call opened, to be handed over with the reply. */
  opened: Session | undefined;
  /** The task the call started. */
  task: Task | undefined;
}

/** What happens to a task besides its work. */
export interface TaskHooks {
  /** Before its effect. Throws to make it fail without. */
  before(): void;
  /** After its effect, before it is said to have ended. Throws to make it fail all the same. */
  after(task: Task): Promise<void>;
}
