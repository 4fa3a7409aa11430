const transform = {
  '^.+\\.tsx?$': ['ts-jest', { tsconfig: 'test/tsconfig.json', diagnostics: false }],
};

/** Unit and integration tests in Node; types are checked by `npm run typecheck`, so ts-jest only transpiles (`isolatedModules`). */
export default {
  testEnvironment: 'node',
  roots: [
    '<rootDir>/src',
    '<rootDir>/extension',
    '<rootDir>/modes',
    '<rootDir>/cli',
    '<rootDir>/server/src',
    '<rootDir>/test',
  ],
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/'],
  extensionsToTreatAsEsm: [],
  transform: {
    ...transform,
    // @fastify/static requires this ES module, which Node can do since 20.19 and jest 29 cannot.
    'node_modules/content-disposition/.+\\.js$': [
      'ts-jest',
      { diagnostics: false, tsconfig: { allowJs: true, module: 'CommonJS', isolatedModules: true } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!content-disposition/)'],
  testTimeout: 60_000,
  maxWorkers: 2,
};
