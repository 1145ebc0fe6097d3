// Runs the compiled tests with Node's own runner and ends as it ends.
//
//   npm test                      every test
//   npm test -- log/frame crash   only files whose path holds one of these words
//   npm test -- --test-only       what starts with a dash goes to node
//
// The list is made from the sources: a test that was deleted may still lie compiled in `dist`, and Node 20 expands no
// globs and Node 22 takes no folders, so neither would mean the same files on every Node we support.
//
// Files that share nothing but the engine's code share a process as well, a few at a time: to start one, load the engine
// and warm it up costs half a second of a core. What counts threads or processes, or ends some, has one of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
/** For one process, in ms: what takes a minute by itself takes several on a machine that others use. */
const fileTimeoutMs = 300_000;
const maxConcurrency = 4;
/** What takes longest begins first, so that no core is idle at the end. */
const slowest = [
  ...['simulation/simulation.', 'crash/kills', 'crash/damage', 'crash/full', 'simulation/', 'misbehaving/'],
  ...['examples/fingerprint', 'scenarios/', 'examples/', 'crash/'],
];
/** Whose files share a process, and how many of them at most. */
const shared = /^(scenarios|job|log|kernel|fuzz)\/|^actors\/(?!threads)/;
const maxShared = 14;

const flags = process.argv.slice(2).filter((word) => word.startsWith('-'));
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));

const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('support/'))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .sort()
  .sort((a, b) => turnOf(a) - turnOf(b))
  .map((path) => path.replace(/\.ts$/, '.js'));

const missing = files.filter((path) => !existsSync(`${root}dist/test/${path}`));
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
    // One more than there are cores: some wait for disks, threads and other processes most of the time.
    `--test-concurrency=${Math.min(maxConcurrency, availableParallelism() + 1)}`,
    `--test-timeout=${fileTimeoutMs}`,
    ...flags,
    ...together(files).map((path) => `dist/test/${path}`),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_FILE_LIMIT_MS: String(fileTimeoutMs) } },
);
process.on('SIGINT', () => runner.kill('SIGINT'));
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('error', (error) => fail(error.message));
runner.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));

/**
 * Writes a module for each group of files that share a process, and puts it where the first of them was.
 *
 * @param {string[]} paths
 */
function together(paths) {
  const groups = `${root}dist/test/together/`;
  rmSync(groups, { recursive: true, force: true });
  mkdirSync(groups, { recursive: true });
  /** @type {Map<string, string[]>} */
  const rooms = new Map();
  for (const path of paths) {
    const room = shared.test(path) ? path.slice(0, path.indexOf('/')) : path;
    let name = room;
    for (let n = 2; (rooms.get(name)?.length ?? 0) >= maxShared; n++) name = `${room}-${n}`;
    rooms.set(name, [...(rooms.get(name) ?? []), path]);
  }
  return Array.from(rooms, ([name, members]) => {
    const [first = ''] = members;
    if (members.length === 1) return first;
    writeFileSync(`${groups}${name}.test.js`, members.map((path) => `import '../${path}';\n`).join(''));
    return `together/${name}.test.js`;
  });
}

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
