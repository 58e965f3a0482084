import { codecWorker } from './codec-worker.js';

/**
 * The program of a worker thread, as text: it needs no file of its own, wherever a bundler or a test runner puts this one. The
 * build replaces this module by the text itself, so that nothing which minifies or instruments the package gets at the program.
 */
export const codecWorkerSource = `(${codecWorker.toString()})(require);`;
