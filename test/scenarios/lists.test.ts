// What list lets through, and in which pages; what counts and statistics say; held against a look at every job.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { defineJob, TerminateError, type Engine, type JobFilter, type JobView } from '../../src/index.ts';
import { JOB_STATES } from '../../src/job/machine.ts';
import { JOB_FACES } from '../../src/view.ts';
import { latch, openMovedEngine, type MovedEngine } from '../support/engine.ts';

const TYPES = ['works', 'dies', 'fails', 'holds', 'nobody'];
const QUEUES = ['default', 'email'];
/** The types that have a handler. */
const SERVED = ['works', 'dies', 'fails', 'holds'];
const HOUR_MS = 3_600_000;

/** Jobs in every state and with every face, with keys and tags of all kinds. */
async function openCrowd(t: TestContext): Promise<{ readonly site: MovedEngine; readonly all: readonly JobView[] }> {
  const gate = latch();
  t.after(() => gate.open());
  const works = defineJob({ type: 'works', run: () => 'done' });
  const dies = defineJob({ type: 'dies', run: () => Promise.reject(new TerminateError('no use')) });
  const retry = { attempts: 9, backoff: [HOUR_MS] };
  const fails = defineJob({ type: 'fails', retry, run: () => Promise.reject(new Error('not yet')) });
  const holds = defineJob({ type: 'holds', run: () => gate.promise });
  const site = await openMovedEngine(t, {
    ...{ jobs: [works, dies, fails, holds], concurrency: 6, queues: { email: { concurrency: 2 } } },
    keep: { cancelled: { age: 'forever' } },
  });
  const { jobs, clock } = site;
  for (let n = 0; n < 120; n++) {
    if (n % 40 === 39) await clock.pass(10 * 60_000);
    const type = TYPES[n % 5] as string;
    const { id } = await jobs.enqueue(
      type,
      { n },
      {
        ...{ queue: QUEUES[n % 2] as string, tags: [`t${n % 3}`, `u${n % 7}`] },
        ...(n % 4 === 0 && { key: `tenant:${n % 3}` }),
        ...(n % 6 === 0 && { unique: `k${n}` }),
        ...(n % 9 === 0 && { idempotencyKey: `i${n}` }),
        ...(n % 11 === 0 && { delay: HOUR_MS }),
        ...(n % 13 === 0 && { after: [{ id: 'parent', on: 'always' }] }),
        ...(n === 0 && { id: 'parent', delay: HOUR_MS }),
      },
    );
    if (n % 17 === 3) await jobs.cancel(id);
  }
  await clock.settle();
  const all = await pagesOf(jobs, {}, 1_000);
  return { site, all };
}

async function pagesOf(jobs: Engine, filter: JobFilter, limit: number): Promise<JobView[]> {
  const found: JobView[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await jobs.list({ ...filter, limit, cursor });
    assert.ok(page.jobs.length <= limit);
    found.push(...page.jobs);
    if (page.cursor === undefined) return found;
    assert.equal(page.jobs.length, limit, 'a page is full if there is another');
    cursor = page.cursor;
  }
}

/** The words of the filter, one after the other. */
function isMeant(
  job: JobView,
  { state, face, type, queue, tag, unique, idempotencyKey, key, since }: JobFilter,
): boolean {
  return (
    (state ?? job.state) === job.state &&
    (face ?? job.face) === job.face &&
    (type ?? job.type) === job.type &&
    (queue ?? job.queue) === job.queue &&
    (tag === undefined || job.tags?.includes(tag) === true) &&
    (unique ?? job.unique) === job.unique &&
    (idempotencyKey ?? job.idempotencyKey) === job.idempotencyKey &&
    (key === undefined || (job.payload as { n: number }).n % 12 === [0, 4, 8][Number(key.at(-1))]) &&
    (since === undefined || job.createdAt >= Number(since))
  );
}

