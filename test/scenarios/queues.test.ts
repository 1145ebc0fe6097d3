// What holds for a queue: limits, turns, rates, age, bounds; set while it runs, found again, and told when somebody asks why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, type Engine, type OpenOptions, type ReasonWord } from '../../src/index.ts';
import { latch, openMovedEngine, type Latch, type MovedEngine } from '../support/engine.ts';

/** Handlers that stay until they are let go, and when they were started. */
function busy(options: { readonly type?: string; readonly concurrency?: number } = {}) {
  const stays = new Map<string, Latch>();
  const started: string[] = [];
  const running = new Set<string>();
  const job = defineJob({
    ...{ type: 'busy', retry: { attempts: 3, backoff: constant('1m') } },
    ...options,
    async run(what: string) {
      started.push(what);
      running.add(what);
      const stay = latch();
      stays.set(what, stay);
      await stay.promise;
      running.delete(what);
    },
  });
  return { job, started, running, letGo: (what: string) => stays.get(what)?.open() };
}

async function whyOf(jobs: Engine, id: string): Promise<ReasonWord[]> {
  return (await jobs.explain(id))?.reasons.map(({ why }) => why) ?? [];
}

async function finish(site: MovedEngine, work: ReturnType<typeof busy>): Promise<void> {
  for (let n = 0; n < 50; n++) {
    await site.clock.settle();
    for (const what of [...work.running]) work.letGo(what);
  }
}

test('a key runs no more jobs at once than it may, and keys take turns', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, {
    jobs: [work.job],
    concurrency: 3,
    queues: { default: { perKey: { concurrency: 1 } } },
  });
  const jobs = [];
  for (const [what, key] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['a3', 'a'],
    ['b1', 'b'],
    ['b2', 'b'],
    ['x1', undefined],
  ] as const) {
    jobs.push(await site.jobs.enqueue(work.job, what, key === undefined ? {} : { key }));
  }
  await site.clock.settle();
  assert.deepEqual(work.started, ['a1', 'b1', 'x1']);
  assert.deepEqual(await whyOf(site.jobs, jobs[1]?.id as string), ['engine-limit', 'key-limit']);
  work.letGo('x1');
  await site.clock.settle();
  assert.deepEqual(work.started.length, 3, 'both keys have all they may');
  const [reason] = (await site.jobs.explain(jobs[1]?.id as string))?.reasons ?? [];
  assert.deepEqual(reason, { why: 'key-limit', limit: 1, running: 1 });
  work.letGo('b1');
  await site.clock.settle();
  assert.deepEqual(work.started.slice(3), ['b2']);
  await finish(site, work);
  assert.deepEqual(work.started.slice(3), ['b2', 'a2', 'a3']);
});

test('the keys that run count anew after a kill, and nothing leaks', async (t) => {
  const work = busy();
  const options = { jobs: [work.job], queues: { default: { perKey: { concurrency: 2 } } } };
  const site = await openMovedEngine(t, options);
  for (let n = 0; n < 6; n++) await site.jobs.enqueue(work.job, `a${n}`, { key: 'a' });
  await site.clock.settle();
  assert.equal(work.running.size, 2);
  work.running.clear();
  work.started.length = 0;
  await site.kill();
  await site.clock.settle();
  assert.deepEqual([...work.started].sort(), ['a0', 'a1']);
  await finish(site, work);
  assert.deepEqual([...work.started].sort(), ['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
});

test('a type runs no more jobs at once than it may, in all queues together, and holds up no other', async (t) => {
  const few = busy({ type: 'few:*', concurrency: 2 });
  const other = busy({ type: 'other' });
  const site = await openMovedEngine(t, { jobs: [few.job, other.job] });
  const first = await site.jobs.enqueue('few:a', '1', { queue: 'one' });
  await site.jobs.enqueue('few:b', '2', { queue: 'two' });
  const third = await site.jobs.enqueue('few:a', '3', { queue: 'one', priority: 5 });
  await site.jobs.enqueue(other.job, '4', { queue: 'one' });
  await site.clock.settle();
  assert.deepEqual([few.started, other.started], [['1', '2'], ['4']]);
  assert.deepEqual(await whyOf(site.jobs, third.id), ['type-limit']);
  assert.deepEqual(await whyOf(site.jobs, first.id), []);
  few.letGo('2');
  await site.clock.settle();
  assert.deepEqual(few.started, ['1', '2', '3']);
  for (const work of [few, other]) await finish(site, work);
});

test('queues share the slots by their weights', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, {
    ...{ jobs: [], concurrency: 1 },
    queues: { heavy: { weight: 3 }, light: {} },
  });
  for (let n = 0; n < 8; n++) {
    await site.jobs.enqueue(work.job, `h${n}`, { queue: 'heavy' });
    await site.jobs.enqueue(work.job, `l${n}`, { queue: 'light' });
  }
  site.jobs.register(work.job);
  await finish(site, work);
  assert.equal(work.started.slice(0, 8).join(' '), 'h0 h1 h2 l0 h3 h4 h5 l1');
});

