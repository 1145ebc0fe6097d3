// Folders, durability, and options that are wrong.
import assert from 'node:assert/strict';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineJob, HoldfastError, open, type OpenOptions } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';

const works = defineJob({ type: 'works', run: (n: number) => n + 1 });

for (const durability of ['disk', 'os'] as const) {
  test(`with durability '${durability}' what was acknowledged survives a kill`, async (t) => {
    const site = await openTestEngine(t, { durability });
    const handles = await Promise.all(Array.from({ length: 100 }, (_, n) => site.jobs.enqueue(works, n)));
    const jobs = await site.kill({ durability, jobs: [works] });
    assert.deepEqual(
      await Promise.all(handles.map(({ id }) => jobs.wait(id))),
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
  });
}

test('a folder that is open is refused to a second engine, by each of its names, and the first is not disturbed', async (t) => {
  const site = await openTestEngine(t, { jobs: [works] });
  const link = join(site.folder, '..', `link-${Date.now()}-${process.pid}`);
  await symlink(site.folder, link);
  t.after(async () => (await import('node:fs/promises')).unlink(link));
  for (const name of [site.folder, `${site.folder}/`, `${site.folder}/log/..`, link]) {
    await assert.rejects(open(name), { code: 'HOLDFAST_IN_USE', folder: site.folder });
  }
  assert.equal(await (await site.jobs.enqueue(works, 1)).result(), 2);
  await site.restart();
  assert.equal(await (await site.jobs.enqueue(works, 2)).result(), 3);
});

test('a folder that could not be opened can be opened later', async (t) => {
  const site = await openTestEngine(t, { jobs: [works] });
  const { id } = await site.jobs.enqueue(works, 1);
  await site.close();
  const current = join(site.folder, 'log', 'CURRENT');
  const content = await readFile(current);
  await writeFile(current, 'nonsense');
  await assert.rejects(open(site.folder), (error: unknown) => error instanceof HoldfastError);
  await writeFile(current, content);
  assert.equal(await (await site.restart()).wait(id), 2);
});

test('an engine in memory does all the same, and forgets', async () => {
  const options: OpenOptions = { jobs: [works] };
  const jobs = await open(':memory:', options);
  assert.equal(await (await jobs.enqueue(works, 1, { id: 'one' })).result(), 2);
  await jobs.close();
  const again = await open(':memory:', options);
  assert.equal(await again.get('one'), undefined);
  await again.close();
});

const WRONG: readonly (readonly [field: string, options: unknown])[] = [
  ['options', null],
  ['options', []],
  ['jobs', { jobs: works }],
  ['jobs[0]', { jobs: [null] }],
  ['jobs[1]', { jobs: [works, { type: 'x', run: () => 1 }] }],
  ['queues', { queues: [] }],
  ['queues', { queues: { 'a b': {} } }],
  ['queues.a', { queues: { a: null } }],
  ['queues.a.concurrency', { queues: { a: { concurrency: 0 } } }],
  ['queues.a.timeout', { queues: { a: { timeout: 'long' } } }],
  ['queues.a.retry.attempts', { queues: { a: { retry: { attempts: 1.5 } } } }],
  ['concurrency', { concurrency: 1.5 }],
  ['concurrency', { concurrency: '5' }],
  ['threads', { threads: 0 }],
  ['durability', { durability: 'none' }],
  ['timeout', { timeout: -1 }],
  ['retry.backoff', { retry: { backoff: 'often' } }],
  ['grace', { grace: 'a while' }],
  ['maxCrashes', { maxCrashes: 256 }],
  ['keep', { keep: 5 }],
  ['keep.completed', { keep: { completed: 5 } }],
  ['keep.dead.age', { keep: { dead: { age: 'old' } } }],
  ['keep.cancelled.count', { keep: { cancelled: { count: -1 } } }],
  ['maxBodyBytes', { maxBodyBytes: 1 }],
  ['maxPending', { maxPending: 0 }],
  ['cacheBytes', { cacheBytes: -1 }],
  ['keepAlive', { keepAlive: 'yes' }],
  ['logger', { logger: () => undefined }],
];
for (const [field, options] of WRONG) {
  test(`open refuses ${JSON.stringify(options)}, naming ${field}`, async () => {
    await assert.rejects(open(':memory:', options as OpenOptions), { code: 'HOLDFAST_INVALID_ARGUMENT', field });
  });
}

test('open refuses two handlers for one type, and a path that is none', async () => {
  await assert.rejects(open(':memory:', { jobs: [works, works] }), {
    code: 'HOLDFAST_DUPLICATE_HANDLER',
    type: 'works',
  });
  for (const location of ['', undefined, 5, {}]) {
    await assert.rejects(open(location as string), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'location' });
  }
});

const BAD_DEFINITIONS: readonly (readonly [field: string, definition: unknown])[] = [
  ['type', { run: () => 1 }],
  ['type', { type: 'a b', run: () => 1 }],
  ['queue', { type: 'x', queue: '', run: () => 1 }],
  ['priority', { type: 'x', priority: NaN, run: () => 1 }],
  ["timeout of 'x'", { type: 'x', timeout: 'long', run: () => 1 }],
  ["retry of 'x'.attempts", { type: 'x', retry: { attempts: 0 }, run: () => 1 }],
  ["run, worker of 'x'", { type: 'x' }],
  ["run, worker of 'x'", { type: 'x', run: () => 1, worker: '/x.js' }],
  ["run of 'x'", { type: 'x', run: 'later' }],
  ["worker of 'x'", { type: 'x', worker: './relative.js' }],
  ["worker of 'x'", { type: 'x', worker: new URL('https://example.com/x.js') }],
  ["payload of 'x'", { type: 'x', payload: {}, run: () => 1 }],
  ['options', null],
  ['options', 'x'],
];
for (const [field, definition] of BAD_DEFINITIONS) {
  test(`defineJob refuses ${JSON.stringify(definition) ?? 'undefined'}, naming ${field}`, () => {
    assert.throws(() => defineJob(definition as never), { code: 'HOLDFAST_INVALID_ARGUMENT', field });
  });
}
