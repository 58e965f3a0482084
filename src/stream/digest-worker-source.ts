import { digestWorker } from './digest-worker.js';

/** The program of a thread that hashes streams, as text; the build puts the text itself here, as with the codec's. */
export const digestWorkerSource = `(${digestWorker.toString()})(require);`;