test('slots are kept free for a queue with a minimum, and only so many', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, {
    ...{ jobs: [work.job], concurrency: 4 },
    queues: { urgent: { minimum: 1 } },
  });
  const ids = [];
  for (let n = 0; n < 5; n++) ids.push((await site.jobs.enqueue(work.job, `n${n}`)).id);
  await site.clock.settle();
  assert.deepEqual(work.started, ['n0', 'n1', 'n2']);
  assert.deepEqual(await whyOf(site.jobs, ids[4] as string), ['kept-slots']);
  for (let n = 0; n < 2; n++) await site.jobs.enqueue(work.job, `u${n}`, { queue: 'urgent' });
  await site.clock.settle();
  assert.deepEqual(work.started.slice(3), ['u0']);
  await finish(site, work);
});

test('a rate holds in any window, over a restart and a kill, and nothing is saved up', async (t) => {
  const starts: number[] = [];
  const job = defineJob({ type: 'call', queue: 'api', run: () => void starts.push(site.clock.now()) });
  const options: OpenOptions = { jobs: [job], queues: { api: { rate: { limit: 3, per: '1m' } } } };
  const site: MovedEngine = await openMovedEngine(t, options);
  const jobs = await site.jobs.enqueueAll(Array.from({ length: 20 }, () => [job] as const));
  await site.clock.settle();
  assert.equal(starts.length, 3);
  const why = await site.jobs.explain(jobs[10]?.id as string);
  assert.deepEqual(why?.reasons, [{ why: 'queue-rate', at: (starts[0] as number) + 60_000, limit: 3, perMs: 60_000 }]);
  await site.clock.pass(30_000);
  await site.restart();
  await site.clock.pass(1_000);
  await site.kill();
  await site.clock.pass(1_000);
  assert.equal(starts.length, 3, 'a new process knows what the one before has started');
  await site.close();
  await site.clock.pass(3_600_000);
  await site.restart();
  await site.clock.settle();
  assert.equal(starts.length, 6, 'an hour of nothing allows no more than any minute');
  await site.clock.pass(5 * 60_000);
  assert.equal(starts.length, 20);
  for (const [n, start] of starts.entries()) assert.ok((starts[n + 3] ?? Infinity) >= start + 60_000);
});

test('a rate holds when the records of its starts have been trimmed', async (t) => {
  const starts: string[] = [];
  const job = defineJob({ type: 'call', queue: 'api', run: (what: string) => void starts.push(what) });
  const large = defineJob({ type: 'large', run: (_: string) => undefined });
  const site = await openMovedEngine(t, {
    ...{ jobs: [job, large], keep: { completed: { count: 0 } } },
    queues: { api: { rate: { limit: 2, per: '1h' }, perKey: { rate: { limit: 1, per: '2h' } } } },
  });
  for (const what of ['a1', 'a2', 'b1', 'c1']) await site.jobs.enqueue(job, what, { key: what[0] as string });
  await site.clock.settle();
  for (let n = 0; n < 24; n++) {
    await site.jobs.enqueue(large, 'x'.repeat(900_000));
    await site.clock.settle();
  }
  const { value: oldest } = await site.jobs.events({ since: 0 }).next();
  assert.ok(
    oldest !== undefined && 'type' in oldest && oldest.type === 'large',
    'the starts are not in the log any more',
  );
  await site.kill();
  await site.clock.settle();
  assert.deepEqual(starts, ['a1', 'b1']);
  await site.clock.pass(3_600_000);
  assert.deepEqual(starts, ['a1', 'b1', 'c1']);
  await site.clock.pass(3_600_000);
  assert.deepEqual(starts, ['a1', 'b1', 'c1', 'a2']);
});

