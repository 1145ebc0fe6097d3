// Events: everything that happens to jobs, in order, once, without gaps, over restarts too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, defineJob, SnoozeError, type Engine, type EventView } from '../../src/index.ts';
import { latch, openMovedEngine, openTestEngine, storyOf } from '../support/engine.ts';

/** Reads `count` events. */
async function take(jobs: Engine, count: number, since?: number): Promise<EventView[]> {
  const events: EventView[] = [];
  for await (const event of jobs.events(since === undefined ? {} : { since })) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

test('every change of a job is an event with what belongs to it', async (t) => {
  let starts = 0;
  const job = defineJob({
    type: 'eventful',
    retry: { attempts: 2, backoff: constant('1m') },
    async run(_: undefined, ctx) {
      if (++starts === 1) throw new Error('no');
      if (starts === 2) throw new SnoozeError('2m');
      ctx.progress(0.5);
      await ctx.save(1);
      return { fine: true };
    },
  });
  const site = await openMovedEngine(t, { jobs: [job], keep: { completed: { age: '1h' } } });
  const t0 = site.clock.now();
  const { id } = await site.jobs.enqueue(job, undefined, { priority: 1 });
  await site.clock.pass(2 * 3_600_000);
  const events = await take(site.jobs, 10, 0);
  const base = { id, type: 'eventful', queue: 'default' };
  const story = events.map(({ seq, error, ...event }) => {
    assert.ok(Number.isSafeInteger(seq));
    return error === undefined ? event : { ...event, error: error.message };
  });
  assert.deepEqual(story, [
    { kind: 'enqueued', at: t0, ...base, dueAt: t0, priority: 1 },
    { kind: 'started', at: t0, ...base, start: 1 },
    { kind: 'failed', at: t0, ...base, dueAt: t0 + 60_000, error: 'no' },
    { kind: 'started', at: t0 + 60_000, ...base, start: 2 },
    { kind: 'snoozed', at: t0 + 60_000, ...base, dueAt: t0 + 180_000 },
    { kind: 'started', at: t0 + 180_000, ...base, start: 3 },
    { kind: 'checkpointed', at: t0 + 180_000, ...base },
    { kind: 'progressed', at: t0 + 180_000, ...base },
    { kind: 'completed', at: t0 + 180_000, ...base, result: { fine: true } },
    { kind: 'removed', at: t0 + 180_000 + 3_600_000, ...base },
  ]);
  const seqs = events.map(({ seq }) => seq);
  assert.deepEqual(
    seqs.toSorted((a, b) => a - b),
    seqs,
  );
  assert.equal(new Set(seqs).size, seqs.length);
});

test('cancels, deaths and interruptions are events that say why', async (t) => {
  const begun = latch();
  const polite = defineJob({
    type: 'polite',
    run: (_: undefined, { signal }) =>
      new Promise((_resolve, reject) => {
        begun.open();
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  });
  const dies = defineJob({
    type: 'dies',
    retry: { attempts: 1 },
    run: () => Promise.reject(new RangeError('too far')),
  });
  const site = await openMovedEngine(t, { jobs: [polite, dies] });
  await site.jobs.enqueue('nobody', 1, { id: 'waiting' });
  await site.jobs.cancel('waiting', 'album closed');
  await site.jobs.enqueue(polite, undefined, { id: 'running' });
  await begun.promise;
  await site.restart();
  await site.jobs.cancel('running', 'enough');
  await assert.rejects(site.jobs.wait('running'));
  await site.jobs.enqueue(dies, undefined, { id: 'dead' });
  await assert.rejects(site.jobs.wait('dead'));
  const told = (await take(site.jobs, 11, 0)).map(({ id, kind, reason, error }) =>
    [id, kind, reason, error?.message].filter((word) => word !== undefined).join(' '),
  );
  assert.deepEqual(told, [
    'waiting enqueued',
    'waiting cancelled album closed',
    'running enqueued',
    'running started',
    'running interrupted closing',
    'running started',
    'running cancelling enough',
    'running cancelled',
    'dead enqueued',
    'dead started',
    'dead died exhausted too far',
  ]);
});

const quick = defineJob({ type: 'quick', run: () => 1 });

test('who asks for events hears of what happens from that call on, though he begins to listen later', async (t) => {
  const site = await openMovedEngine(t);
  await site.jobs.enqueue('before');
  const events = site.jobs.events();
  await site.jobs.enqueue('after');
  const { value } = await events.next();
  assert.equal((value as EventView).type, 'after');
  await events.return?.();
});

test('a listener that goes on from its last seq gets every event once, over restarts, kills and pauses', async (t) => {
  const site = await openMovedEngine(t, { jobs: [quick] });
  const heard: EventView[] = [];
  let since = 0;
  const listen = async (count: number): Promise<void> => {
    const events = await take(site.jobs, count, since);
    heard.push(...events);
    since = heard.at(-1)?.seq ?? 0;
  };
  const ids: string[] = [];
  for (let n = 0; n < 40; n++) {
    const job = await site.jobs.enqueue(quick);
    ids.push(job.id);
    await job.result();
    // Three events a job; the listener stops in the middle of things.
    if (n % 4 === 1) await listen(5);
    if (n % 10 === 3) await site.restart();
    if (n % 10 === 7) await site.kill();
  }
  await listen(120 - heard.length);
  assert.equal(heard.length, 120);
  assert.deepEqual(
    heard.map(({ id, kind }) => `${id} ${kind}`),
    ids.flatMap((id) => [`${id} enqueued`, `${id} started`, `${id} completed`]),
  );
});

test('many listeners at different places hear the same, and one that leaves disturbs nobody', async (t) => {
  const site = await openMovedEngine(t, { jobs: [quick] });
  const past = take(site.jobs, 30, 0);
  const leaves = take(site.jobs, 3, 0);
  const now = take(site.jobs, 30);
  for (let n = 0; n < 10; n++) await (await site.jobs.enqueue(quick)).result();
  assert.deepEqual(await past, await now);
  assert.equal((await leaves).length, 3);
});

test('a listener ends when its signal aborts, while it waits, before it begins, and at once', async (t) => {
  const site = await openMovedEngine(t);
  const during = new AbortController();
  const events = site.jobs.events({ since: 0, signal: during.signal });
  const waiting = events.next();
  during.abort();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.deepEqual(await events.next(), { done: true, value: undefined });
  await site.jobs.enqueue('any');
  assert.deepEqual(await site.jobs.events({ since: 0, signal: AbortSignal.abort() }).next(), {
    done: true,
    value: undefined,
  });
});

test('the listener of a closing engine hears everything to the end, and then its loop ends', async (t) => {
  const begun = latch();
  const job = defineJob({
    type: 'runs',
    run: (_: undefined, { signal }) =>
      new Promise((_resolve, reject) => {
        begun.open();
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  });
  for (const isSlow of [false, true]) {
    const site = await openMovedEngine(t, { jobs: [job, quick] });
    const kinds: string[] = [];
    const caughtUp = latch();
    const listening = (async () => {
      for await (const { kind } of site.jobs.events({ since: 0 })) {
        kinds.push(kind);
        if (isSlow) await caughtUp.promise;
      }
    })();
    const { id } = await site.jobs.enqueue(job);
    await begun.promise;
    await site.drive(site.jobs.close({ drain: 0 }));
    caughtUp.open();
    await listening;
    assert.deepEqual(kinds, ['enqueued', 'started', 'interrupted'], isSlow ? 'slow' : 'quick');
    assert.ok(id);
  }
});

test('events that were trimmed are refused by name, and from 0 on whatever is left is given', async (t) => {
  const large = defineJob({ type: 'large', run: () => 'x'.repeat(900_000) });
  const site = await openMovedEngine(t, { jobs: [large], keep: { completed: { count: 0 } } });
  const first = await site.jobs.enqueue(large);
  const [enqueued] = await take(site.jobs, 1, 0);
  for (let n = 0; n < 30; n++) await (await site.jobs.enqueue(large)).result().catch(() => undefined);
  await site.clock.settle();
  await assert.rejects(take(site.jobs, 1, enqueued?.seq), (error: Error & { code?: string; oldest?: number }) => {
    assert.equal(error.code, 'HOLDFAST_EVENTS_TRIMMED');
    assert.ok((error.oldest as number) > (enqueued?.seq as number));
    return true;
  });
  const [oldest] = await take(site.jobs, 1, 0);
  assert.notEqual(oldest?.id, first.id);
});

test('events of a burst on disk come in the order of the log and none is missing', async (t) => {
  const site = await openTestEngine(t, { jobs: [quick], cacheBytes: 0 });
  const listening = take(site.jobs, 3_000);
  const handles = await site.jobs.enqueueAll(Array.from({ length: 1_000 }, () => [quick] as const));
  await Promise.all(handles.map((handle) => handle.result()));
  const events = await listening;
  for (const kind of ['enqueued', 'started', 'completed']) {
    assert.equal(new Set(events.filter((event) => event.kind === kind).map(({ id }) => id)).size, 1_000, kind);
  }
  for (let n = 1; n < events.length; n++) assert.ok((events[n]?.seq as number) > (events[n - 1]?.seq as number));
});

test('a story told twice is the same story', async (t) => {
  const site = await openMovedEngine(t, { jobs: [quick] });
  const job = await site.jobs.enqueue(quick);
  await job.result();
  const story = await storyOf(site.jobs, job.id);
  assert.deepEqual(story, ['enqueued', 'started', 'completed']);
  await site.kill();
  assert.deepEqual(await storyOf(site.jobs, job.id), story);
});

test('batches hold the same events, whoever asks for several at once gets them in order, and who leaves gets no more', async (t) => {
  const job = defineJob({ type: 'quick', run: () => 1 });
  const site = await openMovedEngine(t, { jobs: [job] });
  const handles = await site.jobs.enqueueAll([[job], [job], [job]]);
  await Promise.all(handles.map((handle) => handle.result()));
  const all = await take(site.jobs, 9, 0);
  const together: EventView[] = [];
  for await (const batch of site.jobs.eventBatches({ since: 0 })) {
    assert.ok(batch.length > 0);
    together.push(...batch);
    if (together.length >= 9) break;
  }
  assert.deepEqual(together, all);
  const events = site.jobs.events({ since: 0 });
  const steps = await Promise.all(Array.from({ length: 9 }, () => events.next()));
  assert.deepEqual(
    steps.map(({ value }) => value as EventView),
    all,
  );
  const waiting = events.next();
  const left = events.return?.();
  await site.jobs.enqueue('wakes');
  assert.equal((await waiting).value?.kind, 'enqueued', 'who had asked before is answered');
  assert.deepEqual([await left, await events.next()], Array(2).fill({ done: true, value: undefined }));
  const stop = new AbortController();
  const stopped = site.jobs.events({ since: 0, signal: stop.signal });
  assert.equal((await stopped.next()).done, false);
  stop.abort();
  assert.equal((await stopped.next()).done, true, 'also in the middle of a batch');
});
