// Jobs that wait for jobs, through the public face.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, type Engine } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, seen, storyOf } from '../support/engine.ts';

interface Sum {
  readonly sum: number;
}
const add = defineJob({
  type: 'add',
  run: ({ n }: { n: number }, ctx): Sum => {
    const parents = Object.values(ctx.results) as Sum[];
    return { sum: parents.reduce((total, { sum }) => total + sum, n) };
  },
});
let isBroken = true;
const breakable = defineJob({
  type: 'breakable',
  retry: { attempts: 1 },
  run(_: undefined): Sum {
    if (isBroken) throw new Error('broken');
    return { sum: 100 };
  },
});

test('a child starts when the last of its parents has completed, and gets their results by key', async (t) => {
  const gate = latch();
  const slow = defineJob({
    type: 'slow',
    async run(_: undefined): Promise<Sum> {
      await gate.promise;
      return { sum: 7 };
    },
  });
  const results = latch<unknown>();
  const join = defineJob({ type: 'join', run: (_: undefined, ctx) => results.open(ctx.results) });
  const { jobs } = await openTestEngine(t, { jobs: [add, slow, join] });
  const made = await jobs.enqueueGraph({
    join: [join, undefined, { after: ['quick', 'slow'] }],
    quick: [add, { n: 1 }],
    slow: [slow],
  });
  assert.deepEqual(await made.quick.result(), { sum: 1 });
  const waiting = await jobs.get(made.join.id);
  assert.equal(waiting?.face, 'blocked');
  assert.deepEqual(waiting?.waitsFor, [made.slow.id]);
  assert.deepEqual((await jobs.graph(made.quick.id))?.counts, {
    waiting: 1,
    running: 1,
    completed: 1,
    cancelled: 0,
    dead: 0,
  });
  gate.open();
  assert.deepEqual(await results.promise, { quick: { sum: 1 }, slow: { sum: 7 } });
  const sum: Sum = await made.slow.result();
  assert.equal(sum.sum, 7);
});

test('a job may wait for jobs that were stored before, and duplicates count once', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [add] });
  const parent = await jobs.enqueue(add, { n: 1 });
  await parent.result();
  const child = await jobs.enqueue(add, { n: 2 }, { after: [parent.id, parent.id, { id: parent.id, on: 'always' }] });
  assert.deepEqual(await child.result(), { sum: 3 });
  assert.deepEqual((await jobs.get(child.id))?.after, [parent.id]);
});

test('a dead parent makes all who need its success unreachable in one commit, through any depth', async (t) => {
  isBroken = true;
  const { jobs } = await openTestEngine(t, { jobs: [add, breakable] });
  const made = await jobs.enqueueGraph({
    root: [breakable],
    child: [add, { n: 1 }, { after: ['root'] }],
    grandchild: [add, { n: 1 }, { after: ['child'] }],
    mourner: [add, { n: 5 }, { after: [{ id: 'grandchild', on: 'failure' }] }],
    witness: [add, { n: 6 }, { after: [{ id: 'child', on: 'always' }] }],
  });
  assert.deepEqual(await made.mourner.result(), { sum: 5 });
  assert.deepEqual(await made.witness.result(), { sum: 6 });
  const dead = await jobs.get(made.grandchild.id);
  assert.equal(dead?.reason, 'unreachable');
  assert.match(dead?.errors.at(-1)?.message ?? '', new RegExp(made.child.id));
  assert.deepEqual(await storyOf(jobs, made.grandchild.id), ['enqueued', 'died']);
  const ends: number[] = [];
  for await (const { id, kind, seq } of jobs.events({ since: 0 })) {
    if (kind === 'died') ends.push(Math.floor(seq / 65_536));
    if (id === made.witness.id && kind === 'completed') break;
  }
  assert.equal(new Set(ends).size, 1, 'the three deaths stand in one frame');
});

test('reviving a parent takes its unreachable descendants back, and they complete', async (t) => {
  isBroken = true;
  const site = await openTestEngine(t, { jobs: [add, breakable] });
  const made = await site.jobs.enqueueGraph({
    root: [breakable],
    child: [add, { n: 1 }, { after: ['root'] }],
    grandchild: [add, { n: 1 }, { after: ['child'] }],
  });
  await assert.rejects(made.grandchild.result(), { code: 'HOLDFAST_JOB_FAILED', reason: 'unreachable' });
  const jobs = await site.restart();
  const [refused] = await jobs.revive([made.grandchild.id]);
  assert.equal(refused?.ok === false && refused.error.code, 'HOLDFAST_ILLEGAL_TRANSITION', 'its parent is still dead');
  isBroken = false;
  assert.deepEqual(await jobs.revive([made.root.id]), [{ id: made.root.id, ok: true }]);
  assert.deepEqual(await jobs.wait(made.grandchild.id), { sum: 102 });
});

