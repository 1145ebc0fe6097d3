// What is forgotten, and when; and that the log stays short while it is.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineJob, TerminateError, type Engine, type JobState, type OpenOptions } from '../../src/index.ts';
import { openMovedEngine, openTestEngine, type MovedEngine } from '../support/engine.ts';

const DAY_MS = 86_400_000;

const works = defineJob({ type: 'works', run: (n: unknown) => n });
const dies = defineJob({ type: 'dies', run: () => Promise.reject(new TerminateError('no use')) });

/** Ends a job in each of the three ways, one millisecond after the other. */
async function endSome(site: MovedEngine, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await site.clock.pass(1);
    await site.jobs.enqueue(works, n);
    await site.jobs.enqueue(dies);
    const { id } = await site.jobs.enqueue('nobody');
    await site.jobs.cancel(id);
    await site.clock.settle();
  }
}

async function countOf(jobs: Engine, state: JobState): Promise<number> {
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await jobs.list({ state, limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    count += page.jobs.length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return count;
}

async function countsOf(jobs: Engine): Promise<number[]> {
  return Promise.all((['completed', 'cancelled', 'dead'] as const).map((state) => countOf(jobs, state)));
}

const KEEPS: readonly (readonly [what: string, keep: OpenOptions['keep'], counts: readonly number[]])[] = [
  ['so many of each', { completed: { count: 3 }, cancelled: { count: 2 }, dead: { count: 1 } }, [3, 2, 1]],
  ['none at all', { completed: { count: 0 }, cancelled: { count: 0 }, dead: { count: 0 } }, [0, 0, 0]],
  ['what is no older than its age', { completed: { age: 3 }, cancelled: { age: 2 }, dead: { age: 1 } }, [3, 2, 1]],
  [
    'whichever forgets first, age or count',
    { completed: { age: 3, count: 2 }, cancelled: { age: 1, count: 5 } },
    [2, 1, 10],
  ],
  ['everything', { completed: { age: 'forever', count: Infinity }, cancelled: { age: 'forever' } }, [10, 10, 10]],
];
for (const [what, keep, counts] of KEEPS) {
  test(`of finished jobs is kept, the newest: ${what}, and the same after a restart`, async (t) => {
    const options = { jobs: [works, dies], ...(keep === undefined ? {} : { keep }) };
    const site = await openMovedEngine(t, options);
    await endSome(site, 10);
    assert.deepEqual(await countsOf(site.jobs), counts);
    const { jobs: completed } = await site.jobs.list({ state: 'completed' });
    assert.deepEqual(
      completed.map(({ result }) => result),
      Array.from({ length: counts[0] as number }, (_, n) => 10 - (counts[0] as number) + n),
    );
    const jobs = await site.kill({ ...options, jobs: [] });
    assert.deepEqual(await countsOf(jobs), counts);
  });
}

test('by default completed and cancelled jobs are kept for a day, a thousand of each, and the dead until somebody acts', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works, dies] });
  await endSome(site, 3);
  await site.clock.pass(DAY_MS - 3);
  assert.deepEqual(await countsOf(site.jobs), [3, 3, 3]);
  await site.clock.pass(1);
  assert.deepEqual(await countsOf(site.jobs), [2, 2, 3]);
  await site.clock.pass(10);
  assert.deepEqual(await countsOf(site.jobs), [0, 0, 3]);
  const handles = await site.jobs.enqueueAll(Array.from({ length: 1_100 }, (_, n) => [works, n] as const));
  await site.clock.settle();
  assert.equal(await countOf(site.jobs, 'completed'), 1_000);
  assert.equal(await site.jobs.get(handles[99]?.id ?? ''), undefined);
  assert.equal((await site.jobs.get(handles[100]?.id ?? ''))?.state, 'completed');
});

test('what grew too old while nothing was open is forgotten when it is opened, and stricter settings hold at once', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works, dies] });
  await endSome(site, 5);
  await site.close();
  await site.clock.pass(2 * DAY_MS);
  assert.deepEqual(await countsOf(await site.restart()), [0, 0, 5]);
  assert.deepEqual(await countsOf(await site.restart({ keep: { dead: { count: 2 } } })), [0, 0, 2]);
});

test('an id is free again when its job is forgotten', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works], keep: { completed: { age: '1h' } } });
  await (await site.jobs.enqueue(works, 'first', { id: 'one' })).result();
  await assert.rejects(site.jobs.enqueue(works, 'second', { id: 'one' }), { code: 'HOLDFAST_JOB_EXISTS' });
  await site.clock.pass(3_600_000);
  assert.equal(await (await site.jobs.enqueue(works, 'second', { id: 'one' })).result(), 'second');
  assert.equal(await (await site.kill()).wait('one'), 'second');
});

test('a job that waits or is retried is never forgotten, however old it is', async (t) => {
  const site = await openMovedEngine(t, { jobs: [works], keep: { completed: { age: 1, count: 0 } } });
  const later = await site.jobs.enqueue(works, 1, { delay: '300d' });
  const nobody = await site.jobs.enqueue('nobody');
  await site.clock.pass(299 * DAY_MS);
  assert.equal((await site.jobs.get(later.id))?.face, 'scheduled');
  assert.equal((await site.jobs.get(nobody.id))?.face, 'held');
});

test('the log stays within a constant of what is alive, in memory, on disk and after a restart, while much goes through it', async (t) => {
  const large = defineJob({ type: 'large', run: () => 'x'.repeat(200_000) });
  const options = { jobs: [large], keep: { completed: { count: 5 } }, durability: 'os' } as const;
  const site = await openTestEngine(t, options);
  const old = await site.jobs.enqueue('nobody', { stays: true }, { priority: 7, delay: '1h' });
  const before = await site.jobs.get(old.id);
  for (let n = 0; n < 30; n++) {
    const handles = await site.jobs.enqueueAll(Array.from({ length: 10 }, () => [large] as const));
    await Promise.allSettled(handles.map((handle) => handle.result()));
  }
  // Sixty megabytes went through; at most twice what is alive (1 MB) and eight stay, and LevelDB's own files beside.
  assert.deepEqual(await site.jobs.get(old.id), before, 'what lives at the head was carried, not dropped');
  await assert.rejects(site.jobs.events({ since: 1 }).next(), { code: 'HOLDFAST_EVENTS_TRIMMED' });
  await site.restart();
  assert.deepEqual(await site.jobs.get(old.id), before);
  await site.close();
  const folder = join(site.folder, 'log');
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  assert.ok(bytes < 45_000_000, `${bytes} bytes on disk`);
});

test('the disk gets its space back when much is forgotten at once and nothing is written any more', async (t) => {
  const kept = { jobs: [works], keep: { completed: { count: Infinity } }, durability: 'os' } as const;
  const site = await openTestEngine(t, kept);
  const text = (): string => randomBytes(75_000).toString('base64');
  const handles = await site.jobs.enqueueAll(Array.from({ length: 150 }, () => [works, text()] as const));
  await Promise.all(handles.map((handle) => handle.result()));
  const bytes = async (): Promise<number> => {
    const sizes = (await readdir(join(site.folder, 'log'))).map((name) =>
      stat(join(site.folder, 'log', name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  const before = await bytes();
  assert.ok(before > 25_000_000, `${before} bytes with all of them`);
  const jobs = await site.restart({ ...kept, keep: { completed: { count: 5 } } });
  // Its own timeout ends this test if it never comes back.
  while ((await bytes()) > 12_000_000) await jobs.counts();
  assert.equal((await jobs.counts()).completed, 5);
});
