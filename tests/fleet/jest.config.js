import { stageConfig } from '../support/stage-config.js';

/** The fleet on a real Redis. Serial: workers are processes of their own. */
export default stageConfig('fleet', { maxWorkers: 1 });
