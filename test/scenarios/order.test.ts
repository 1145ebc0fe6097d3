// Who is next, and how many at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type OpenOptions } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, type Latch } from '../support/engine.ts';

/** Jobs that note their payload when they start. */
function notes(fails: (what: string, start: number) => boolean = () => false) {
  const runs: string[] = [];
  const note = defineJob({
    type: 'note',
    retry: { attempts: 5, backoff: constant('1m') },
    run(what: string, { job }) {
      runs.push(what);
      if (fails(what, job.attempt)) throw new Error('not yet');
    },
  });
  return { note, runs };
}

test('the highest priority comes first, and equal ones in the order of acceptance', async (t) => {
  const { note, runs } = notes();
  const site = await openMovedEngine(t, { jobs: [], concurrency: 1 });
  const priorities = [0, 5, -5, 5, 0, 2_147_483_647, -2_147_483_648, 0, 5];
  for (const [n, priority] of priorities.entries()) await site.jobs.enqueue(note, `${priority}/${n}`, { priority });
  await site.restart({ jobs: [note], concurrency: 1 });
  await site.clock.settle();
  assert.deepEqual(runs, ['2147483647/5', '5/1', '5/3', '5/8', '0/0', '0/4', '0/7', '-5/2', '-2147483648/6']);
});

test('a job keeps its place in the order through a delay, a retry, a restart and a kill', async (t) => {
  const { note, runs } = notes((what, attempt) => what === 'second, fails once' && attempt === 1);
  const site = await openMovedEngine(t, { jobs: [note], concurrency: 1 });
  await site.jobs.enqueue(note, 'first, later', { delay: '1m' });
  await site.jobs.enqueue(note, 'second, fails once');
  await site.clock.settle();
  assert.deepEqual(runs, ['second, fails once']);
  await site.jobs.enqueue(note, 'third, later', { delay: '30s' });
  await site.restart({ jobs: [], concurrency: 1 });
  await site.clock.pass(3_600_000);
  await site.jobs.enqueue(note, 'fourth');
  runs.length = 0;
  await site.kill({ jobs: [note], concurrency: 1 });
  await site.clock.settle();
  assert.deepEqual(runs, ['first, later', 'second, fails once', 'third, later', 'fourth']);
});

test('the order is that of acceptance also where jobs take the places of jobs that were forgotten', async (t) => {
  const { note, runs } = notes();
  const options = { jobs: [note], concurrency: 1, keep: { completed: { count: 0 } } };
  const site = await openMovedEngine(t, options);
  await site.jobs.enqueueAll(Array.from({ length: 5 }, (_, n) => [note, `forgotten ${n}`] as const));
  await site.clock.settle();
  await site.restart({ ...options, jobs: [] });
  for (let n = 0; n < 8; n++) await site.jobs.enqueue(note, String(n));
  runs.length = 0;
  await site.restart(options);
  await site.clock.settle();
  assert.deepEqual(runs, ['0', '1', '2', '3', '4', '5', '6', '7']);
});

/** Handlers that stay until they are let go, and what was seen of them. */
function busy(options: { readonly queue?: string; readonly type?: string } = {}) {
  const at = new Map<number, Latch>();
  let running = 0;
  let most = 0;
  const job = defineJob({
    type: options.type ?? 'busy',
    queue: options.queue ?? 'default',
    async run(n: number) {
      running++;
      most = Math.max(most, running);
      const stay = latch();
      at.set(n, stay);
      await stay.promise;
      running--;
    },
  });
  return {
    job,
    letGo: (n: number) => at.get(n)?.open(),
    started: () => [...at.keys()],
    get running() {
      return running;
    },
    get most() {
      return most;
    },
  };
}

const LIMITS: readonly (readonly [what: string, options: OpenOptions, most: number])[] = [
  ['the engine', { concurrency: 3 }, 3],
  ['the queue', { queues: { default: { concurrency: 2 } } }, 2],
  ['the queue, when the engine allows less', { concurrency: 2, queues: { default: { concurrency: 5 } } }, 2],
];
for (const [what, options, most] of LIMITS) {
  test(`no more jobs run at once than ${what} allows, and each end lets the next one start`, async (t) => {
    const work = busy();
    const site = await openMovedEngine(t, { ...options, jobs: [work.job] });
    const jobs = await site.jobs.enqueueAll(Array.from({ length: 10 }, (_, n) => [work.job, n] as const));
    for (let n = 0; n < 10; n++) {
      await site.clock.settle();
      assert.equal(work.running, Math.min(most, 10 - n));
      assert.equal(work.started().at(-1), Math.min(n + most, 10) - 1);
      work.letGo(n);
      await jobs[n]?.result();
    }
    assert.equal(work.most, most);
  });
}

