/**
 * For tests of the code that uses jobs: an engine in memory, on a clock that the test moves. Nothing starts before the test says
 * so, everything that is due runs when it does, and a year of retries takes no time. It is the engine itself: only what it
 * stands on is another.
 */
import { openThreads } from './actors/threads.ts';
import type { AnyJobDefinition, JobDefinition } from './definition.ts';
import { openEngine, type StartGate } from './engine.ts';
import { complaint, hasPart, type Part } from './expectation.ts';
import type { CloseOptions, CloseReport, Engine } from './face.ts';
import type { Explanation } from './queue-face.ts';
import { checkObject, count, oneOf } from './job/check.ts';
import { durationMs, momentMs, type Duration } from './job/duration.ts';
import { clockOn, createFakeClock } from './kernel/fake-clock.ts';
import { openMemoryHome } from './log/home.ts';
import { checkOpenOptions, type OpenOptions } from './options.ts';
import type { JobView } from './view.ts';

export interface TestOptions extends OpenOptions {
  /**
   * When jobs run. `'manual'`: inside `drain` and `advance`. `'sync'`: `enqueue` also runs the first attempt of its job, if that is
   * due, before it resolves. @default 'manual'
   */
  readonly mode?: 'manual' | 'sync';
  /** What the clock shows at the beginning. @default 2026-01-01T00:00:00Z */
  readonly startAt?: Date | number | string;
  /** The same seed gives the same ids and the same jitter. @default 1 */
  readonly seed?: number;
}

export interface AdvanceOptions {
  /**
   * Whether time waits at each moment until all that was started has ended. `'leave'` moves on under running handlers, for a test of
   * a timeout: `const drained = jobs.drain(); await jobs.advance('1h', { running: 'leave' }); await drained;`. @default 'wait'
   */
  readonly running?: 'wait' | 'leave';
}

type ViewOf<Job> =
  Job extends JobDefinition<infer _Payload, infer Result, infer Checkpoint, infer Stored>
    ? JobView<Stored, Result, Checkpoint>
    : JobView;

export interface CountOption {
  /** How many there must be. @default at least one */
  readonly count?: number;
}

/** An engine under test. Finished jobs are kept, unless `keep` says otherwise. */
export interface TestEngine extends Engine {
  /** What the clock shows, epoch ms. */
  readonly now: number;

  /** Runs all that is due, and all that becomes due meanwhile, until nothing is left to do at this moment. Time stands still. */
  drain(): Promise<void>;

  /** Lets time pass. What becomes due on the way runs at its own moment: retries, delays, schedules. */
  advance(by: Duration, options?: AdvanceOptions): Promise<void>;

  /** The stored jobs, in the order in which they were enqueued; of one type, if it is given. */
  enqueued<Job extends AnyJobDefinition | string = string>(job?: Job): Promise<Array<ViewOf<Job>>>;

  /**
   * Asserts that there are jobs of this type whose views have these parts, in whatever state, and gives them:
   * `await jobs.assertEnqueued(welcome, { payload: { to: 'ada' }, queue: 'email' })`.
   *
   * @throws {AssertionError} that lists those that there are
   */
  assertEnqueued<Job extends AnyJobDefinition | string>(
    job: Job,
    expected?: Part<ViewOf<Job>>,
    options?: CountOption,
  ): Promise<Array<ViewOf<Job>>>;

  /** The reverse. @throws {AssertionError} that lists them */
  assertNotEnqueued<Job extends AnyJobDefinition | string>(job: Job, expected?: Part<ViewOf<Job>>): Promise<void>;
}

const KEEP_ALL = { age: 'forever', count: Infinity } as const;

/**
 * Opens an engine for a test.
 *
 * @throws {InvalidArgumentError} an option is wrong
 */
