// Handlers that harm their thread: the attempt fails with an error that says what happened, and nothing else does.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { Threads } from '../../src/actors/threads.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { handler, order, resultOf, start, threadsFor } from '../support/threads.ts';

interface Seen {
  readonly thread: number;
}

/** Both threads are warm, so that a slow start is no part of a test. */
async function warm(max: number): Promise<Threads> {
  const threads = threadsFor({ max });
  await Promise.all(Array.from({ length: max }, () => start(threads, order(handler('leaves.js'), 'nothing')).released));
  return threads;
}

const BREAKS: readonly (readonly [way: string, code: string | undefined, message: RegExp])[] = [
  ['exits with 0', 'HOLDFAST_THREAD_LOST', /process\.exit\(0\) was called in it/],
  ['exits with 3', 'HOLDFAST_THREAD_LOST', /process\.exit\(3\) was called in it/],
  ['throws where nobody catches', undefined, /^uncaught$/],
  ['rejects where nobody awaits', undefined, /^unhandled$/],
];

for (const [way, code, message] of BREAKS) {
  test(`a handler that ${way} fails, and its slot gets a new thread`, async () => {
    const threads = await warm(1);
    const before = (await resultOf(threads, order(handler('leaves.js'), 'nothing'))) as Seen;
    const watched = start(threads, order(handler('breaks.js'), way));
    const outcome = await watched.outcome;
    assert.ok(!outcome.ok);
    assert.equal(outcome.error.code, code);
    assert.match(outcome.error.message, message);
    await watched.released;
    assert.equal(threads.free, 1);
    const after = (await resultOf(threads, order(handler('leaves.js'), 'nothing'))) as Seen;
    assert.notEqual(after.thread, before.thread);
  });
}

test('what was asked for just before an exit is heard before the attempt is given up', async () => {
  const threads = await warm(1);
  const watched = start(threads, order(handler('breaks.js'), 'saves and exits'));
  const outcome = await watched.outcome;
  assert.equal(outcome.ok, false);
  await watched.released;
  assert.deepEqual(
    watched.told.map((it) => (it.kind === 'request' ? it.request : it.kind)),
    ['loaded', 'progress', { kind: 'save', checkpoint: '"the last word"' }, 'ended', 'released'],
  );
});

test('so it is when the main thread was busy while the thread died', async () => {
  const threads = await warm(1);
  const watched = start(threads, order(handler('breaks.js'), 'saves and exits'));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  await watched.released;
  assert.deepEqual(
    watched.told.map(({ kind }) => kind),
    ['loaded', 'progress', 'request', 'ended', 'released'],
  );
});

test('running out of memory, in the way that V8 contains, is the end of the attempt only', async () => {
  const threads = threadsFor({ max: 1, resourceLimits: { maxOldGenerationSizeMb: 32 } });
  const watched = start(threads, order(handler('breaks.js'), 'fills the memory'));
  const outcome = await watched.outcome;
  assert.deepEqual(outcome.ok ? outcome : { code: outcome.error.code, cause: outcome.error.cause?.code }, {
    code: 'HOLDFAST_THREAD_LOST',
    cause: 'ERR_WORKER_OUT_OF_MEMORY',
  });
  assert.match(outcome.ok ? '' : outcome.error.message, /it ran out of memory/);
  await watched.released;
  assert.equal(await resultOf(threads, order(handler('echo.js'), 'next')), 'next');
});

const DIRTY: readonly (readonly [way: string, left: RegExp])[] = [
  ['a timer that throws', /Timeout|nobody caught/],
  ['an interval', /^an open Timeout$/],
  ['a server', /^an open TCPServerWrap$/],
  ['a patched then', /^a changed Promise\.prototype\.then$/],
  ['a patched JSON', /^a changed JSON\.parse$/],
  ['a key on every object', /^a new key on all objects or arrays$/],
  ['a listener for errors', /^another listener for uncaught errors$/],
];

for (const [way, left] of DIRTY) {
  test(`an attempt that leaves ${way} behind completes, and the next one gets a clean thread`, async () => {
    const threads = await warm(1);
    const leaves = start(threads, order(handler('leaves.js'), way));
    const outcome = await leaves.outcome;
    assert.equal(outcome.ok, true);
    assert.match((await leaves.released) ?? 'nothing', left);
    const next = start(threads, order(handler('leaves.js'), 'nothing'));
    const after = await next.outcome;
    assert.ok(outcome.ok && after.ok);
    assert.notEqual(after.result, outcome.result);
    assert.equal(await next.released, undefined);
  });
}

const CLEAN = ['nothing', 'a file that is only just closed', 'a save nobody awaited', 'a loop of saves'];