test('each key has a rate of its own', async (t) => {
  const starts: string[] = [];
  const job = defineJob({ type: 'call', run: (what: string) => void starts.push(what) });
  const site = await openMovedEngine(t, {
    jobs: [job],
    queues: { default: { perKey: { rate: { limit: 1, per: '10s' } } } },
  });
  for (const what of ['a1', 'a2', 'a3', 'b1']) await site.jobs.enqueue(job, what, { key: what[0] as string, id: what });
  await site.clock.settle();
  assert.deepEqual(starts, ['a1', 'b1']);
  assert.deepEqual(await whyOf(site.jobs, 'a2'), ['key-rate']);
  await site.restart();
  await site.clock.pass(9_999);
  assert.deepEqual(starts, ['a1', 'b1']);
  await site.clock.pass(1);
  assert.deepEqual(starts, ['a1', 'b1', 'a2']);
  await site.clock.pass(10_000);
  assert.deepEqual(starts, ['a1', 'b1', 'a2', 'a3']);
});

test('with aging a low job starts within the stated bound under constant high load', async (t) => {
  const started: string[] = [];
  const job = defineJob({ type: 'work', run: (what: string) => void started.push(what) });
  const site = await openMovedEngine(t, {
    ...{ jobs: [job], concurrency: 1 },
    queues: { default: { aging: '1m', rate: { limit: 1, per: '10s' } } },
  });
  await site.jobs.enqueue(job, 'high', { priority: 5 });
  await site.clock.settle();
  await site.jobs.enqueue(job, 'low', { priority: 0 });
  for (let n = 0; n < 3; n++) await site.jobs.enqueue(job, 'high', { priority: 5 });
  let waitedMs = 0;
  // More than can be started, all of them more urgent.
  for (started.length = 0; !started.includes('low'); waitedMs += 10_000) {
    assert.ok(
      waitedMs <= 6 * 60_000 + 40_000,
      'the bound: a step for each priority and one more, and what was there before',
    );
    await site.jobs.enqueue(job, 'high', { priority: 5 });
    await site.clock.pass(10_000);
  }
  assert.ok(waitedMs >= 4 * 60_000, 'it was not first at once');
});

test('a full queue refuses, all or nothing, and takes jobs again when there is room', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, {
    ...{ jobs: [work.job], concurrency: 1 },
    queues: { default: { maxEntries: 2 } },
  });
  await site.jobs.enqueue(work.job, 'runs');
  await site.clock.settle();
  await site.jobs.enqueue(work.job, 'first');
  const refused = { code: 'HOLDFAST_QUEUE_FULL', queue: 'default', limit: 2 };
  await assert.rejects(
    site.jobs.enqueueAll([
      [work.job, 'x'],
      [work.job, 'y'],
    ]),
    refused,
  );
  await site.jobs.enqueue(work.job, 'second', { id: 'second' });
  await assert.rejects(site.jobs.enqueue(work.job, 'third'), refused);
  await site.jobs.enqueue(work.job, 'second', { id: 'second', ifExists: 'return' });
  work.letGo('runs');
  await site.clock.settle();
  await site.jobs.enqueue(work.job, 'third');
  await finish(site, work);
  assert.deepEqual(work.started, ['runs', 'first', 'second', 'third']);
});

test('a full queue that drops its oldest cancels it, and says why', async (t) => {
  const site = await openMovedEngine(t, { queues: { default: { maxEntries: 2, whenFull: 'dropOldest' } } });
  const handles = [];
  for (let n = 0; n < 4; n++) handles.push(await site.jobs.enqueue('work', n, { id: `n${n}` }));
  await site.restart();
  for (let n = 4; n < 6; n++) await site.jobs.enqueue('work', n, { id: `n${n}`, priority: -n });
  const states = (await site.jobs.list()).jobs.map(({ id, state }) => [id, state]);
  assert.deepEqual(
    states,
    [0, 1, 2, 3, 4, 5].map((n) => [`n${n}`, n < 4 ? 'cancelled' : 'waiting']),
  );
  assert.match((await site.jobs.get('n0'))?.reason ?? '', /full/);
});

test('a job that waits longer than its queue allows dies as expired', async (t) => {
  const site = await openMovedEngine(t, { queues: { default: { maxAge: '1h' } } });
  const late = await site.jobs.enqueue('work');
  const own = await site.jobs.enqueue('work', undefined, { deadline: site.clock.now() + 1_000 });
  await site.clock.pass(1_000);
  assert.equal((await site.jobs.get(own.id))?.reason, 'expired');
  await site.clock.pass(3_598_999);
  assert.equal((await site.jobs.get(late.id))?.state, 'waiting');
  await site.clock.pass(1);
  assert.equal((await site.jobs.get(late.id))?.reason, 'expired');
});

