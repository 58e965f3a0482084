import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import importSort from 'eslint-plugin-simple-import-sort';
import tseslint from 'typescript-eslint';

/** What a restore is made of, and an operation with it. */
const restoring = [
  'any-signal',
  'backing',
  'errors',
  'journal',
  'logger',
  'model',
  'nfc',
  'operation',
  'pbm',
  'process',
  'stream',
  'vim',
  'vmdk',
];

/**
 * The rooms of `src`, and what each may import from outside itself: rooms, files, or a folder of a room. Arrows point down.
 */
const rooms = {
  errors: [],
  process: [],
  model: ['errors'],
  vmdk: ['errors', 'event-loop-turns', 'lacking-method', 'quietly', 'start-worker', 'until-aborted'],
  stream: ['bounded-call', 'errors', 'event-loop-turns', 'model', 'process', 'start-worker', 'vmdk'],
  vim: ['any-signal', 'errors', 'logger', 'parse-input', 'stream', 'time-limit', 'until-aborted'],
  stores: ['bounded-call', 'errors', 'live-input', 'parse-input', 'process', 'stream', 'time-limit', 'until-aborted'],
  services: [
    'bounded-call',
    'errors',
    'live-input',
    'model',
    'parse-input',
    'process',
    'quietly',
    'stores',
    'stream',
    'time-limit',
  ],
  repository: [
    'any-signal',
    'errors',
    'event-loop-turns',
    'live-input',
    'model',
    'parse-input',
    'process',
    'quietly',
    'services',
    'stores',
    'stream',
    'until-aborted',
    'vmdk',
  ],
  operation: [
    'bounded-call',
    'errors',
    'live-input',
    'logger',
    'model',
    'parse-input',
    'services',
    'stream',
    'time-limit',
    'vim',
  ],
  journal: ['errors', 'model', 'process', 'vim'],
  pbm: ['any-signal', 'errors', 'logger', 'model', 'operation', 'vim'],
  backing: ['errors', 'journal', 'logger', 'model', 'operation', 'pbm', 'vim'],
  nfc: ['any-signal', 'backing', 'errors', 'logger', 'model', 'operation', 'stream', 'vim'],
  restore: restoring,
  driver: [...restoring, 'bounded-call', 'parse-input', 'restore', 'services'],
  // A product of its own: it speaks to its clients over the wire.
  simulator: ['any-signal', 'errors', 'vim/schema', 'vmdk'],
  testing: ['errors', 'model', 'services', 'stores'],
  // On the public entry points, as the command line is.
  fleet: ['index', 'repository/index'],
};

/**
 * An import leaves a room by as many steps up as its file lies deep.
 *
 * @type {import('eslint').Linter.Config[]}
 */
const boundaries = Object.entries(rooms).flatMap(([room, imported]) =>
  [1, 2, 3].map((depth) => ({
    files: [`src/${room}/${'*/'.repeat(depth - 1)}*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(?:\\.\\./){${depth}}(?!(?:${['\\.\\.', ...imported].join('|')})(?:/|\\.js$))`,
              message: `src/${room} may import ${imported.join(', ') || 'nothing'} and nothing else of this package.`,
            },
          ],
        },
      ],
    },
  })),
);

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'docs/api/', 'tests/package/consumer/', 'tests/package/runners/']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-sort': importSort },
    rules: {
      // Node's, other people's, our own.
      'import-sort/imports': ['error', { groups: [['^\\u0000', '^node:', '^@?\\w', '^', '^\\.']] }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', ignoreRestSiblings: true, ignoreUsingDeclarations: true },
      ],
      // What a host implements may resolve to nothing or to something: `Promise<void | BackupMetadata>`.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // `noPropertyAccessFromIndexSignature` asks for the brackets that this rule would take away.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**'],
    rules: {
      // A thing has the same name wherever it is used.
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      'no-restricted-properties': [
        'error',
        { object: 'AbortSignal', property: 'any', message: 'It forgets time limits in Node.js 20: use anySignal.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'MetaProperty[meta.name="import"]', message: 'The CommonJS build has no import.meta.' },
        { selector: 'Program > ExpressionStatement > AwaitExpression', message: 'CommonJS cannot await at the top.' },
        {
          selector: 'ImportDeclaration[source.value="node-fetch"]:not([importKind="type"])',
          message: 'ESM-only: load it by `await import()` where it is used.',
        },
      ],
    },
  },
  ...boundaries,
  {
    // The command line is a program of the library's, and no part of it: it is built as an ES module only.
    files: ['src/cli/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':matches(ImportDeclaration, ImportExpression)[source.value=/^(\\.\\.\\/)+((vim|services|stores|repository|vmdk|simulator|fleet)\\/(?!index)|(backing|driver|errors|journal|model|nfc|operation|pbm|process|restore|stream)\\/|(logger|parse-input)\\.js)/]',
          message: 'The command line uses the public entry points only.',
        },
      ],
    },
  },
  {
    files: ['tests/**'],
    rules: {
      // A test that is wrong about a value fails all the same.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Doubles implement asynchronous interfaces and have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // A caught error is taken for what the assertion that follows says it is.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      // `expect(object.method)` does not call it.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['examples/**', 'bench/**', 'scripts/**', 'tests/**'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  prettier,
);
