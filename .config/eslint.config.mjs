// What the linter holds here and the compiler cannot. A dropped promise is a lost job, so promises come first.
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'bench/peers/', 'test/mutation/*.mjs', 'test/mutation/node_modules/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // `void promise` does not count as handling it: whatever is not awaited needs its own `.catch(…)`.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          ignoreVoid: false,
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowNever: true }],
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Our things are closures and classes with `#private` fields: a method is either free of `this` or says so when called.
      '@typescript-eslint/unbound-method': 'off',
      // An async function without `await` turns a throw into a rejection, which is what our public methods promise.
      '@typescript-eslint/require-await': 'off',
      // The compiler knows the names, in the scripts of this folder too.
      'no-undef': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // What runs in a terminal speaks to the person there.
    files: [
      'bench/**',
      'examples/**',
      'test/**/support/**',
      'test/support/**',
      'test/crash/trials.ts',
      'test/soak/main.ts',
      'test/simulation/main.ts',
      'test/planted/main.ts',
      'src/admin/**',
      '.config/**',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    // What a handler throws or a parsed text holds reaches a test as `any`; there the assertion is the check.
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
