import { Worker } from 'node:worker_threads';

/** A thread's whole program. It may use its argument and what it gets by it, and nothing else from outside itself. */
export type ThreadProgram = (require: NodeJS.Require) => void;

/**
 * Starts a worker thread from its program's own source text, so that it needs no file of its own next to whatever a
 * bundler, a test runner or a CommonJS build makes of the module that holds it.
 *
 * A thread is not terminated from outside, since Node may then abort the process: it is asked to end and closes its port.
 *
 * @param name what debuggers and profilers show
 */
export function startEmbeddedWorker(name: string, program: ThreadProgram, workerData?: unknown): Worker {
  // esbuild, told to keep names, wraps functions in a helper that the thread would not find.
  const source = `const __name = (value) => value; (${program.toString()})(require);`;
  return new Worker(source, {
    eval: true,
    name,
    workerData,
    // Loaders, flags and environment of the application's process are none of its business.
    execArgv: [],
    env: {},
  });
}