test('settings are changed while it runs, hold at once, and are found again', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [work.job], queues: { default: { concurrency: 1, weight: 2 } } });
  for (let n = 0; n < 6; n++) await site.jobs.enqueue(work.job, `n${n}`);
  await site.clock.settle();
  assert.equal(work.running.size, 1);
  const { settings } = await site.jobs.configureQueue('default', {
    concurrency: 3,
    timeout: '2h',
    maxEntries: Infinity,
  });
  assert.deepEqual([settings.concurrency, settings.weight, settings.maxEntries], [3, 2, Infinity]);
  await site.clock.settle();
  assert.equal(work.running.size, 3);
  await site.jobs.configureQueue('default', { concurrency: 2 });
  work.letGo('n0');
  await site.clock.settle();
  assert.equal(work.running.size, 2, 'what runs goes on, and nothing is started beyond the limit');
  work.running.clear();
  await site.kill();
  await site.clock.settle();
  assert.equal(work.running.size, 2);
  assert.equal((await site.jobs.list({ state: 'running' })).jobs[0]?.timeoutMs, 7_200_000);
  assert.equal((await site.jobs.configureQueue('default', { concurrency: null })).settings.concurrency, 1);
  await finish(site, work);
});

test('a queue is made or attached to, and one that must be there is refused when it is not', async (t) => {
  const site = await openMovedEngine(t, {});
  const missing = { code: 'HOLDFAST_QUEUE_NOT_FOUND', queue: 'mail' };
  await assert.rejects(site.jobs.queue('mail'), missing);
  await assert.rejects(site.jobs.configureQueue('mail', { weight: 2 }, { ifMissing: 'refuse' }), missing);
  await site.jobs.configureQueue('mail', { weight: 2 });
  await site.restart();
  assert.equal((await site.jobs.configureQueue('mail', {}, { ifMissing: 'refuse' })).settings.weight, 2);
  await site.jobs.enqueue('work', undefined, { queue: 'other' });
  assert.equal((await site.jobs.queue('other')).counts.waiting, 1);
  assert.deepEqual((await site.jobs.queues()).map(({ name }) => name).sort(), ['mail', 'other']);
});

test('settings out of their bounds are refused, and nothing is stored', async (t) => {
  const site = await openMovedEngine(t, { concurrency: 4, queues: { kept: { minimum: 2 } } });
  const wrong: ReadonlyArray<readonly [changes: object, field: string]> = [
    [{ concurrency: 0 }, 'concurrency'],
    [{ weight: 1_001 }, 'weight'],
    [{ minimum: 2 }, 'minimum'],
    [{ aging: 0 }, 'aging'],
    [{ rate: { limit: 0, per: '1s' } }, 'rate.limit'],
    [{ rate: { limit: 1, per: '32 days' } }, 'rate.per'],
    [{ rate: { limit: 100_001, per: 1 } }, 'rate.limit'],
    [{ rate: {} }, 'rate.limit'],
    [{ perKey: { concurrency: 1.5 } }, 'perKey.concurrency'],
    [{ perKey: 3 }, 'perKey'],
    [{ maxEntries: 0 }, 'maxEntries'],
    [{ whenFull: 'explode' }, 'whenFull'],
    [{ maxAge: -1 }, 'maxAge'],
    [{ retry: { backoff: () => 1 } }, 'retry.backoff'],
    [{ speed: 3 }, 'changes'],
  ];
  for (const [changes, field] of wrong) {
    await assert.rejects(site.jobs.configureQueue('mail', changes), { code: 'HOLDFAST_INVALID_ARGUMENT', field });
  }
  await assert.rejects(site.jobs.configureQueue('no spaces', {}), { field: 'name' });
  await assert.rejects(site.jobs.pause({ until: 1, for: 1 }), { field: 'until, for' });
  await assert.rejects(site.jobs.consume('some' as never), { field: 'queues' });
  await assert.rejects(site.jobs.enqueue('work', 1, { key: '' }), { field: 'key' });
  await assert.rejects(site.jobs.queue('mail'), { code: 'HOLDFAST_QUEUE_NOT_FOUND' });
});

