// Jobs that lie ready for a thread, through the whole engine: real LevelDB, real threads, the real clock.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ThreadListener, Threads } from '../../src/actors/threads.ts';
import { defineJob, type Engine, type EventView, type OpenOptions } from '../../src/index.ts';
import { openMovedEngine, openTestEngine, seen, storyOf, type FolderEngine } from '../support/engine.ts';

function onThread<Payload>(name: string, more: { type?: string; concurrency?: number } = {}) {
  const { type = name, concurrency } = more;
  const worker = new URL(`../support/handlers/${name}.js`, import.meta.url);
  return defineJob<Payload, unknown>({
    ...{ type, worker, retry: { attempts: 1 } },
    ...(concurrency !== undefined && { concurrency }),
  });
}

const echo = onThread<unknown>('echo');
const limited = onThread<unknown>('echo', { type: 'limited', concurrency: 2 });
const stops = onThread<string>('stops');
const THREADS = 1;
/** What a test waits for comes in milliseconds; without an end of its own a broken one would wait for ever. */
const SOON = { timeout: 20_000 };
const OPTIONS: OpenOptions = { jobs: [echo, limited, stops], threads: THREADS, grace: '20s' };

/** An engine that knows its handlers to be quick. */
async function openQuick(t: TestContext, options: OpenOptions = {}): Promise<FolderEngine> {
  const site = await openTestEngine(t, { ...OPTIONS, ...options });
  await learn(site.jobs);
  return site;
}

/** One that took long, on a machine that had other things to do, is forgotten after many that did not. */
async function learn(jobs: Engine): Promise<void> {
  for (let left = 10; left > 0; left--) {
    const at = performance.now();
    await (await jobs.enqueue(echo, left, { queue: 'first' })).result();
    if (performance.now() - at > 100) left = 50;
  }
}

/** Begins a job that goes on until it is cancelled. */
async function holdThread(jobs: Engine): Promise<string> {
  const { id } = await jobs.enqueue(stops, 'waits', { queue: 'first' });
  while ((await jobs.get(id))?.progress === undefined) await new Promise((resolve) => setImmediate(resolve));
  return id;
}

/** Enqueues a job that lies ready behind another one. */
async function layReady(jobs: Engine, payload: unknown): Promise<string> {
  const { id } = await jobs.enqueue(echo, payload);
  await seen(jobs, id, 'started');
  return id;
}

/** All that has happened so far. */
async function eventsOf(jobs: Engine): Promise<EventView[]> {
  const mark = await jobs.enqueue('test:mark');
  const events: EventView[] = [];
  for await (const event of jobs.events({ since: 0 })) {
    if (event.id === mark.id) break;
    events.push(event);
  }
  return events;
}

/** The most of these jobs that ran at once. */
function mostRunning(events: readonly EventView[], ids: ReadonlySet<string>): number {
  let [running, most] = [0, 0];
  for (const { kind, id = '' } of events) {
    if (!ids.has(id)) continue;
    if (kind === 'started') running++;
    if (kind === 'completed' || kind === 'interrupted') running--;
    most = Math.max(most, running);
  }
  return most;
}

async function mostOf(jobs: Engine, type: typeof echo, options: object): Promise<number> {
  const handles = await jobs.enqueueAll(Array.from({ length: 100 }, (_, n) => [type, n, options] as const));
  const results = await Promise.all(handles.map((handle) => handle.result()));
  assert.deepEqual(
    results,
    handles.map((_, n) => n),
  );
  return mostRunning(await eventsOf(jobs), new Set(handles.map(({ id }) => id)));
}