for (const way of CLEAN) {
  test(`a thread on which an attempt left ${way} is kept`, async () => {
    const threads = await warm(1);
    const before = (await resultOf(threads, order(handler('leaves.js'), 'nothing'))) as Seen;
    const watched = start(threads, order(handler('leaves.js'), way));
    await watched.outcome;
    assert.equal(await watched.released, undefined);
    assert.deepEqual(await resultOf(threads, order(handler('leaves.js'), 'nothing')), before);
  });
}

test('a timer of one attempt that throws while another one runs is not held against that one', async () => {
  const threads = await warm(1);
  const leaves = start(threads, order(handler('leaves.js'), 'a timer that throws and holds nothing'));
  assert.equal((await leaves.outcome).ok, true);
  assert.equal(await leaves.released, undefined, 'nothing could be seen of it');

  const next = start(threads, order(handler('waits.js'), 150));
  assert.deepEqual(await next.outcome, { ok: true, result: '"waited"' });
  assert.equal(await next.released, 'an error that nobody caught', 'but the thread is not used again');
});

test('a rejection that shows only after the end is held against nobody, and the thread is replaced', async () => {
  const threads = await warm(1);
  const before = (await resultOf(threads, order(handler('leaves.js'), 'nothing'))) as Seen;
  const rejects = start(threads, order(handler('leaves.js'), 'a rejection that nobody awaits'));
  await rejects.next('released');
  // At once, so that it is on its way while the thread finds out.
  const next = start(threads, order(handler('leaves.js'), 'nothing'));
  assert.equal((await rejects.outcome).ok, true);
  const second = await next.outcome;
  assert.ok(second.ok, JSON.stringify(second));
  assert.notEqual((JSON.parse(second.result ?? '') as Seen).thread, before.thread);
});

test('an order that crosses with the news that its thread is dirty is carried out on a new one', async () => {
  const threads = await warm(1);
  const before = (await resultOf(threads, order(handler('leaves.js'), 'nothing'))) as Seen;
  await start(threads, order(handler('rejects-late.js'), false)).released;
  const rejects = start(threads, order(handler('rejects-late.js'), true));
  const [, next] = await Promise.all([
    rejects.outcome,
    rejects.released.then(() => start(threads, order(handler('leaves.js'), 'nothing'))),
  ]);
  assert.equal((await rejects.outcome).ok, true);
  const second = await next.outcome;
  assert.ok(second.ok, JSON.stringify(second));
  assert.notEqual((JSON.parse(second.result ?? '') as Seen).thread, before.thread);
  assert.equal(next.told.filter(({ kind }) => kind === 'loaded').length, 1);
});

test('an order that has to move is still asked to stop', async () => {
  const threads = await warm(1);
  await start(threads, order(handler('rejects-late.js'), false)).released;
  const rejects = start(threads, order(handler('rejects-late.js'), true));
  await rejects.released;
  const next = start(threads, order(handler('stops.js'), 'ignores'));
  next.run.abort({ kind: 'cancelled' });
  const outcome = await next.outcome;
  assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_JOB_CANCELLED');
  await next.released;
  assert.equal(
    next.told.some(({ kind }) => kind === 'progress'),
    false,
  );
});

test('an idle thread that shows an error late is replaced without waiting for the next order', async () => {
  const clock = systemClock({ keepAlive: true });
  const threads = threadsFor({ max: 1, clock });
  const started = once(process, 'worker') as Promise<[Worker]>;
  await start(threads, order(handler('leaves.js'), 'a timer that throws and holds nothing')).released;
  const [worker] = await started;
  let free: number | undefined;
  threads.onFree = () => (free = threads.free);
  await once(worker, 'exit');
  clock.stop();
  assert.equal(free, 1);
});

test('an order to a thread that is about to die of an earlier attempt is carried out on a new one', async () => {
  const threads = await warm(1);
  const leaves = start(threads, order(handler('leaves.js'), 'an exit that comes as soon as it is over'));
  await leaves.released;
  const next = start(threads, order(handler('leaves.js'), 'nothing'));
  const outcomes = [await leaves.outcome, await next.outcome];
  assert.ok(
    outcomes.every(({ ok }) => ok),
    JSON.stringify(outcomes),
  );
  assert.notDeepEqual(outcomes[0], outcomes[1]);
});

test('what a module keeps for itself from its load on does not make the thread dirty', async () => {
  const threads = await warm(1);
  const first = start(threads, order(handler('background.js')));
  const outcome = await first.outcome;
  assert.equal(await first.released, undefined);
  const second = start(threads, order(handler('background.js')));
  assert.deepEqual(await second.outcome, outcome);
  assert.equal(await second.released, undefined);
});

test('a thread without our listeners for errors is replaced', async () => {
  const threads = await warm(1);
  const watched = start(threads, order(handler('leaves.js'), 'no listener for errors'));
  assert.equal((await watched.outcome).ok, true);
  assert.equal(await watched.released, 'another listener for uncaught errors');
  assert.equal(await resultOf(threads, order(handler('echo.js'), 'next')), 'next');
});
