import base from './jest.config.mjs';

/** The built product in real Chromium; one file at a time, each on its own server. */
export default {
  ...base,
  roots: ['<rootDir>/test/browser'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300_000,
  maxWorkers: 1,
};
