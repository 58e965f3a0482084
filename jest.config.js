import { existsSync, readdirSync } from 'node:fs';

const tests = new URL('tests/', import.meta.url);

/**
 * Directories below `tests` with a configuration of their own are stages of their own (`npm run test:<stage>`): they take long or
 * install programs.
 */
const stages = readdirSync(tests).filter((name) => existsSync(new URL(`${name}/jest.config.js`, tests)));

/** Directories whose tests start a program for whatever they try: together the stage `commands`. */
export const commands = ['cli', 'services/program', 'services/rbd', 'services/tsm'];

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/tests/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...[...stages, ...commands].map((name) => `<rootDir>/tests/${name}/`)],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Types are checked by `npm run types`; here they are only stripped.
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  // The copies of the package that a build or a pack leaves are not modules of this project.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  reporters: ['default', '<rootDir>/tests/support/skip-reporter.js'],
  // For a test that never ends, not for a slow one: nobody's machine is so busy.
  testTimeout: 600_000,
  maxWorkers: 2,
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
};
