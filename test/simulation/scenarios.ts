/** Short runs that are typical of what an engine does, for faults in every single operation of them. */
import type { Manners } from './behaviour.ts';
import type { PlannedSchedule } from './control.ts';
import type { Config, EnqueueOp, Op, Plan } from './plan.ts';

const CONFIG: Config = {
  concurrency: 3,
  queues: { q1: 1 },
  threads: 2,
  maxCrashes: 100,
  graceMs: 20,
  timeoutMs: 500,
  attempts: 3,
  backoffMs: 5,
  keep: { age: 'forever', count: 1_000 },
  keepDead: { age: 'forever', count: Infinity },
  maxPending: 1_000_000,
  cacheBytes: 1 << 20,
  durability: 'disk',
  trimSlackBytes: 1 << 23,
  latencyMs: 3,
  stepMs: 0,
  latenessMs: 0,
  drift: 0,
  paddingBytes: 0,
  manners: { fails: 0, hangs: 0, dies: 0, saves: 0, enqueues: 0, longestMs: 10 },
};

const SCHEDULE: PlannedSchedule = {
  ...{ name: 's0', everyMs: 2_000, isCron: false, startsBefore: 3, limit: 4, catchUp: { max: 2, keep: 'newest' } },
  ...{ overlap: 'queue', jitterMs: 0, type: 'in:a', queue: 'q0' },
};

interface Scenario {
  readonly name: string;
  readonly plan: Plan;
}

type Untimed = Op extends infer One ? (One extends Op ? Omit<One, 'at'> : never) : never;

/** @param ops in order, each `everyMs` after the one before */
function scenario(
  name: string,
  seed: number,
  ops: readonly Untimed[],
  config: Partial<Config> = {},
  manners: Partial<Manners> = {},
): Scenario {
  const everyMs = 7;
  const whole = { ...CONFIG, ...config, manners: { ...CONFIG.manners, ...manners } };
  return {
    name,
    plan: { seed, config: whole, ops: ops.map((op, n) => ({ ...op, at: n * everyMs })), faults: [] },
  };
}

function enqueue(n: number, type: string, options: Partial<EnqueueOp> = {}): Untimed {
  return { kind: 'enqueue', job: { n, type, ...options }, waits: true };
}

const MIXED = [
  enqueue(1, 'in:a'),
  enqueue(2, 'th:a'),
  enqueue(3, 'in:b', { priority: 5 }),
  enqueue(4, 'th:b', { id: 'own-1' }),
  enqueue(5, 'in:a', { id: 'own-1', ifExists: 'return' }),
];

export const SCENARIOS: readonly Scenario[] = [
  scenario('jobs are enqueued, run, save and end', 1, [...MIXED, { kind: 'list', filter: {} }], {}, { saves: 0.8 }),
  scenario(
    'attempts fail, hang, lose their threads and are cancelled',
    2,
    [...MIXED, { kind: 'cancel', target: 1 }, { kind: 'cancel', target: 2 }, { kind: 'get', target: 0 }],
    { timeoutMs: 40 },
    { fails: 0.6, hangs: 0.2, dies: 0.3 },
  ),
  scenario(
    'jobs enqueue jobs, at once and with their end',
    3,
    [...MIXED, { kind: 'enqueueAll', jobs: [6, 7, 8].map((n) => ({ n, type: 'in:a' })) }],
    { concurrency: 100 },
    { enqueues: 0.8 },
  ),
  scenario(
    'a long log is trimmed under running jobs',
    4,
    [...MIXED, ...[6, 7, 8, 9, 10, 11].map((n) => enqueue(n, 'in:a')), { kind: 'follow', from: 'start', forMs: 50 }],
    { trimSlackBytes: 1_500, paddingBytes: 2_000, keep: { age: 'forever', count: 1 }, cacheBytes: 0 },
    { saves: 0.5 },
  ),
  scenario('an engine closes while jobs run, and opens again', 5, [
    ...MIXED,
    enqueue(6, 'th:a'),
    { kind: 'close', drainMs: 3, downMs: 5 },
    enqueue(7, 'in:a'),
  ]),
  scenario(
    'a schedule makes up runs while a queue has a rate, is paused and goes on',
    7,
    [
      { kind: 'schedule', schedule: SCHEDULE },
      { kind: 'configure', queue: 'q0', rule: { rate: { limit: 2, perMs: 20 }, keyConcurrency: 1 } },
      enqueue(3, 'in:a', { queue: 'q0', unique: { key: 'k0', mode: 'replace' } }),
      { kind: 'pause', queue: 'q0', forMs: 30 },
      enqueue(6, 'in:a', { queue: 'q0', unique: { key: 'k0', mode: 'replace' } }),
      { kind: 'pauseSchedule', name: 's0', forMs: 10 },
      enqueue(9, 'in:a', { queue: 'q0', idempotency: { key: 'i0', windowMs: 500 } }),
      { kind: 'resume', queue: 'q0' },
    ],
    { settleMs: 0 },
  ),
  scenario('a process is killed while jobs run, wait and are due later', 6, [
    ...MIXED,
    enqueue(6, 'in:a', { delayMs: 60 }),
    enqueue(7, 'th:a'),
    { kind: 'kill', downMs: 5 },
    { kind: 'wait', target: 3 },
    enqueue(8, 'in:a'),
  ]),
];
