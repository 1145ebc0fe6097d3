// Laws that hold for every method of the engine, stated once and put to each of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, EngineClosedError, HoldfastError, type Engine } from '../../src/index.ts';
import { latch, openMovedEngine } from '../support/engine.ts';

const run = defineJob({ type: 'run', run: () => 'done' });
const waits = defineJob({ type: 'waits', run: (_: undefined, { signal }) => untilAborted(signal) });

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}

/** Every way to ask the engine something; `id` is a stored job that has not ended. */
const QUESTIONS: Readonly<Record<string, (jobs: Engine, id: string) => Promise<unknown>>> = {
  enqueue: (jobs) => jobs.enqueue(run),
  'enqueue of a type': (jobs) => jobs.enqueue('run'),
  enqueueAll: (jobs) => jobs.enqueueAll([[run], ['run']]),
  'enqueueAll of nothing': (jobs) => jobs.enqueueAll([]),
  cancel: (jobs, id) => jobs.cancel(id),
  get: (jobs, id) => jobs.get(id),
  'get of nothing': (jobs) => jobs.get('nothing'),
  list: (jobs) => jobs.list(),
  wait: (jobs, id) => jobs.wait(id),
  events: (jobs) => jobs.events().next(),
  'events of the past': (jobs) => jobs.events({ since: 0 }).next(),
};

for (const [name, ask] of Object.entries(QUESTIONS)) {
  test(`${name} is refused once the engine is closed, however often it is asked`, async (t) => {
    const { jobs } = await openMovedEngine(t);
    const { id } = await jobs.enqueue('nobody');
    await jobs.close();
    for (let n = 0; n < 2; n++) await assert.rejects(ask(jobs, id), EngineClosedError);
  });

  test(`${name} is refused while the engine closes`, async (t) => {
    const { jobs, drive } = await openMovedEngine(t, { jobs: [waits], grace: '1m' });
    const { id } = await jobs.enqueue(waits);
    const closed = jobs.close({ drain: '1m' });
    await assert.rejects(ask(jobs, id), EngineClosedError);
    await drive(closed);
  });
}

test('what was asked before the end is answered or refused, and nothing hangs', async (t) => {
  const site = await openMovedEngine(t, { jobs: [run, waits] });
  const { id } = await site.jobs.enqueue(waits);
  const asked = Object.values(QUESTIONS).map((ask) => ask(site.jobs, id));
  const closed = site.jobs.close({ drain: 0 });
  const outcomes = await Promise.allSettled(asked);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof HoldfastError, String(outcome.reason));
  }
  await site.drive(closed);
});

/** What must not be answered before it is on disk. */
const CHANGES: Readonly<Record<string, (jobs: Engine, id: string) => Promise<unknown>>> = {
  enqueue: (jobs) => jobs.enqueue('nobody'),
  enqueueAll: (jobs) => jobs.enqueueAll([['nobody'], ['nobody']]),
  'a refusal of an id that was just taken': async (jobs) => {
    jobs.enqueue('nobody', undefined, { id: 'taken' }).catch(() => undefined);
    await assert.rejects(jobs.enqueue('nobody', undefined, { id: 'taken' }), { code: 'HOLDFAST_JOB_EXISTS' });
  },
  'the id of a job that was just taken': async (jobs) => {
    jobs.enqueue('nobody', undefined, { id: 'taken' }).catch(() => undefined);
    return jobs.enqueue('nobody', undefined, { id: 'taken', ifExists: 'return' });
  },
  cancel: (jobs, id) => jobs.cancel(id),
  'a second cancel': async (jobs, id) => {
    jobs.cancel(id).catch(() => undefined);
    return jobs.cancel(id);
  },
  'get of what was just accepted': (jobs) => {
    jobs.enqueue('nobody', undefined, { id: 'new' }).catch(() => undefined);
    return jobs.get('new');
  },
  'list with what was just accepted': (jobs) => {
    jobs.enqueue('nobody').catch(() => undefined);
    return jobs.list();
  },
  'the result of a job': async (jobs) => {
    jobs.enqueue(run, undefined, { id: 'new' }).catch(() => undefined);
    return jobs.wait('new');
  },
  'the cancellation that somebody waits for': async (jobs, id) => {
    const waited = jobs.wait(id);
    jobs.cancel(id).catch(() => undefined);
    await assert.rejects(waited, { code: 'HOLDFAST_JOB_CANCELLED' });
  },
  'the event of a job': async (jobs) => {
    const event = jobs.events().next();
    jobs.enqueue('nobody').catch(() => undefined);
    return event;
  },
  'the end of the engine': (jobs) => jobs.close(),
};

