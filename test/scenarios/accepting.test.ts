// How jobs come in: kept when accepted, once under an id, several together or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob } from '../../src/index.ts';
import { failOnce, openMovedEngine, openTestEngine, seen } from '../support/engine.ts';

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

const greet = defineJob({ type: 'greet', run: (name: string) => `Hello ${name}` });

test('a job that was accepted runs after a kill in the moment of its acceptance', async (t) => {
  const site = await openTestEngine(t);
  const { id } = await site.jobs.enqueue(greet, 'Ada');
  const jobs = await site.kill({ jobs: [greet] });
  assert.equal(await jobs.wait(id), 'Hello Ada');
});

test('an accepted job outlives a restart with everything that was said about it', async (t) => {
  const site = await openMovedEngine(t);
  const { id } = await site.jobs.enqueue(greet, 'Ada', {
    queue: 'desk',
    priority: -3,
    timeout: '7s',
    retry: { attempts: 2 },
  });
  const before = await site.jobs.get(id);
  const jobs = await site.restart();
  assert.deepEqual(await jobs.get(id), before);
  const { queue, priority, timeoutMs, maxAttempts, payload, state, face } = before ?? {};
  assert.deepEqual(
    { queue, priority, timeoutMs, maxAttempts, payload, state, face },
    { queue: 'desk', priority: -3, timeoutMs: 7_000, maxAttempts: 2, payload: 'Ada', state: 'waiting', face: 'held' },
  );
});

test('ids are ULIDs that sort in the order of acceptance, within a millisecond and when the clock goes back', async (t) => {
  const site = await openMovedEngine(t);
  const ids: string[] = [];
  for (let n = 0; n < 50; n++) ids.push((await site.jobs.enqueue('any')).id);
  ids.push(...(await site.jobs.enqueueAll(Array.from({ length: 50 }, () => ['any'] as const))).map(({ id }) => id));
  site.clock.jump(-3_600_000);
  ids.push((await site.jobs.enqueue('any')).id);
  await site.restart();
  ids.push((await site.jobs.enqueue('any')).id);
  site.clock.jump(-86_400_000);
  await site.kill();
  ids.push((await site.jobs.enqueue('any')).id);
  for (const id of ids) assert.match(id, ULID);
  assert.deepEqual(ids.toSorted(), ids);
  assert.equal(new Set(ids).size, ids.length);
});

test('an id of your own is kept as it is, whatever objects may have under it', async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet] });
  const ids = ['import:42', 'a@b.c', '__proto__', 'constructor', 'toString', 'x'.repeat(128), '.', '..', '-'];
  for (const id of ids) assert.equal((await site.jobs.enqueue(greet, id, { id })).id, id);
  for (const id of ids) assert.equal(await site.jobs.wait(id), `Hello ${id}`);
  const jobs = await site.restart();
  for (const id of ids) assert.equal((await jobs.get(id))?.result, `Hello ${id}`);
});

test('a custom id that reads like a ULID is a custom id all the same', async (t) => {
  const site = await openMovedEngine(t);
  const ids = ['01arz3ndektsv4rrffq69g5fav', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '8ZZZZZZZZZZZZZZZZZZZZZZZZZ'];
  for (const id of ids) await site.jobs.enqueue('any', undefined, { id });
  const jobs = await site.kill();
  const { jobs: stored } = await jobs.list();
  assert.deepEqual(
    stored.map(({ id }) => id),
    ids,
  );
});

test('an id that is stored is refused, and the first job stays as it was', async (t) => {
  const site = await openMovedEngine(t);
  await site.jobs.enqueue(greet, 'first', { id: 'one', priority: 4 });
  const before = await site.jobs.get('one');
  await assert.rejects(site.jobs.enqueue(greet, 'second', { id: 'one', priority: 9 }), {
    code: 'HOLDFAST_JOB_EXISTS',
    id: 'one',
  });
  assert.deepEqual(await site.jobs.get('one'), before);
  assert.equal((await site.jobs.list()).jobs.length, 1);
});