test('a paused queue starts nothing, also after a kill, until it is resumed; what runs goes on', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [work.job] });
  await site.jobs.enqueue(work.job, 'runs');
  await site.clock.settle();
  await site.jobs.pause({ queue: 'default', by: 'ada', reason: 'the printer burns' });
  const held = await site.jobs.enqueue(work.job, 'held');
  const free = await site.jobs.enqueue(work.job, 'free', { queue: 'other' });
  await site.clock.settle();
  assert.deepEqual(work.started, ['runs', 'free']);
  const [reason] = (await site.jobs.explain(held.id))?.reasons ?? [];
  assert.deepEqual(reason, { why: 'queue-paused', by: 'ada', reason: 'the printer burns' });
  for (const what of ['runs', 'free']) work.letGo(what);
  await free.result();
  await site.kill();
  await site.clock.settle();
  assert.deepEqual((await site.jobs.queue('default')).paused?.by, 'ada');
  assert.deepEqual(work.started, ['runs', 'free']);
  assert.equal(await site.jobs.resume({ queue: 'default', by: 'grace' }), true);
  assert.equal(await site.jobs.resume({ queue: 'default' }), false);
  await finish(site, work);
  assert.deepEqual(work.started, ['runs', 'free', 'held']);
  const events = [];
  for await (const event of site.jobs.events({ since: 0 })) {
    if (event.kind === 'queue') events.push([event.what, event.name]);
    if (events.length === 2) break;
  }
  assert.deepEqual(events, [
    ['paused', 'default'],
    ['resumed', 'default'],
  ]);
});

test('the whole engine is paused until a moment, and goes on by itself', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [work.job] });
  await site.jobs.pause({ for: '1h', reason: 'quiet hours' });
  const { id } = await site.jobs.enqueue(work.job, 'a');
  const until = site.clock.now() + 3_600_000;
  assert.deepEqual((await site.jobs.explain(id))?.reasons, [
    { why: 'engine-paused', at: until, reason: 'quiet hours' },
  ]);
  await site.restart();
  await site.clock.pass(3_599_999);
  assert.deepEqual(work.started, []);
  await site.clock.pass(1);
  assert.deepEqual(work.started, ['a']);
  await finish(site, work);
});

test('an engine works only on the queues it is told to, and none of the others is lost', async (t) => {
  const work = busy();
  const site = await openMovedEngine(t, { jobs: [work.job], consume: [] });
  const { id } = await site.jobs.enqueue(work.job, 'a', { queue: 'one' });
  await site.jobs.enqueue(work.job, 'b', { queue: 'two' });
  await site.clock.settle();
  assert.deepEqual(work.started, []);
  assert.deepEqual(await whyOf(site.jobs, id), ['not-consumed']);
  await site.jobs.consume(['two']);
  await site.clock.settle();
  assert.deepEqual(work.started, ['b']);
  await site.jobs.consume('all');
  await site.clock.settle();
  assert.deepEqual(work.started, ['b', 'a']);
  await finish(site, work);
});

test('every face of waiting has its words', async (t) => {
  const work = busy();
  const fails = defineJob({
    type: 'fails',
    retry: { backoff: constant('1h') },
    run: () => Promise.reject(new Error('no')),
  });
  const site = await openMovedEngine(t, { jobs: [work.job, fails], queues: { small: { concurrency: 1 } } });
  const { jobs } = site;
  const later = await jobs.enqueue(work.job, 'later', { delay: '1m' });
  const failed = await jobs.enqueue(fails);
  const nobody = await jobs.enqueue('nobody');
  const child = await jobs.enqueue(work.job, 'child', { after: [later.id] });
  await jobs.enqueue(work.job, 'small', { queue: 'small' });
  const second = await jobs.enqueue(work.job, 'second', { queue: 'small', delay: 1 });
  await site.clock.pass(10);
  const now = site.clock.now();
  assert.deepEqual((await jobs.explain(later.id))?.reasons, [{ why: 'scheduled', at: now + 59_990 }]);
  assert.deepEqual(await whyOf(jobs, failed.id), ['retrying']);
  assert.deepEqual(await whyOf(jobs, nobody.id), ['no-handler']);
  assert.deepEqual((await jobs.explain(child.id))?.reasons, [{ why: 'blocked', waitsFor: [later.id] }]);
  assert.deepEqual((await jobs.explain(second.id))?.reasons, [{ why: 'queue-limit', limit: 1, running: 1 }]);
  assert.equal(await jobs.explain('unheard-of'), undefined);
  await finish(site, work);
  assert.deepEqual(await jobs.explain(second.id), { id: second.id, state: 'completed', reasons: [] });
});

