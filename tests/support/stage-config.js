import base from '../../jest.config.js';

/**
 * jest's configuration for the tests below `tests/<stage>`, which `npm test` leaves out: see jest.config.js.
 *
 * @param {string} stage
 * @param {import('jest').Config} [changes]
 * @returns {import('jest').Config}
 */
export function stageConfig(stage, changes) {
  return {
    ...base,
    rootDir: '../..',
    testMatch: [`<rootDir>/tests/${stage}/**/*.test.ts`],
    testPathIgnorePatterns: ['/node_modules/'],
    ...changes,
  };
}