export async function openTest(options: TestOptions = {}): Promise<TestEngine> {
  checkObject(options, 'options', '{ jobs: [welcome] }');
  const { mode: givenMode, startAt = Date.UTC(2026, 0, 1), seed, keep, ...given } = options;
  const mode = oneOf(givenMode, 'mode', ['manual', 'sync']);
  const settings = checkOpenOptions({
    ...given,
    keep: { completed: KEEP_ALL, cancelled: KEEP_ALL, dead: KEEP_ALL, ...keep },
  });
  const time = createFakeClock({
    startAt: momentMs(startAt, 'startAt'),
    seed: count(seed, 'seed', 1, 0, 2 ** 32 - 1),
  });
  const clock = clockOn(time);
  const gate = new Gate(mode === 'sync');
  const threads = openThreads({ max: settings.threads, clock });
  const engine = await openEngine({ home: openMemoryHome(settings), clock, settings, threads, gate });

  /** Until nothing is started and nothing holds a slot. Handlers may do real work, so time of the world may pass. */
  async function quiet(): Promise<void> {
    for (;;) {
      const asked = gate.nextAsked();
      await time.settle();
      const stats = await engine.stats();
      if (gate.slotsInUse() === 0 && stats.every(({ running }) => running === 0)) return;
      await asked;
    }
  }

  async function whileOpen(work: () => Promise<void>): Promise<void> {
    gate.open();
    try {
      await work();
    } finally {
      gate.shut();
    }
  }

  async function advance(byMs: number, waits: boolean): Promise<void> {
    if (waits) await quiet();
    else await time.settle();
    for (let left = byMs; left > 0;) {
      const step = Math.min(time.nextAlarmInMs, left);
      await time.pass(step);
      left -= step;
      if (waits) await quiet();
    }
  }

  async function enqueued(job?: AnyJobDefinition | string): Promise<JobView[]> {
    const views: JobView[] = [];
    let cursor: string | undefined;
    do {
      const page = await engine.list({ type: job, limit: 1_000, cursor });
      views.push(...page.jobs);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return views;
  }

  async function matching(job: AnyJobDefinition | string, expected: object): Promise<JobView[]> {
    checkObject(expected, 'expected', "{ payload: { to: 'ada' } }");
    return (await enqueued(job)).filter((view) => hasPart(view, expected));
  }

  /** Resolves when the first attempt of each of these has ended, or is not due yet. */
  async function ran<Given>(enqueueing: () => Promise<Given>, idsOf: (given: Given) => readonly string[]) {
    if (mode === 'manual') return enqueueing();
    const events = engine.events();
    const given = await enqueueing();
    const left = new Set(idsOf(given));
    for (const id of left) if (!isUnderWay(await engine.explain(id))) left.delete(id);
    while (left.size > 0) {
      const next = await events.next();
      if (next.done === true) break;
      const { kind, id } = next.value;
      if (id !== undefined && ENDS_OF_ATTEMPTS.includes(kind)) left.delete(id);
    }
    return given;
  }

  /** Time has to pass until what still runs is given up; threads end in the time of the world. */
  async function close(given?: CloseOptions): Promise<CloseReport> {
    let isClosed = false;
    const closing = engine.close(given).finally(() => {
      isClosed = true;
      gate.wake();
    });
    await time.settle();
    while (!isClosed && time.nextAlarmInMs < Infinity) await time.pass(time.nextAlarmInMs);
    return closing;
  }

  const face: Partial<TestEngine> & Record<string, unknown> = {
    drain: () => whileOpen(quiet),
    async advance(by, given = {}) {
      const byMs = durationMs(by, 'by');
      checkObject(given, 'options', "{ running: 'leave' }");
      const running = oneOf(given.running, 'running', ['wait', 'leave']);
      await whileOpen(() => advance(byMs, running === 'wait'));
    },
    enqueued: enqueued as TestEngine['enqueued'],
    async assertEnqueued(job, given, { count: expectedCount } = {}) {
      const expected = given ?? {};
      const found = await matching(job, expected);
      const isRight = expectedCount === undefined ? found.length > 0 : found.length === expectedCount;
      if (!isRight) {
        const wanted = expectedCount === undefined ? 'at least one' : String(expectedCount);
        throw complaint('assertEnqueued', `Expected ${wanted}, found ${found.length}`, job, expected, await enqueued());
      }
      return found as never;
    },
    async assertNotEnqueued(job, given) {
      const expected = given ?? {};
      const found = await matching(job, expected);
      if (found.length > 0) {
        throw complaint('assertNotEnqueued', `Expected none, found ${found.length}`, job, expected, found);
      }
    },
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  };
  const asking = {
    enqueue: (...entry: Parameters<Engine['enqueue']>) =>
      ran(
        () => engine.enqueue(...entry),
        ({ id }) => [id],
      ),
    enqueueAll: (entries: readonly never[]) =>
      ran(
        () => engine.enqueueAll(entries),
        (handles) => Array.from(handles as ReadonlyArray<{ readonly id: string }>, ({ id }) => id),
      ),
    enqueueGraph: (nodes: Readonly<Record<string, never>>) =>
      ran(
        () => engine.enqueueGraph(nodes),
        (handles) => Object.values(handles as Record<string, { readonly id: string }>).map(({ id }) => id),
      ),
  };
  return Object.defineProperty(Object.assign(Object.create(engine), asking, face), 'now', {
    get: () => time.now(),
  }) as TestEngine;
}

const ENDS_OF_ATTEMPTS: readonly string[] = [
  'completed',
  'failed',
  'snoozed',
  'interrupted',
  'died',
  'cancelled',
  'removed',
];

/** What keeps a job only until another one has ended. */
const PASSING: readonly string[] = [
  ...['engine-limit', 'thread-limit', 'queue-limit', 'key-limit', 'type-limit'],
  ...['kept-slots', 'runs-alone', 'loading', 'held', 'starting'],
];

function isUnderWay(explanation: Explanation | undefined): boolean {
  if (explanation?.state === 'running') return true;
  return explanation?.state === 'waiting' && explanation.reasons.every(({ why }) => PASSING.includes(why));
}

/** Lets nothing start while it is shut, and knows how many slots are in use. */
class Gate implements StartGate {
  readonly #isAlwaysOpen: boolean;
  #openCount = 0;
  #tell: () => void = () => undefined;
  #waiting: Array<() => void> = [];
  slotsInUse: () => number = () => 0;

  constructor(isAlwaysOpen: boolean) {
    this.#isAlwaysOpen = isAlwaysOpen;
  }

  isShut(): boolean {
    this.wake();
    return this.#openCount === 0 && !this.#isAlwaysOpen;
  }

  join(tell: () => void, slotsInUse: () => number): void {
    this.#tell = tell;
    this.slotsInUse = slotsInUse;
  }

  open(): void {
    this.#openCount++;
    this.#tell();
  }

  shut(): void {
    this.#openCount--;
  }

  wake(): void {
    for (const tell of this.#waiting) tell();
    this.#waiting = [];
  }

  /** Resolves when the dispatcher has something to do (a slot was given back, or a job came), or never will have again. */
  nextAsked(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
