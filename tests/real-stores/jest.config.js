import { stageConfig } from '../support/stage-config.js';

/** The tests against real servers of OpenStack Swift and Ceph. Serial: each starts its own. */
export default stageConfig('real-stores', { maxWorkers: 1 });
