/**
 * Mutation testing: small changes are made to the compiled code, one at a time, and a test must fail for each.
 *
 *   npm ci --prefix test/mutation                     once: it is installed apart
 *   npm run mutate -- job/machine log/frame           the modules of src that are to be changed; `job` for a whole folder
 *   npm run mutate -- log/trim --sample 4             only every fourth mutant
 *   npm run mutate -- job/machine --static            also what is worked out while modules are loaded; slow
 *   npm run mutate -- log/trim --again                the survivors of the last run once more, with more tests
 *
 * The tests are those of both folders that need no thread, no process and no seconds, the quickest first, for 4 s in all
 * (`--budget <ms>`); with `--again` also stories of `test/scenarios` and some seeds of the simulation, for twice as
 * long. Survivors are printed with their places in `dist`; everything goes to a file in `--out`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string', default: 'coverage/mutation' },
    sample: { type: 'string', default: '1' },
    static: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    tests: { type: 'string' },
    budget: { type: 'string', default: '4000' },
  },
  allowPositionals: true,
});
/** They need processes, threads, a full disk, or seconds. */
const SLOW = ['corruption', 'folder-processes', 'guard', 'level-reader', 'level-store', 'salvage'];
/** What else is tried against survivors: stories on a clock of their own. */
const STORIES = [
  ...[
    'accepting',
    'cancel',
    'changes',
    'checkpoints',
    'crashes',
    'dead-jobs',
    'delays',
    'events',
    'faults',
    'follow-ups',
  ],
  ...['lists', 'order', 'overrides', 'payloads', 'queues', 'recovery', 'results', 'retries', 'routing', 'schedules'],
  ...['store-failure', 'timeouts', 'unique', 'verdicts'],
];
const VALID = ['Killed', 'Timeout', 'Survived', 'NoCoverage'];

process.chdir(fileURLToPath(new URL('../../', import.meta.url)));
const modules = positionals.flatMap(modulesIn);
if (modules.length === 0) {
  console.error('Which modules? For example: npm run mutate -- job/machine log/frame');
  process.exit(2);
}
const file = path.join(values.out, `${positionals.join('+').replaceAll('/', '-').slice(0, 100)}.json`);
const before = values.again ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
const alive = before?.filter(({ status }) => ['Survived', 'NoCoverage'].includes(status)).map(({ id }) => id);
if (alive?.length === 0) process.exit(0);

const stryker = new Stryker({
  mutate: modules.map((name) => `dist/src/${name}.js`),
  plugins: [fileURLToPath(new URL('runner.mjs', import.meta.url))],
  testRunner: 'holdfast',
  holdfast: {
    testFiles: testFiles(),
    isStatic: values.static,
    budgetMs: Number(values.budget) * (values.again ? 2 : 1),
    sample: values.again ? 1 : Number(values.sample),
    ...(alive !== undefined && { only: alive }),
  },
  testRunnerNodeArgs: ['--max-old-space-size=1024'],
  coverageAnalysis: 'perTest',
  ignoreStatic: !values.static,
  ignorePatterns: [
    '/bench',
    '/examples',
    '/coverage',
    '/test/mutation',
    '/dist/bench',
    '/dist/examples',
    '**/*.map',
    '**/*.d.ts',
  ],
  concurrency: 1,
  timeoutMS: 30_000,
  timeoutFactor: 5,
  reporters: [],
  logLevel: 'error',
  cleanTempDir: 'always',
  disableTypeChecks: false,
  allowConsoleColors: false,
});
const results = merged(await stryker.runMutationTest());
mkdirSync(values.out, { recursive: true });
writeFileSync(file, JSON.stringify(results, null, 1));
for (const name of modules) report(name);

/** What was known of the others stays. */
function merged(fresh) {
  const slim = fresh.map(({ id, fileName, location, mutatorName, replacement, status, statusReason, killedBy }) => ({
    ...{ id, module: path.relative('dist/src', fileName).replace(/\.js$/, ''), mutatorName, replacement, killedBy },
    status: statusReason === 'not in the sample' || !isInSample(id) ? 'Ignored' : status,
    ...location.start,
  }));
  if (before === undefined) return slim;
  const byId = new Map(slim.map((result) => [result.id, result]));
  return before.map((result) => (alive.includes(result.id) ? (byId.get(result.id) ?? result) : result));
}

/** The runner leaves out the others, too; those that no test reaches do not come to it. */
function isInSample(id) {
  return values.again || Number(id) % Number(values.sample) === 0;
}

function report(name) {
  const own = results.filter(({ module }) => module === name);
  for (const { status, line, column, mutatorName, replacement = '' } of own) {
    if (['Killed', 'Timeout', 'Ignored'].includes(status)) continue;
    console.log(
      `${status} ${name}:${line}:${column} ${mutatorName}: ${replacement.replaceAll(/\s+/g, ' ').slice(0, 160)}`,
    );
  }
  const count = (...statuses) => own.filter(({ status }) => statuses.includes(status)).length;
  const share = (100 * count('Killed', 'Timeout')) / Math.max(1, count(...VALID));
  const rest = `survived ${count('Survived')}, not reached ${count('NoCoverage')}, left out ${own.length - count(...VALID)}`;
  console.log(
    `SCORE ${name}: ${share.toFixed(1)} % of ${count(...VALID)} (killed ${count('Killed')}, endless ${count('Timeout')}, ${rest})`,
  );
}

function testFiles() {
  const words = values.tests?.split(',');
  const files = ['job', 'log'].flatMap((folder) =>
    readdirSync(`test/${folder}`)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => name.replace(/\.test\.ts$/, ''))
      .filter((name) => (words === undefined ? !SLOW.includes(name) : words.includes(name)))
      .map((name) => `dist/test/${folder}/${name}.test.js`),
  );
  if (!values.again || words !== undefined) return files;
  return [...files, ...STORIES.map((name) => `dist/test/scenarios/${name}.test.js`), 'dist/test/mutation/seeds.js'];
}

function modulesIn(word) {
  const names = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.replace(/\.ts$/, ''));
  return names.filter((name) => name === word || name.startsWith(`${word}/`));
}
