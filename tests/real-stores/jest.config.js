import { stageConfig } from '../support/stage-config.js';

/** The tests against real servers of OpenStack Swift and Ceph. Each file starts its own. */
export default stageConfig('real-stores', {
  reporters: [
    'default',
    '<rootDir>/tests/support/skip-reporter.js',
    '<rootDir>/tests/real-stores/support/store-reporter.js',
  ],
});
