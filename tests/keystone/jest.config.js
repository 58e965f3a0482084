import { stageConfig } from '../support/stage-config.js';

/** The tests against a real Keystone and a Swift that asks it: not of `.ci/run`, since it takes minutes to install and to start. */
export default stageConfig('keystone', {
  reporters: [
    'default',
    '<rootDir>/tests/support/skip-reporter.js',
    '<rootDir>/tests/real-stores/support/store-reporter.js',
  ],
});
