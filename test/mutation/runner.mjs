// Runs tests for Stryker in one warm process: the files are loaded once, and each mutant is switched on for the tests that
// reach it, its own and the quickest first, until one fails. This is some ten times as fast as a process for each mutant.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInThisContext } from 'node:vm';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { determineHitLimitReached } from '@stryker-mutator/api/test-runner';
import fc from 'fast-check';
import { begin, firsts, tests } from './node-test.mjs';

/** What a test may take with a mutant: so much, and so many times what it takes without. The machine may be busy. */
const LIMIT_MS = 5_000;
const LIMIT_FACTOR = 30;
const FIRST_LIMIT_MS = 300_000;
const MUTANTS_PER_PROCESS = 300;
/** A test that takes longer than this is run again without the mutant only so often. */
const CHEAP_MS = 200;
const DEAR_EVERY = 8;
/** Modules whose tests have another name. */
const HOMES = {
  change: 'table',
  rare: 'table',
  counts: 'table',
  admit: 'schedules',
  judge: 'schedules',
  schedule: 'schedules',
  'read-record': 'record',
  'write-record': 'record',
  carried: 'trim',
};
/** In the sandbox, for the processes that come after the first. */
const TIMES_FILE = 'times-of-tests.json';

/** What the instrumented code looks at. */
const switches = (globalThis.__stryker__ ??= {});

class Runner {
  static inject = ['options'];
  #plan;
  #isLoaded = false;
  /** How long each test takes by itself. @type {Map<string, number>} */
  #times = new Map();
  #left = MUTANTS_PER_PROCESS;

  constructor(options) {
    this.#plan = options.holdfast;
  }

  capabilities() {
    // What was imported stays imported, so mutants of what is worked out while modules are loaded need a process each. Of
    // others that ran then, too, only what they do later is looked at.
    return { reloadEnvironment: !this.#plan.isStatic };
  }

  async init() {
    register(new URL('hooks.mjs', import.meta.url));
    // That a property fails is enough; to look for the smallest case takes many times as long.
    fc.configureGlobal({ endOnFailure: true });
    for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => this.#fault?.(error));
  }

  async dryRun() {
    await this.#load();
    const results = [];
    for (const { id } of tests) {
      switches.currentTestId = id;
      const from = performance.now();
      const failure = await this.#run(id);
      switches.currentTestId = undefined;
      const timeSpentMs = performance.now() - from;
      this.#times.set(id, timeSpentMs);
      const common = { id, name: id, timeSpentMs };
      results.push(
        failure === undefined ? { ...common, status: 0 } : { ...common, status: 1, failureMessage: failure },
      );
    }
    writeFileSync(TIMES_FILE, JSON.stringify([...this.#times]));
    return { status: 'complete', tests: results, mutantCoverage: switches.mutantCoverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit, mutantActivation }) {
    const { only, sample } = this.#plan;
    const isWanted = only === undefined ? Number(activeMutant.id) % sample === 0 : only.includes(activeMutant.id);
    if (!isWanted) return { status: 'error', errorMessage: 'not in the sample' };
    // What a mutant leaves behind in a module would be blamed on the next one.
    if (this.#left-- === 0) throw new Error('It is time for a new process.');
    if (mutantActivation === 'static') switches.activeMutant = activeMutant.id;
    await this.#load();
    const wanted = testFilter ?? tests.map(({ id }) => id);
    // Those of the module itself come first, whatever they take; then the quickest.
    const module = path.basename(activeMutant.fileName, '.js');
    const isOwn = (id) => id.startsWith(`${module} >`) || id.startsWith(`${HOMES[module] ?? module} >`);
    const timeOf = (id) => this.#times.get(id) ?? 0;
    const ids = [...wanted].sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || timeOf(a) - timeOf(b));
    switches.activeMutant = activeMutant.id;
    switches.hitLimit = hitLimit;
    switches.hitCount = hitLimit === undefined ? undefined : 0;
    let left = this.#plan.budgetMs;
    for (const [index, id] of ids.entries()) {
      if (!isOwn(id)) left -= timeOf(id);
      if (left < 0 && index > 0) break;
      const failure = await this.#run(id);
      const endless = determineHitLimitReached(switches.hitCount, hitLimit);
      if (failure === undefined && endless === undefined) continue;
      const isEndless = this.#isEndless;
      switches.activeMutant = undefined;
      switches.hitCount = undefined;
      const isCheap = timeOf(id) < CHEAP_MS || this.#left % DEAR_EVERY === 0;
      if (mutantActivation === 'runtime' && isCheap && (await this.#run(id)) !== undefined) {
        // The test fails without the mutant, too: an earlier one has left something behind. A new process tries again.
        throw new Error(`'${id}' fails by itself.`);
      }
      if (endless !== undefined || isEndless) return endless ?? { status: 'timeout', reason: id };
      return { status: 'killed', killedBy: [id], failureMessage: failure ?? '', nrOfTests: index + 1 };
    }
    switches.activeMutant = undefined;
    return { status: 'survived', nrOfTests: ids.length };
  }

  async #load() {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    if (existsSync(TIMES_FILE)) this.#times = new Map(JSON.parse(readFileSync(TIMES_FILE, 'utf8')));
    for (const file of this.#plan.testFiles) {
      begin(path.basename(file, '.test.js'));
      await import(pathToFileURL(path.resolve(file)).href);
    }
    for (const first of firsts) await first();
  }

  /** @type {((error: unknown) => void) | undefined} */
  #fault;
  /** The last failure was that a test did not end. */
  #isEndless = false;

  /** @returns what is wrong, if something is */
  async #run(id) {
    const test = tests.find((one) => one.id === id);
    if (test === undefined) throw new Error(`There is no test '${id}'.`);
    const time = this.#times.get(id);
    const limitMs = time === undefined ? FIRST_LIMIT_MS : Math.ceil(LIMIT_MS + LIMIT_FACTOR * time);
    const ends = [];
    let patience;
    this.#isEndless = false;
    const fault = new Promise((_, reject) => {
      this.#fault = reject;
      patience = setTimeout(() => {
        this.#isEndless = true;
        reject(new Error('It does not end.'));
      }, limitMs);
    });
    fault.catch(() => undefined);
    try {
      const context = { diagnostic: () => undefined, after: (end) => void ends.push(end) };
      globalThis.bodyOfTest = () => test.body(context);
      // Also a loop that never gives way comes to an end like this.
      const outcome = runInThisContext('bodyOfTest()', { timeout: limitMs });
      await Promise.race([outcome, fault]);
      return undefined;
    } catch (error) {
      if (error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') this.#isEndless = true;
      return String(error instanceof Error ? (error.stack ?? error.message) : error) || 'It failed.';
    } finally {
      clearTimeout(patience);
      this.#fault = undefined;
      for (const end of ends) await Promise.resolve(end()).catch(() => undefined);
    }
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'holdfast', Runner)];
export const strykerValidationSchema = {
  properties: {
    holdfast: { type: 'object', properties: { testFiles: { type: 'array', items: { type: 'string' } } } },
  },
};