test('quick jobs lie ready for a thread, and no limit is exceeded by that', SOON, async (t) => {
  const queues = {
    one: { concurrency: 1 },
    keys: { perKey: { concurrency: 2 } },
    slow: { rate: { limit: 1_000, per: '1s' } },
  } as const;
  const { jobs } = await openQuick(t, { queues });
  assert.ok((await mostOf(jobs, echo, { queue: 'any' })) > THREADS);
  assert.equal(await mostOf(jobs, echo, { queue: 'one' }), 1);
  assert.equal(await mostOf(jobs, echo, { queue: 'keys', key: 'k' }), 2);
  assert.equal(await mostOf(jobs, limited, { queue: 'any' }), 2);
  // A start counts there, also one that is taken back.
  assert.equal(await mostOf(jobs, echo, { queue: 'slow' }), THREADS);
});

test('the limit of the engine holds for what lies ready', SOON, async (t) => {
  const { jobs } = await openQuick(t, { concurrency: 2 });
  assert.equal(await mostOf(jobs, echo, {}), 2);
});

test('where two crashes are the end of a job none lies ready', SOON, async (t) => {
  const { jobs } = await openQuick(t, { maxCrashes: 2 });
  assert.equal(await mostOf(jobs, echo, {}), THREADS);
});

test('what middleware wraps does not lie ready', SOON, async (t) => {
  const { jobs } = await openQuick(t, { use: [(_payload, _context, next) => next()] });
  assert.equal(await mostOf(jobs, echo, {}), THREADS);
});

test(
  'where one type has middleware nothing lies ready: the thread that is kept for it is idle meanwhile',
  SOON,
  async (t) => {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const wrapped = defineJob<string, unknown>({
      ...{ type: 'wrapped', worker: new URL('../support/handlers/echo.js', import.meta.url), retry: { attempts: 1 } },
      use: [
        async (_payload, _context, next) => {
          await held;
          return next();
        },
      ],
    });
    const { jobs } = await openQuick(t, { jobs: [echo, wrapped] });
    const first = await jobs.enqueue(wrapped, 'first');
    await seen(jobs, first.id, 'started');
    const second = await jobs.enqueue(echo, 'second');
    assert.deepEqual(
      (await jobs.explain(second.id))?.reasons.map(({ why }) => why),
      ['thread-limit'],
    );
    goOn();
    assert.equal(await first.result(), 'first');
    assert.equal(await second.result(), 'second');
  },
);

test('who may not lie ready gets the next free thread, however many others could', SOON, async (t) => {
  const waits = onThread<number>('waits');
  const queues = { slow: { rate: { limit: 1_000, per: '1s' } } } as const;
  const { jobs } = await openQuick(t, { jobs: [echo, waits], queues });
  await jobs.enqueueAll(Array.from({ length: 500 }, () => [waits, 5, { queue: 'many' }] as const));
  await (await jobs.enqueue(echo, 'rare', { queue: 'slow' })).result();
  assert.ok((await jobs.counts({ queue: 'many' })).waiting > 0, 'all others came first');
});

