import { sharedState } from '../../process/shared-state.js';

/** What all file backup services of a process (of a thread, where there are several) have to know of each other. */
interface ProcessState {
  /** Attempts that are under way. */
  readonly attempts: Set<string>;
  /** For each path that is being changed, the end of the last change asked for. */
  readonly turns: Map<string, Promise<void>>;
}

export const processState: ProcessState = sharedState('file-backup-service', () => ({
  attempts: new Set(),
  turns: new Map(),
}));

/** Runs the action after all others that were asked for on this path before. */
export async function inTurn<T>(path: string, action: () => Promise<T>): Promise<T> {
  const { turns } = processState;
  const result = (turns.get(path) ?? Promise.resolve()).then(action);
  const end = result.then(
    () => undefined,
    () => undefined,
  );
  turns.set(path, end);
  try {
    return await result;
  } finally {
    if (turns.get(path) === end) turns.delete(path);
  }
}
