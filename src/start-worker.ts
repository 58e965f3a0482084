import { Worker } from 'node:worker_threads';
import { ThreadError } from './errors/thread-error.js';

/**
 * Starts a worker thread of this library from its program's text.
 *
 * A thread is not terminated from outside, since Node may then abort the process: it is asked to end and closes its port.
 *
 * @param name what debuggers and profilers show
 * @throws ThreadError where the system gives no thread
 */
export function startWorker(name: string, source: string, workerData?: unknown): Worker {
  try {
    return new Worker(source, {
      eval: true,
      name: `vmdk-driver ${name}`,
      workerData,
      // Loaders, flags and environment of the application's process are none of its business.
      execArgv: [],
      env: {},
    });
  } catch (error) {
    throw new ThreadError(`no worker thread can be started (${name})`, { cause: error });
  }
}