for (const [name, ask] of Object.entries(CHANGES)) {
  test(`${name} is not seen before the disk has it`, async (t) => {
    const site = await openMovedEngine(t, { jobs: [run] });
    const { id } = await site.jobs.enqueue('nobody');
    site.gate.hold();
    const { isSettled, outcome } = watched(ask(site.jobs, id));
    await site.gate.arrival();
    await site.clock.settle();
    assert.equal(isSettled(), false);
    site.gate.release();
    await outcome;
  });
}

function watched(promise: Promise<unknown>): { isSettled(): boolean; readonly outcome: Promise<unknown> } {
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  promise.then(settled, settled);
  return { isSettled: () => isSettled, outcome: promise };
}

test('a handler is not started before the disk has its start', async (t) => {
  const started = latch();
  let isStarted = false;
  const says = defineJob({
    type: 'says',
    run() {
      isStarted = true;
      started.open();
    },
  });
  const site = await openMovedEngine(t, { jobs: [says] });
  site.gate.hold();
  const accepted = site.jobs.enqueue(says);
  await site.gate.arrival();
  await site.clock.settle();
  assert.equal(isStarted, false);
  site.gate.release();
  await accepted;
  await started.promise;
});

test('after a restart nothing is handed to a handler before the disk knows of the new engine', async (t) => {
  let starts = 0;
  const counts = defineJob({ type: 'counts', run: () => void starts++ });
  const site = await openMovedEngine(t);
  const { id } = await site.jobs.enqueue(counts);
  site.gate.hold();
  const restarted = site.kill({ jobs: [counts] });
  site.gate.hold();
  await restarted;
  await site.gate.arrival();
  await site.clock.settle();
  assert.equal(starts, 0);
  site.gate.release();
  await site.jobs.wait(id);
  assert.equal(starts, 1);
});