test('an id is refused in every state of the job that has it', async (t) => {
  const site = await openMovedEngine(t, {
    jobs: [greet, defineJob({ type: 'dies', retry: { attempts: 1 }, run: () => Promise.reject(new Error('no')) })],
  });
  await site.jobs.enqueue(greet, 'x', { id: 'completed' });
  await site.jobs.wait('completed');
  await site.jobs.enqueue('dies', undefined, { id: 'dead' });
  await assert.rejects(site.jobs.wait('dead'));
  await site.jobs.enqueue(greet, 'x', { id: 'cancelled', delay: '1h' });
  await site.jobs.cancel('cancelled');
  for (const id of ['completed', 'dead', 'cancelled']) {
    await assert.rejects(site.jobs.enqueue(greet, 'x', { id }), { code: 'HOLDFAST_JOB_EXISTS' }, id);
  }
});

test("with ifExists 'return' the job that is there is given back, and nothing is stored", async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet] });
  const first = await site.jobs.enqueue(greet, 'first', { id: 'one', ifExists: 'return' });
  const second = await site.jobs.enqueue(greet, 'second', { id: 'one', ifExists: 'return' });
  assert.equal(second.id, first.id);
  assert.equal(await second.result(), 'Hello first');
  assert.equal((await site.jobs.list()).jobs.length, 1);
});

test('of many calls with one id at once one is accepted', async (t) => {
  const site = await openTestEngine(t, { jobs: [greet] });
  const calls = Array.from({ length: 20 }, (_, n) => site.jobs.enqueue(greet, String(n), { id: 'one' }));
  const outcomes = await Promise.allSettled(calls);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.equal(await site.jobs.wait('one'), 'Hello 0');
});

test('enqueueAll gives its handles in the order of its entries, and their results', async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet] });
  const handles = await site.jobs.enqueueAll([
    [greet, 'a', { priority: 1 }],
    [greet, 'b', { priority: 2, id: 'b' }],
    ['greet', 'c'],
  ]);
  assert.equal(handles[1]?.id, 'b');
  assert.deepEqual(await Promise.all(handles.map((handle) => handle.result())), ['Hello a', 'Hello b', 'Hello c']);
  assert.deepEqual(await site.jobs.enqueueAll([]), []);
});

const refusedLists: readonly (readonly [
  why: string,
  code: string,
  entries: readonly (readonly [string, unknown?, object?])[],
])[] = [
  ['its third id is stored', 'HOLDFAST_JOB_EXISTS', [['any'], ['any'], ['any', 1, { id: 'stored' }]]],
  ['two of its ids are the same', 'HOLDFAST_JOB_EXISTS', [['any', 1, { id: 'x' }], ['any'], ['any', 2, { id: 'x' }]]],
  [
    'an id stands before it that would be returned',
    'HOLDFAST_JOB_EXISTS',
    [
      ['any', 1, { id: 'x', ifExists: 'return' }],
      ['any', 2, { id: 'x' }],
    ],
  ],
  ['its third type is none', 'HOLDFAST_INVALID_ARGUMENT', [['any'], ['any'], ['no such type!']]],
  ['its third id is none', 'HOLDFAST_INVALID_ARGUMENT', [['any'], ['any'], ['any', 1, { id: 'a/b' }]]],
  ['its third payload is none', 'HOLDFAST_INVALID_PAYLOAD', [['any'], ['any'], ['any', { n: 1n }]]],
  ['its second option is none', 'HOLDFAST_INVALID_ARGUMENT', [['any'], ['any', 1, { delay: 'soon' as never }]]],
];
for (const [why, code, entries] of refusedLists) {
  test(`a list is refused as a whole when ${why}`, async (t) => {
    const site = await openMovedEngine(t);
    await site.jobs.enqueue('any', undefined, { id: 'stored' });
    await assert.rejects(site.jobs.enqueueAll(entries), { code });
    assert.deepEqual(
      (await site.jobs.list()).jobs.map(({ id }) => id),
      ['stored'],
    );
  });
}

test("an id twice in one list is one job when the second says 'return'", async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet] });
  const [first, second, third] = await site.jobs.enqueueAll([
    [greet, 'a', { id: 'x' }],
    [greet, 'b', { id: 'x', ifExists: 'return' }],
    [greet, 'c', { id: 'x', ifExists: 'return' }],
  ]);
  assert.deepEqual([first?.id, second?.id, third?.id], ['x', 'x', 'x']);
  assert.equal(await third?.result(), 'Hello a');
  assert.equal((await site.jobs.list()).jobs.length, 1);
});