test('a missing parent makes a child unreachable, unless it waits for any end', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [add] });
  const child = await jobs.enqueue(add, { n: 1 }, { after: ['never-was'] });
  await assert.rejects(child.result(), { reason: 'unreachable' });
  const patient = await jobs.enqueue(add, { n: 1 }, { after: [{ id: 'never-was', on: 'always' }] });
  assert.deepEqual(await patient.result(), { sum: 1 });
});

for (const end of ['a kill', 'a close'] as const) {
  test(`a child whose parent was run again, and cancelled, while the child ran is unreachable after ${end}`, async (t) => {
    const hangs = defineJob({ type: 'hangs', run: () => new Promise(() => undefined) });
    const site = await openMovedEngine(t, { jobs: [add, hangs], concurrency: 1, grace: 0 });
    const parent = await site.jobs.enqueue(add, { n: 1 });
    const child = await site.jobs.enqueue(hangs, undefined, { after: [parent.id] });
    await site.drive(seen(site.jobs, child.id, 'started'));
    assert.equal((await site.jobs.retry([parent.id]))[0]?.ok, true);
    assert.equal(await site.jobs.cancel(parent.id), true);
    const jobs = end === 'a kill' ? await site.kill() : await site.restart();
    await assert.rejects(site.drive(jobs.wait(child.id)), { reason: 'unreachable' });
  });
}

test('a result is kept for a child that has not ended, even if retention would drop it', async (t) => {
  const site = await openMovedEngine(t, { jobs: [add], keep: { completed: { count: 0 } } });
  const parent = await site.jobs.enqueue(add, { n: 40 });
  const made = await site.jobs.enqueueGraph({
    kept: [add, { n: 1 }],
    child: [add, { n: 2 }, { after: ['kept'], delay: '30d' }],
  });
  await site.clock.settle();
  assert.equal(await site.jobs.get(parent.id), undefined, 'nobody needs this one');
  const jobs = await site.restart();
  assert.equal((await jobs.get(made.kept.id))?.state, 'completed');
  assert.deepEqual(await site.drive(jobs.wait(made.child.id)), { sum: 3 });
  await site.clock.settle();
  assert.equal(await jobs.get(made.kept.id), undefined, 'its last child has ended');
});

test('a job that is still needed cannot be cleared', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [add] });
  const made = await jobs.enqueueGraph({
    parent: [add, { n: 1 }],
    child: [add, { n: 1 }, { after: ['parent'], delay: '1h' }],
  });
  await made.parent.result();
  const [cleared] = await jobs.clear([made.parent.id]);
  assert.equal(cleared?.ok, false);
  await jobs.cancel(made.child.id);
  assert.deepEqual(await jobs.clear([made.parent.id]), [{ id: made.parent.id, ok: true }]);
});

test('cancelling with descendants cancels them all, and none ends as unreachable', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [add] });
  const made = await jobs.enqueueGraph({
    a: [add, { n: 1 }, { delay: '1h' }],
    b: [add, { n: 1 }, { after: ['a'] }],
    c: [add, { n: 1 }, { after: ['a', 'b'] }],
    d: [add, { n: 1 }, { after: ['c'] }],
  });
  assert.equal(await jobs.cancel(made.a.id, 'not needed', { descendants: true }), true);
  for (const { id } of Object.values(made)) {
    const view = await jobs.get(id);
    assert.equal(view?.state, 'cancelled');
    assert.equal(view?.reason, 'not needed');
  }
});

const REFUSED: ReadonlyArray<readonly [what: string, enqueue: (jobs: Engine) => Promise<unknown>, message: RegExp]> = [
  [
    'a cycle, by its name',
    (jobs) =>
      jobs.enqueueGraph({
        x: [add, { n: 1 }, { after: ['z'] }],
        y: [add, { n: 1 }, { after: ['x'] }],
        z: [add, { n: 1 }, { after: ['y'] }],
      }),
    /x → y → z → x|y → z → x → y|z → x → y → z/,
  ],
  ['a job that waits for itself', (jobs) => jobs.enqueueGraph({ x: [add, { n: 1 }, { after: ['x'] }] }), /x → x/],
  ['a bad id', (jobs) => jobs.enqueue(add, { n: 1 }, { after: ['no/slash'] }), /after\[0\]/],
  [
    'a bad condition',
    (jobs) => jobs.enqueue(add, { n: 1 }, { after: [{ id: 'a', on: 'never' as 'always' }] }),
    /after\[0\]\.on/,
  ],
  ['what is no list', (jobs) => jobs.enqueue(add, { n: 1 }, { after: 'a' as unknown as string[] }), /after/],
  ['what is no graph', (jobs) => jobs.enqueueGraph([] as never), /graph/],
  ['a node that is no entry', (jobs) => jobs.enqueueGraph({ a: add } as never), /graph\.a/],
];

