module.exports = { testMatch: ['<rootDir>/commonjs.test.js'] };
