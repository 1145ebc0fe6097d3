// Runs the compiled tests with Node's own runner and ends as it ends.
//
//   npm test                      every test
//   npm test -- log/frame crash   only files whose path holds one of these words
//   npm test -- --test-only       what starts with a dash goes to node
//
// The list is made from the sources: a test that was deleted may still lie compiled in `dist`, and Node 20 expands no
// globs and Node 22 takes no folders, so neither would mean the same files on every Node we support.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
/** For one file, in ms. The whole suite should stay below three minutes on two cores. */
const fileTimeoutMs = 120_000;
const maxConcurrency = 4;
/** What takes longest begins first, so that no core is idle at the end. */
const slowest = ['crash/damage', 'simulation/simulation.', 'crash/', 'examples/', 'simulation/'];

const flags = process.argv.slice(2).filter((word) => word.startsWith('-'));
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));

const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('support/'))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .sort()
  .sort((a, b) => turnOf(a) - turnOf(b))
  .map((path) => `dist/test/${path.replace(/\.ts$/, '.js')}`);

const missing = files.filter((path) => !existsSync(root + path));
if (missing.length > 0) fail(`not compiled: ${missing.join(', ')}. Run \`npm run build\` first.`);
if (files.length === 0) fail(words.length === 0 ? 'no tests found.' : `no test's path holds ${words.join(' or ')}.`);

// Node changes its mind on the reporter between versions; here a person sees the tree and a log gets TAP.
const reporter = process.stdout.isTTY ? 'spec' : 'tap';
const runner = spawn(
  process.execPath,
  [
    '--enable-source-maps',
    `--import=${new URL('deadline.mjs', import.meta.url).href}`,
    '--test',
    `--test-reporter=${reporter}`,
    `--test-concurrency=${Math.min(maxConcurrency, availableParallelism())}`,
    `--test-timeout=${fileTimeoutMs}`,
    ...flags,
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_FILE_LIMIT_MS: String(fileTimeoutMs) } },
);
process.on('SIGINT', () => runner.kill('SIGINT'));
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('error', (error) => fail(error.message));
runner.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));

/** @param {string} path */
function turnOf(path) {
  const turn = slowest.findIndex((beginning) => path.startsWith(beginning));
  return turn < 0 ? slowest.length : turn;
}

/** @param {string} message */
function fail(message) {
  console.error(`test: ${message}`);
  process.exit(1);
}