test('what cannot be a graph is refused with its reason, and nothing is stored', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [add] });
  for (const [what, enqueue, message] of REFUSED) {
    await assert.rejects(enqueue(jobs), { code: 'HOLDFAST_INVALID_ARGUMENT', message }, what);
  }
  assert.deepEqual((await jobs.list()).jobs, []);
});

test('a graph is stored whole or not at all', async (t) => {
  const site = await openMovedEngine(t, { jobs: [] });
  await site.jobs.enqueue(add, { n: 1 }, { id: 'taken' });
  const graph = site.jobs.enqueueGraph({ a: [add, { n: 1 }], b: [add, { n: 1 }, { id: 'taken', after: ['a'] }] });
  await assert.rejects(graph, { code: 'HOLDFAST_JOB_EXISTS' });
  assert.equal((await site.jobs.list()).jobs.length, 1);
});

test('a chain of a thousand and a fan of ten thousand end, also across a restart', async (t) => {
  const site = await openTestEngine(t, { jobs: [], keep: { completed: { count: Infinity } } });
  const nodes: Record<string, readonly [typeof add, { n: number }, { after?: string[] }]> = {};
  for (let n = 0; n < 1_000; n++) nodes[`link${n}`] = [add, { n: 1 }, n === 0 ? {} : { after: [`link${n - 1}`] }];
  const parents: string[] = [];
  for (let n = 0; n < 10_000; n++) {
    nodes[`leaf${n}`] = [add, { n: 1 }, {}];
    parents.push(`leaf${n}`);
  }
  nodes['join'] = [add, { n: 0 }, { after: parents }];
  const made = await site.jobs.enqueueGraph(nodes);
  const jobs = await site.restart({ jobs: [add], keep: { completed: { count: Infinity } } });
  assert.deepEqual(await jobs.wait(made['link999']?.id ?? ''), { sum: 1_000 });
  assert.deepEqual(await jobs.wait(made['join']?.id ?? ''), { sum: 10_000 });
});

test('ten thousand jobs wait for one, whichever of them ends last', async (t) => {
  const site = await openTestEngine(t, { jobs: [add], keep: { completed: { count: 0 } } });
  const nodes: Record<string, readonly [typeof add, { n: number }, { after?: string[]; priority?: number }]> = {};
  nodes['root'] = [add, { n: 1 }, {}];
  for (let n = 0; n < 10_000; n++) nodes[`leaf${n}`] = [add, { n: 1 }, { after: ['root'], priority: n }];
  const made = await site.jobs.enqueueGraph(nodes);
  assert.deepEqual(await made['leaf0']?.result(), { sum: 2 });
  assert.deepEqual((await site.jobs.list()).jobs, [], 'nobody needs the root any more');
});

test('an unreachable child whose unique key another job has meanwhile stays dead, with its own children, and says why', async (t) => {
  const site = await openMovedEngine(t, { jobs: [add] });
  const { jobs } = site;
  const parent = await jobs.enqueue('nobody', undefined, { id: 'parent' });
  const child = await jobs.enqueue(add, { n: 1 }, { after: ['parent'], unique: 'k' });
  const grandchild = await jobs.enqueue(add, { n: 2 }, { after: [child.id] });
  await jobs.cancel('parent');
  const other = await jobs.enqueue(add, { n: 3 }, { unique: 'k', delay: '1h' });
  assert.equal(other.isNew, true, 'a dead job holds no key');
  await jobs.revive(['parent']);
  const states = async (): Promise<unknown[]> =>
    Promise.all([parent, child, grandchild].map(async ({ id }) => (await jobs.get(id))?.state));
  assert.deepEqual(await states(), ['waiting', 'dead', 'dead']);
  assert.equal((await jobs.get(child.id))?.reason, 'unreachable');
  const [refused] = await jobs.revive([child.id]);
  assert.equal(refused?.ok === false && refused.error.code, 'HOLDFAST_DUPLICATE_JOB');
  // When the key is free again, somebody may revive it, and its own children come with it.
  await jobs.cancel(other.id);
  assert.equal((await jobs.revive([child.id]))[0]?.ok, true);
  assert.deepEqual(await states(), ['waiting', 'waiting', 'waiting']);
});