test('a job is held while anything but a slot of the engine is missing to it, and ready when it waits for one', async (t) => {
  const work = busy();
  const limited = defineJob({ type: 'limited', concurrency: 1, run: () => 'done' });
  const site = await openMovedEngine(t, {
    ...{ jobs: [work.job, limited], concurrency: 2 },
    queues: {
      small: { concurrency: 1 },
      rated: { rate: { limit: 1, per: '1h' } },
      keyed: { perKey: { concurrency: 1 } },
    },
  });
  const { jobs } = site;
  const faceOf = async (id: string): Promise<string | undefined> => {
    const { face } = (await jobs.get(id)) ?? {};
    const listed = await Promise.all(['ready', 'held'].map((face) => jobs.list({ face: face as 'ready' | 'held' })));
    const [ready, held] = listed.map((page) => page.jobs.some((job) => job.id === id));
    assert.deepEqual([ready, held], [face === 'ready', face === 'held'], 'list and get agree');
    return face;
  };
  const enqueue = async (what: string, options: object): Promise<string> => {
    const { id } = await jobs.enqueue(work.job, what, options);
    await site.clock.settle();
    return id;
  };
  await enqueue('first', { queue: 'small' });
  const second = await enqueue('second', { queue: 'small' });
  assert.equal(await faceOf(second), 'held', 'its queue runs what it may');
  await jobs.configureQueue('small', { concurrency: 5 });
  await site.clock.settle();
  assert.equal((await jobs.get(second))?.state, 'running');
  const third = await enqueue('third', { queue: 'small' });
  assert.equal(await faceOf(third), 'ready', 'the engine runs what it may');
  await jobs.pause({ queue: 'small' });
  assert.equal(await faceOf(third), 'held');
  await jobs.resume({ queue: 'small' });
  await jobs.pause();
  assert.equal(await faceOf(third), 'held');
  await jobs.resume();
  await jobs.consume(['default']);
  assert.equal(await faceOf(third), 'held', 'this engine does not work on its queue');
  await jobs.consume('all');
  assert.equal(await faceOf(third), 'ready');
  await finish(site, work);
  await enqueue('one', { queue: 'rated' });
  assert.equal(await faceOf(await enqueue('two', { queue: 'rated' })), 'held', 'its queue has started what it may');
  await enqueue('a', { queue: 'keyed', key: 'k' });
  assert.equal(await faceOf(await enqueue('b', { queue: 'keyed', key: 'k' })), 'held', 'its key runs what it may');
  work.letGo('one');
  work.letGo('a');
});

test('an engine that knows its queues refuses jobs for others, by every way in, and stores nothing', async (t) => {
  const work = busy();
  const parent = defineJob({
    ...{ type: 'parent', queue: 'known', retry: { attempts: 1 } },
    run: (_: undefined, { enqueue }) => enqueue(work.job, 'child', { queue: 'misspelt', atEnd: true }),
  });
  const options = { jobs: [work.job, parent], unknownQueues: 'refuse', queues: { known: {} } } as const;
  const site = await openMovedEngine(t, options);
  const refusal = { code: 'HOLDFAST_QUEUE_NOT_FOUND', queue: 'misspelt' };
  const misspelt = { queue: 'misspelt' };
  await assert.rejects(site.jobs.enqueue(work.job, 'a', misspelt), refusal);
  await assert.rejects(
    site.jobs.enqueueAll([
      [work.job, 'b'],
      [work.job, 'c', misspelt],
    ]),
    refusal,
  );
  await assert.rejects(site.jobs.schedule('s', { every: '1h' }, work.job, 'd', misspelt), refusal);
  const { id } = await site.jobs.enqueue(parent);
  await assert.rejects(site.jobs.wait(id), /There is no queue misspelt/);
  assert.deepEqual((await site.jobs.list({ type: work.job })).jobs, []);
  assert.equal(await site.jobs.schedules.get('s'), undefined);
  await site.jobs.configureQueue('made', {});
  for (const queue of ['default', 'known', 'made']) await site.jobs.enqueue(work.job, queue, { queue });
  const again = await site.kill(options);
  await again.enqueue(work.job, 'after a restart', { queue: 'made' });
  await assert.rejects(again.enqueue(work.job, 'a', misspelt), refusal);
  await finish(site, work);
});
