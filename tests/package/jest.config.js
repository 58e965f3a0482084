import { stageConfig } from '../support/stage-config.js';

export default stageConfig('package', {
  // They are for other people's runners.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/tests/package/runners/'],
  globalSetup: '<rootDir>/tests/package/support/pack-once.js',
  globalTeardown: '<rootDir>/tests/package/support/remove-pack.js',
});
