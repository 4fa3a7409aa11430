import tseslint from 'typescript-eslint';
import boundaries from 'eslint-plugin-boundaries';

const src = name => ({ type: name, pattern: `src/${name}` });
/** What each module of src/ may import; arrows go down only (docs/architecture.md). */
const allow = {
  notices: [],
  decimal: [],
  abort: [],
  ct: ['notices', 'decimal'],
  engine: ['notices', 'ct', 'abort'],
  denoise: ['notices', 'ct', 'engine'],
  residual: ['notices', 'ct'],
  guard: ['notices', 'ct', 'engine', 'residual'],
  dicom: ['notices', 'ct', 'decimal'],
  series: ['notices', 'ct', 'engine', 'denoise', 'dicom'],
  store: ['notices', 'ct', 'dicom', 'abort'],
};
const all = Object.keys(allow);
/** What src/ must not know: the viewer and its page. */
const HOST = ['@ohif/*', '@cornerstonejs/core*', '@cornerstonejs/tools*', 'react*'];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      '**/node_modules/',
      '.cache/',
      '.venv/',
      'training/',
      'coverage/',
      'server/demo/',
      'test/screenshots/',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { boundaries },
    settings: {
      'import/resolver': { node: { extensions: ['.ts', '.tsx', '.mjs', '.js'] } },
      'boundaries/elements': [
        ...all.map(src),
        { type: 'extension', pattern: 'extension' },
        { type: 'modes', pattern: 'modes' },
        { type: 'server', pattern: 'server' },
        { type: 'cli', pattern: 'cli' },
        { type: 'bench', pattern: 'bench' },
        { type: 'test', pattern: 'test' },
      ],
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      'boundaries/element-types': [
        'error',
        {
          default: 'disallow',
          rules: [
            ...all.map(name => ({ from: name, allow: [name, ...allow[name]] })),
            { from: 'extension', allow: ['extension', ...all] },
            { from: 'modes', allow: ['modes', 'extension'] },
            { from: 'server', allow: ['server', 'decimal', 'dicom'] },
            { from: 'cli', allow: ['cli', ...all] },
            {
              from: ['bench', 'test'],
              allow: ['bench', 'test', 'extension', 'modes', 'server', 'cli', ...all],
            },
          ],
        },
      ],
      'boundaries/entry-point': [
        'error',
        {
          default: 'allow',
          rules: [
            { target: all, disallow: '*' },
            {
              target: all,
              allow: ['index.ts', 'node.ts', 'browser.ts', '*.worker.ts', '*/*.worker.ts', 'fixtures.ts'],
            },
          ],
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'window', 'document', 'localStorage', 'alert'],
      'no-restricted-imports': ['error', { patterns: HOST }],
    },
  },
  {
    // Inside src/dicom: elements know no pixels, and neither knows what is derived from them.
    files: ['src/dicom/part10/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [...HOST, '**/pixels/*', '**/derive/*'] }] },
  },
  {
    files: ['src/dicom/pixels/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [...HOST, '**/derive/*'] }] },
  },
  {
    // Inside the extension: the session drives the live series, which know no session.
    files: ['extension/derived/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['../session/*', '../panel/*', '../get*'] }] },
  },
  {
    files: ['extension/session/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['../panel/*', '../get*'] }] },
  },
  {
    // The panel reads a snapshot and runs commands.
    files: ['extension/panel/*.tsx'],
    ignores: ['**/*.test.tsx'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['../session/*', '../derived/*'], allowTypeImports: true }] },
      ],
    },
  },
  {
    files: ['**/*.{mjs,cjs,js}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