test('a job that lies ready is cancelled at once, and the one that runs is not touched', SOON, async (t) => {
  const { jobs } = await openQuick(t);
  const first = await holdThread(jobs);
  const id = await layReady(jobs, 'never');
  assert.equal(await jobs.cancel(id), true);
  await assert.rejects(jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.equal((await jobs.get(first))?.state, 'running');
  await jobs.cancel(first);
  await assert.rejects(jobs.wait(first), { code: 'HOLDFAST_JOB_CANCELLED' });
});

test('a job that lay ready for too long waits again, free of charge, and says why it does not run', SOON, async (t) => {
  const { jobs } = await openQuick(t);
  const first = await holdThread(jobs);
  const id = await layReady(jobs, 'later');
  assert.equal((await seen(jobs, id, 'interrupted')).reason, 'closing');
  assert.deepEqual(await jobs.explain(id), {
    ...(await jobs.explain(id)),
    reasons: [{ why: 'thread-limit', limit: 1, running: 1 }],
  });
  await jobs.cancel(first);
  assert.equal(await jobs.wait(id), 'later');
  const view = await jobs.get(id);
  assert.deepEqual([view?.attempts, view?.crashes], [0, 0]);
  assert.deepEqual(await storyOf(jobs, id), ['enqueued', 'started', 'interrupted', 'started', 'completed']);
});

test('what waited again runs in the order of its priority', SOON, async (t) => {
  const { jobs } = await openQuick(t);
  const first = await holdThread(jobs);
  const ordinary = await layReady(jobs, 'ordinary');
  await seen(jobs, ordinary, 'interrupted');
  const urgent = await jobs.enqueue(echo, 'urgent', { priority: 5 });
  await jobs.cancel(first);
  await Promise.all([jobs.wait(ordinary), urgent.result()]);
  const begun = (await eventsOf(jobs)).filter(
    ({ kind, id = '' }) => kind === 'started' && [ordinary, urgent.id].includes(id),
  );
  assert.deepEqual(
    begun.map(({ id }) => id),
    [ordinary, urgent.id, ordinary],
  );
});

test('a close gives back what lies ready, and it runs in the next life as if nothing had been', SOON, async (t) => {
  const site = await openQuick(t);
  const first = await holdThread(site.jobs);
  const ids = [await layReady(site.jobs, 1), await layReady(site.jobs, 2)];
  const jobs = await site.restart();
  await jobs.cancel(first);
  assert.deepEqual(await Promise.all(ids.map((id) => jobs.wait(id))), [1, 2]);
  for (const id of ids) {
    const view = await jobs.get(id);
    assert.deepEqual([view?.attempts, view?.crashes], [0, 0]);
  }
});

test('when the process dies what lay ready is blamed once, and does not lie ready again', SOON, async (t) => {
  const site = await openQuick(t);
  const first = await holdThread(site.jobs);
  // On a slow machine it is put back before the process dies, and stays unblamed.
  const { id } = await site.jobs.enqueue(echo, 'again', { queue: 'ready' });
  await seen(site.jobs, id, 'started');
  await site.jobs.pause({ queue: 'ready' });
  const jobs = await site.kill();
  const crashes = (await jobs.get(id))?.crashes;
  await jobs.cancel(first);
  await learn(jobs);
  const second = await holdThread(jobs);
  await jobs.resume({ queue: 'ready' });
  if (crashes === 1) {
    const { reasons } = (await jobs.explain(id)) ?? {};
    assert.deepEqual(reasons, [{ why: 'thread-limit', limit: 1, running: 1 }]);
  }
  await jobs.cancel(second);
  assert.equal(await jobs.wait(id), 'again');
  assert.equal((await jobs.get(id))?.crashes, crashes);
});

/** Threads that do what the test says. */
function scriptedThreads() {
  const listeners: ThreadListener[] = [];
  const log: string[] = [];
  const threads: Threads = {
    ...{ size: 1, free: 1, ahead: 0, onFree: undefined },
    run(_order, listener) {
      listeners.push(listener);
      return {
        loading: false,
        abort: ({ kind }) => void log.push(`asked: ${kind}`),
        kill() {
          log.push('killed');
          listener.ended({ ok: true, result: undefined });
          listener.released(undefined);
        },
      };
    },
    close: () => Promise.resolve(),
  };
  return { threads, listeners, log };
}

test('the time of an attempt begins when it is its turn on its thread', SOON, async (t) => {
  const { threads, listeners, log } = scriptedThreads();
  const job = defineJob({ type: 'job', worker: '/nowhere.js', timeout: '1s' });
  const site = await openMovedEngine(t, { jobs: [job] }, { threads });
  const { id } = await site.jobs.enqueue(job);
  await site.clock.settle();
  await site.clock.pass(60_000);
  assert.deepEqual(log, [], 'it lies ready');
  listeners[0]?.loading?.();
  await site.clock.pass(20_000);
  assert.deepEqual(log, [], 'its module is loaded');
  listeners[0]?.loaded?.();
  await site.clock.pass(999);
  assert.deepEqual(log, []);
  await site.clock.pass(1);
  assert.deepEqual(log, ['asked: timeout']);
  listeners[0]?.ended({ ok: true, result: undefined });
  listeners[0]?.released(undefined);
  await site.jobs.cancel(id);
});