test('the limits hold through a restart that finds a full house', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [] });
  await site.jobs.enqueueAll(Array.from({ length: 50 }, (_, n) => [work.job, n] as const));
  await site.kill({ jobs: [work.job], concurrency: 4 });
  for (let n = 0; n < 50; n++) {
    await site.clock.settle();
    assert.ok(work.running <= 4);
    work.letGo(n);
  }
  await site.clock.settle();
  assert.equal(work.most, 4);
  assert.equal(work.started().length, 50);
});

test('an inline handler that ignores its end keeps its slot until it returns', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [work.job], concurrency: 2, grace: '1s' });
  const ignoring = await site.jobs.enqueue(work.job, 0);
  await site.jobs.enqueueAll(Array.from({ length: 3 }, (_, n) => [work.job, n + 1] as const));
  await site.clock.settle();
  assert.deepEqual(work.started(), [0, 1]);
  await site.jobs.cancel(ignoring.id);
  await site.drive(assert.rejects(ignoring.result(), { code: 'HOLDFAST_JOB_CANCELLED' }));
  await site.clock.pass(60_000);
  assert.deepEqual(work.started(), [0, 1], 'the job is over, but its handler is not');
  work.letGo(1);
  await site.clock.settle();
  assert.deepEqual(work.started(), [0, 1, 2]);
  work.letGo(0);
  await site.clock.settle();
  assert.deepEqual(work.started(), [0, 1, 2, 3]);
  assert.equal(work.most, 2);
  for (const n of [2, 3]) work.letGo(n);
});

test('jobs that wait for their next attempt use no slot: 200 of them, and a new job starts at once', async (t) => {
  const fails = defineJob({
    type: 'fails',
    retry: { backoff: constant('1h') },
    run: () => Promise.reject(new Error('no')),
  });
  const works = defineJob({ type: 'works', run: () => 'done' });
  const site = await openMovedEngine(t, { jobs: [fails, works], concurrency: 100 });
  await site.jobs.enqueueAll(Array.from({ length: 200 }, () => [fails] as const));
  await site.clock.settle();
  const { jobs: retrying } = await site.jobs.list({ type: 'fails' });
  assert.equal(retrying.filter(({ face, attempts }) => face === 'retrying' && attempts === 1).length, 200);
  assert.equal(await (await site.jobs.enqueue(works)).result(), 'done');
});

test('queues take turns, so that a busy one cannot keep another from the slots of the engine', async (t) => {
  const first = busy({ queue: 'busy', type: 'first' });
  const second = busy({ queue: 'calm', type: 'second' });
  const site = await openMovedEngine(t, { jobs: [first.job, second.job], concurrency: 2 });
  await site.jobs.enqueueAll(Array.from({ length: 20 }, (_, n) => [first.job, n] as const));
  await site.clock.settle();
  await site.jobs.enqueueAll([
    [second.job, 0],
    [second.job, 1],
  ]);
  for (const n of [0, 1]) {
    first.letGo(n);
    await site.clock.settle();
  }
  assert.deepEqual([first.started().length, second.started().length], [3, 1], 'of two free slots each has got one');
  for (let n = 2; n < 20; n++) first.letGo(n);
  second.letGo(0);
  await site.clock.settle();
  assert.deepEqual(second.started(), [0, 1]);
  second.letGo(1);
  for (let n = 0; n < 20; n++) {
    await site.clock.settle();
    first.letGo(n);
  }
});

test('a queue that nobody configured has the concurrency of the engine', async (t) => {
  const work = busy({ queue: 'new' });
  const site = await openMovedEngine(t, { jobs: [work.job], concurrency: 5 });
  await site.jobs.enqueueAll(Array.from({ length: 8 }, (_, n) => [work.job, n] as const));
  await site.clock.settle();
  assert.equal(work.running, 5);
  for (let n = 0; n < 8; n++) {
    work.letGo(n);
    await site.clock.settle();
  }
});

test('four thousand jobs on disk all run, once each, and the limit holds', async (t) => {
  let running = 0;
  let most = 0;
  const starts = new Set<number>();
  const job = defineJob({
    type: 'quick',
    async run(n: number) {
      assert.equal(starts.has(n), false);
      starts.add(n);
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    },
  });
  const site = await openTestEngine(t, { jobs: [job], concurrency: 7, keep: { completed: { count: 0 } } });
  const handles = await site.jobs.enqueueAll(
    Array.from({ length: 4_000 }, (_, n) => [job, n, { id: `n${n}` }] as const),
  );
  await Promise.allSettled(handles.map((handle) => handle.result()));
  assert.equal(starts.size, 4_000);
  assert.equal(most, 7);
});