/** Input that no type would let through, and where the error has to point. */
const BAD_INPUT: readonly (readonly [what: string, field: string, ask: (jobs: Engine) => Promise<unknown>])[] = [
  ['a type with a space', 'type', (jobs) => jobs.enqueue('no type')],
  ['an empty type', 'type', (jobs) => jobs.enqueue('')],
  ['a type of 129 characters', 'type', (jobs) => jobs.enqueue('x'.repeat(129))],
  ['a number for a type', 'job', (jobs) => jobs.enqueue(5 as never)],
  ['null for a job', 'job', (jobs) => jobs.enqueue(null as never)],
  ['an object that is no definition', 'job', (jobs) => jobs.enqueue({ type: 'run' } as never)],
  [
    'an object with a queue of its own',
    'job',
    (jobs) => jobs.enqueue({ type: 'run', queue: 'a b', priority: 0 } as never),
  ],
  ['a bad id', 'id', (jobs) => jobs.enqueue('run', 1, { id: 'a/b' })],
  ['an empty id', 'id', (jobs) => jobs.enqueue('run', 1, { id: '' })],
  ['an id of 129 characters', 'id', (jobs) => jobs.enqueue('run', 1, { id: 'x'.repeat(129) })],
  ['a number for an id', 'id', (jobs) => jobs.enqueue('run', 1, { id: 5 as never })],
  ['an unknown ifExists', 'ifExists', (jobs) => jobs.enqueue('run', 1, { ifExists: 'replace' as never })],
  ['a bad queue', 'queue', (jobs) => jobs.enqueue('run', 1, { queue: 'a b' })],
  ['half a priority', 'priority', (jobs) => jobs.enqueue('run', 1, { priority: 0.5 })],
  ['a huge priority', 'priority', (jobs) => jobs.enqueue('run', 1, { priority: 2 ** 31 })],
  ['a delay in parsecs', 'delay', (jobs) => jobs.enqueue('run', 1, { delay: '5 parsecs' as never })],
  ['a delay before now', 'delay', (jobs) => jobs.enqueue('run', 1, { delay: -1 })],
  ['no moment', 'runAt', (jobs) => jobs.enqueue('run', 1, { runAt: new Date(NaN) })],
  ['both delay and runAt', 'delay, runAt', (jobs) => jobs.enqueue('run', 1, { delay: 1, runAt: 1 })],
  ['a timeout of nothing', 'timeout', (jobs) => jobs.enqueue('run', 1, { timeout: 0 })],
  ['no attempts', 'retry.attempts', (jobs) => jobs.enqueue('run', 1, { retry: { attempts: 0 } })],
  ['an unknown mode', 'retry.mode', (jobs) => jobs.enqueue('run', 1, { retry: { mode: 'some' as never } })],
  ['an unknown backoff', 'retry.backoff', (jobs) => jobs.enqueue('run', 1, { retry: { backoff: 'soon' as never } })],
  ['a function to be stored', 'retry.backoff', (jobs) => jobs.enqueue('run', 1, { retry: { backoff: () => 1 } })],
  ['a number for retry', 'retry', (jobs) => jobs.enqueue('run', 1, { retry: 5 as never })],
  ['null for options', 'options', (jobs) => jobs.enqueue('run', 1, null as never)],
  ['a text for options', 'options', (jobs) => jobs.enqueue('run', 1, 'now' as never)],
  ['no list', 'entries', (jobs) => jobs.enqueueAll('run' as never)],
  ['a list of types', 'entries[1]', (jobs) => jobs.enqueueAll([['run'], 'run'] as never)],
  ['a list with null', 'entries[0]', (jobs) => jobs.enqueueAll([null] as never)],
  ['a cancel of no id', 'id', (jobs) => jobs.cancel(undefined as never)],
  ['a cancel with no text', 'reason', (jobs) => jobs.cancel('id', 5 as never)],
  ['a get of no id', 'id', (jobs) => jobs.get('a b')],
  ['a wait for no id', 'id', (jobs) => jobs.wait({} as never)],
  ['a list of no state', 'state', (jobs) => jobs.list({ state: 'ready' as never })],
  ['a list of no type', 'type', (jobs) => jobs.list({ type: 'a b' })],
  ['a list of no queue', 'queue', (jobs) => jobs.list({ queue: '' })],
  ['a list of nothing', 'limit', (jobs) => jobs.list({ limit: 0 })],
  ['a list of too many', 'limit', (jobs) => jobs.list({ limit: 1_001 })],
  ['a list behind no cursor', 'cursor', (jobs) => jobs.list({ cursor: '!' })],
  ['a list filtered by null', 'filter', (jobs) => jobs.list(null as never)],
  ['events since before the beginning', 'since', (jobs) => jobs.events({ since: -1 }).next()],
  ['events since a text', 'since', (jobs) => jobs.events({ since: '0' as never }).next()],
  ['events with no signal', 'signal', (jobs) => jobs.events({ signal: {} as never }).next()],
  ['events of null', 'options', async (jobs) => jobs.events(null as never).next()],
  ['a drain of no time', 'drain', (jobs) => jobs.close({ drain: 'a while' as never })],
  ['a close with null', 'options', (jobs) => jobs.close(null as never)],
];

for (const [what, field, ask] of BAD_INPUT) {
  test(`${what} is refused, the error names ${field}, and nothing is stored`, async (t) => {
    const { jobs } = await openMovedEngine(t, { jobs: [run] });
    await assert.rejects(ask(jobs), (error: unknown) => {
      assert.ok(error instanceof HoldfastError, String(error));
      assert.equal(error.code, 'HOLDFAST_INVALID_ARGUMENT');
      assert.equal((error as unknown as { field: string }).field, field);
      assert.match(error.message, /\S/);
      return true;
    });
    assert.deepEqual(await jobs.list(), { jobs: [] });
  });
}

test('a close may be asked for twice, and both get the same report', async (t) => {
  const { jobs } = await openMovedEngine(t, { jobs: [run] });
  const [one, two] = await Promise.all([jobs.close(), jobs.close({ drain: '1h' })]);
  assert.equal(one, two);
  assert.equal(await jobs.close(), one);
  await jobs[Symbol.asyncDispose]();
});

test('more than the stated number of commands under way is refused, and waiting for results is no command', async (t) => {
  const site = await openMovedEngine(t, { maxPending: 10 });
  const { id } = await site.jobs.enqueue('nobody');
  const waiting = Array.from({ length: 20 }, () => site.jobs.wait(id));
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => site.jobs.enqueue('nobody')));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.equal(refused.length, 20);
  for (const { reason } of refused) assert.equal((reason as { code?: string }).code, 'HOLDFAST_BUSY');
  await site.jobs.enqueue('nobody');
  await site.jobs.cancel(id);
  for (const wait of waiting) await assert.rejects(wait, { code: 'HOLDFAST_JOB_CANCELLED' });
});
