module.exports = { preset: 'ts-jest', testMatch: ['<rootDir>/typescript.test.ts'] };