describe('a list', () => {
  test('has exactly the jobs that a look at each of them would choose, in order, whatever the filter and the pages', async (t) => {
    const { site, all } = await openCrowd(t);
    assert.equal(all.length, 120);
    assert.deepEqual(new Set(all.map(({ state }) => state)), new Set(JOB_STATES));
    assert.deepEqual(new Set(all.flatMap(({ face }) => face ?? [])).size, JOB_FACES.length);
    const times = [...new Set(all.map(({ createdAt }) => createdAt))];
    const filter = fc.record(
      {
        state: fc.constantFrom(...JOB_STATES),
        face: fc.constantFrom(...JOB_FACES),
        type: fc.constantFrom(...TYPES, 'unknown'),
        queue: fc.constantFrom(...QUEUES, 'unknown'),
        key: fc.constantFrom('tenant:0', 'tenant:1', 'tenant:2'),
        tag: fc.constantFrom('t0', 't1', 'u3', 'none'),
        unique: fc.constantFrom('k0', 'k6', 'none'),
        idempotencyKey: fc.constantFrom('i0', 'i9', 'none'),
        since: fc.constantFrom(...times, 0),
      },
      { requiredKeys: [] },
    );
    const sparse = fc.tuple(filter, fc.array(fc.nat({ max: 8 }), { maxLength: 2 })).map(([whole, kept]) => {
      const entries = Object.entries(whole).filter((_entry, n) => kept.includes(n));
      return Object.fromEntries(entries);
    });
    await fc.assert(
      fc.asyncProperty(sparse, fc.constantFrom(1, 2, 7, 50, 1_000), async (drawn, limit) => {
        const found = await pagesOf(site.jobs, drawn, limit);
        const meant = all.filter((job) => isMeant(job, drawn)).map(({ id }) => id);
        assert.deepEqual(
          found.map(({ id }) => id),
          meant,
        );
      }),
      { numRuns: 150 },
    );
  });

  test('refuses what is no filter, and names it', async (t) => {
    const { jobs } = await openMovedEngine(t);
    const wrong: ReadonlyArray<readonly [filter: object, field: string]> = [
      [{ state: 'ready' }, 'state'],
      [{ face: 'waiting' }, 'face'],
      [{ type: '' }, 'type'],
      [{ queue: 'a b' }, 'queue'],
      [{ key: '' }, 'key'],
      [{ tag: 7 }, 'tag'],
      [{ since: 'yesterday' }, 'since'],
      [{ limit: 0 }, 'limit'],
      [{ limit: 1_001 }, 'limit'],
      [{ cursor: 'ZZZ!' }, 'cursor'],
      [{ tags: ['a'] }, 'filter.tags'],
    ];
    for (const [filter, field] of wrong) {
      await assert.rejects(jobs.list(filter), { code: 'HOLDFAST_INVALID_ARGUMENT', field }, field);
    }
    await assert.rejects(jobs.list([] as never), { field: 'filter' });
  });

  test('finds a job by the moment of its acceptance also when it was carried, and after a restart', async (t) => {
    const site = await openMovedEngine(t);
    const { id } = await site.jobs.enqueue('nobody', 'x'.repeat(100));
    await site.clock.pass(5_000);
    const since = site.clock.now();
    const later = await site.jobs.enqueue('nobody');
    await site.restart();
    const { jobs } = await site.jobs.list({ since });
    assert.deepEqual(
      jobs.map((job) => job.id),
      [later.id],
    );
    assert.equal((await site.jobs.list({ since: new Date(since - 5_000) })).jobs[0]?.id, id);
  });
});

