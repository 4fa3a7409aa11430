const transform = { '^.+\\.tsx?$': ['ts-jest', { isolatedModules: true, tsconfig: 'test/tsconfig.json', diagnostics: false }] };

/** Unit and integration tests in Node; types are checked by `npm run typecheck`, so ts-jest only transpiles. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/extension', '<rootDir>/modes', '<rootDir>/cli', '<rootDir>/server/src', '<rootDir>/test'],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/'],
  extensionsToTreatAsEsm: [],
  transform,
  testTimeout: 60_000,
  maxWorkers: 2,
};
