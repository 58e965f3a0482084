import { stageConfig } from '../support/stage-config.js';

/** The tests against programs that others wrote. Serial: they start servers, and the first one builds its peer. */
export default stageConfig('peers', {
  maxWorkers: 1,
  reporters: ['default', '<rootDir>/tests/peers/support/peer-reporter.js'],
});