test('a list that was being written when the process was killed is there as a whole or not at all', async (t) => {
  const site = await openMovedEngine(t);
  site.gate.hold();
  // Far more than one frame holds.
  const list = site.jobs.enqueueAll(
    Array.from({ length: 2_000 }, (_, n) => ['any', 'x'.repeat(100), { id: `n${n}` }] as const),
  );
  list.catch(() => undefined);
  await site.gate.arrival();
  assert.equal((await (await site.kill()).list()).jobs.length, 0);
  await site.jobs.enqueueAll(
    Array.from({ length: 2_000 }, (_, n) => ['any', 'x'.repeat(100), { id: `n${n}` }] as const),
  );
  const jobs = await site.kill();
  assert.equal((await jobs.get('n1999'))?.payload, 'x'.repeat(100));
  assert.ok(await jobs.get('n0'));
});

test('a type without a handler waits, says that it is held, and runs when somebody has one', async (t) => {
  const site = await openMovedEngine(t, { jobs: [] });
  const { id } = await site.jobs.enqueue('greet', 'Ada');
  const later = await site.jobs.enqueue('greet', 'Bob', { delay: '1h' });
  assert.equal((await site.jobs.get(id))?.face, 'held');
  assert.equal((await site.jobs.get(later.id))?.face, 'scheduled');
  await site.clock.pass(7_200_000);
  assert.equal((await site.jobs.get(later.id))?.face, 'held');
  const jobs = await site.restart({ jobs: [greet] });
  assert.deepEqual(await Promise.all([jobs.wait(id), jobs.wait(later.id)]), ['Hello Ada', 'Hello Bob']);
});

test('jobs that nobody can run hold up neither others nor the end of the engine', async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet], concurrency: 1, queues: { default: { concurrency: 1 } } });
  await site.jobs.enqueueAll(Array.from({ length: 10 }, () => ['nobody', 1, { priority: 9 }] as const));
  const job = await site.jobs.enqueue(greet, 'Ada');
  assert.equal(await job.result(), 'Hello Ada');
});

test('types are case-sensitive', async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet, defineJob({ type: 'Greet', run: () => 'other' })] });
  assert.equal(await (await site.jobs.enqueue('Greet')).result(), 'other');
  assert.equal((await site.jobs.get((await site.jobs.enqueue('GREET')).id))?.face, 'held');
});

test('an acceptance is an event with the moment at which the job is due', async (t) => {
  const site = await openMovedEngine(t);
  const { id } = await site.jobs.enqueue('any', 1, { delay: '1m', priority: 3, queue: 'q' });
  const { seq, ...event } = await seen(site.jobs, id, 'enqueued');
  const at = site.clock.now();
  assert.ok(seq > 0);
  assert.deepEqual(event, { kind: 'enqueued', at, id, type: 'any', queue: 'q', dueAt: at + 60_000, priority: 3 });
});

test('who enqueues again as soon as he is answered costs one write for each job, its run and its end included', async (t) => {
  const site = await openMovedEngine(t, { jobs: [greet] });
  await site.jobs.enqueue(greet, 'Ada');
  const before = site.gate.writeCount;
  for (let n = 0; n < 10; n++) await site.jobs.enqueue(greet, 'Ada');
  assert.equal(site.gate.writeCount - before, 10);
});

test('a list with one entry that is refused at once and one that is refused later is refused as a whole', async (t) => {
  const late = defineJob({
    type: 'late',
    payload: { '~standard': { version: 1, vendor: 'test', validate: async () => ({ issues: [{ message: 'no' }] }) } },
    run: () => undefined,
  });
  const site = await openMovedEngine(t, { jobs: [late] });
  await assert.rejects(site.jobs.enqueueAll([[late], ['any', 1n]] as never), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  await assert.rejects(site.jobs.enqueueAll([['any'], [late]] as never), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  assert.deepEqual((await site.jobs.list()).jobs, []);
});

test('a long list is taken in one write or not at all', async (t) => {
  const site = await openMovedEngine(t);
  const list = Array.from({ length: 1_700 }, (_, n) => ['any', n, { id: `job-${n}` }] as const);
  await failOnce(site, 'lost', () => site.jobs.enqueueAll(list));
  assert.deepEqual((await site.jobs.list()).jobs, []);
  const before = site.gate.writeCount;
  const handles = await site.jobs.enqueueAll(list);
  assert.equal(site.gate.writeCount - before, 1);
  assert.deepEqual(
    handles.map(({ id }) => id),
    list.map(([, , { id }]) => id),
  );
});
