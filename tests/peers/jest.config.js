import base from '../../jest.config.js';

/** The tests against programs that others wrote. Serial: they start servers, and the first one builds its peer. */
export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/tests/peers/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 180_000,
  maxWorkers: 1,
  reporters: ['default', '<rootDir>/tests/peers/support/peer-reporter.js'],
};