describe('counts and statistics', () => {
  test('are what a look at every job gives: of all, of each queue, of each type', async (t) => {
    const { site, all } = await openCrowd(t);
    const { jobs } = site;
    const expected = (meant: readonly JobView[]): object => {
      const states = JOB_STATES.map((state) => [state, meant.filter((job) => job.state === state).length] as const);
      const counts = Object.fromEntries(states) as Record<string, number>;
      return { ...counts, active: (counts['waiting'] ?? 0) + (counts['running'] ?? 0), total: meant.length };
    };
    assert.deepEqual(await jobs.counts(), expected(all));
    for (const queue of QUEUES)
      assert.deepEqual(await jobs.counts({ queue }), expected(all.filter((job) => job.queue === queue)));
    for (const type of TYPES)
      assert.deepEqual(await jobs.counts({ type }), expected(all.filter((job) => job.type === type)));
    assert.deepEqual(await jobs.counts({ type: 'unknown' }), expected([]));
    assert.deepEqual(await jobs.counts({ queue: 'unknown' }), expected([]));
    const now = site.clock.now();
    const isDue = ({ face, type }: JobView): boolean => face === 'ready' || (face === 'held' && SERVED.includes(type));
    for (const { type, oldestReadyMs } of await jobs.stats()) {
      const ready = all.filter((job) => job.type === type && isDue(job)).map(({ dueAt = now }) => now - dueAt);
      assert.equal(oldestReadyMs, Math.max(0, ...ready), type);
    }
    for (const { queue, oldestReadyMs } of await jobs.queueStats()) {
      const ready = all.filter((job) => job.queue === queue && isDue(job)).map(({ dueAt = now }) => now - dueAt);
      assert.equal(oldestReadyMs, Math.max(0, ...ready), queue);
    }
    await assert.rejects(jobs.counts({ queue: 'a', type: 'b' }), { field: 'of' });
    await assert.rejects(jobs.counts({ queue: '' }), { field: 'queue' });
  });

  test('tell what ended in the last minute and in the last hour, by type and by queue', async (t) => {
    const works = defineJob({ type: 'works', queue: 'q', run: () => 'done' });
    const fails = defineJob({
      type: 'fails',
      queue: 'q',
      retry: { attempts: 2, backoff: [1] },
      run: () => Promise.reject(new Error('no')),
    });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [works, fails] });
    const rates = async (type: string): Promise<unknown> => {
      const { throughput } = (await jobs.stats()).find((stats) => stats.type === type) ?? {};
      return [throughput?.completed, throughput?.failed, throughput?.died].map((rate) => [
        rate?.lastMinute,
        rate?.lastHour,
      ]);
    };
    for (let n = 0; n < 6; n++) await jobs.enqueue(works);
    await jobs.enqueue(fails);
    await clock.pass(10);
    assert.deepEqual(await rates('works'), [
      [6, 6],
      [0, 0],
      [0, 0],
    ]);
    assert.deepEqual(await rates('fails'), [
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
    const [queue] = await jobs.queueStats();
    assert.deepEqual(
      [queue?.queue, queue?.throughput.completed.lastHour, queue?.throughput.died.lastHour],
      ['q', 6, 1],
    );
    await clock.pass(2 * 60_000);
    assert.deepEqual(await rates('works'), [
      [0, 6],
      [0, 0],
      [0, 0],
    ]);
    await clock.pass(60 * 60_000);
    assert.deepEqual(await rates('works'), [
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  test('say since when they count what ended: since this engine opened', async (t) => {
    const works = defineJob({ type: 'works', run: () => 'done' });
    const site = await openMovedEngine(t, { jobs: [works] });
    const openedAt = site.clock.now();
    await (await site.jobs.enqueue(works)).result();
    await site.clock.pass(1_000);
    const [before] = await site.jobs.stats();
    assert.deepEqual([before?.throughput.since, before?.throughput.completed.lastHour], [openedAt, 1]);
    const reopenedAt = site.clock.now();
    const jobs = await site.kill({ jobs: [works] });
    await site.clock.pass(1_000);
    const [after] = await jobs.stats();
    assert.deepEqual([after?.throughput.since, after?.throughput.completed.lastHour], [reopenedAt, 0]);
    assert.equal(after?.completed, 1);
  });
});
