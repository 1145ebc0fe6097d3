// Stopping an attempt: politely, in all the ways a handler can listen, and by force where it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AbortReason } from '../../src/protocol.ts';
import { handler, order, resultOf, start, threadsFor } from '../support/threads.ts';

const CANCELLED: AbortReason = { kind: 'cancelled', message: 'album closed' };
const threads = threadsFor();

async function stopped(way: string, reason: AbortReason = CANCELLED): Promise<unknown> {
  const watched = start(threads, order(handler('stops.js'), way));
  await watched.next('progress');
  watched.run.abort(reason);
  const outcome = await watched.outcome;
  assert.equal(await watched.released, undefined);
  return outcome.ok
    ? JSON.parse(outcome.result ?? 'null')
    : { code: outcome.error.code, message: outcome.error.message };
}

test('a handler that waits hears the event of its signal', async () => {
  assert.deepEqual(await stopped('waits'), {
    code: 'HOLDFAST_JOB_CANCELLED',
    message: 'The job 01ARZ3NDEKTSV4RRFFQ69G5FAV was cancelled: album closed',
  });
});

test('a loop that never awaits sees the signal', async () => {
  assert.deepEqual(await stopped('loops'), {
    name: 'JobCancelledError',
    message: 'The job 01ARZ3NDEKTSV4RRFFQ69G5FAV was cancelled: album closed',
  });
});

test('throwIfAborted works in a loop that never awaits', async () => {
  assert.deepEqual(await stopped('loops and throws', { kind: 'timeout', timeoutMs: 1_500 }), {
    code: 'HOLDFAST_ATTEMPT_TIMEOUT',
    message: 'The attempt took longer than its timeout of 1500 ms.',
  });
});

test('where the loop sees it first, the event has come and signals made of this one are aborted', async () => {
  assert.deepEqual(await stopped('loops and hears the event'), { heard: 1, aborted: true });
});

test('a signal that is asked for only after the abort is aborted', async () => {
  assert.equal(await stopped('loops on a signal asked for late'), 'seen');
});

test('closing interrupts', async () => {
  const seen = await stopped('reads it only after the event loop did', { kind: 'interrupted' });
  assert.equal(seen, 'HOLDFAST_INTERRUPTED');
});

test('a loop that never awaits sees the signal', async () => {
  await resultOf(threads, order(handler('echo.js')));
  const watched = start(threads, order(handler('stops.js'), 'loops'));
  await watched.next('progress');
  const at = performance.now();
  watched.run.abort(CANCELLED);
  await watched.outcome;
  const tookMs = performance.now() - at;
  // On an idle machine it is below 1.
  assert.ok(tookMs < 5_000, `it took ${tookMs} ms`);
});

test('the first reason stands, and an abort after the end does nothing', async () => {
  const watched = start(threads, order(handler('stops.js'), 'waits'));
  await watched.next('progress');
  watched.run.abort({ kind: 'timeout', timeoutMs: 5 });
  watched.run.abort(CANCELLED);
  const outcome = await watched.outcome;
  watched.run.abort(CANCELLED);
  assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_ATTEMPT_TIMEOUT');
  await watched.released;
  watched.run.abort(CANCELLED);
  assert.equal(await resultOf(threads, order(handler('echo.js'), 'untouched')), 'untouched');
});

test('an attempt that is asked to stop before its handler was called never calls it', async () => {
  const fresh = threadsFor({ max: 1 });
  const watched = start(fresh, order(handler('stops.js'), 'ignores'));
  watched.run.abort(CANCELLED);
  const outcome = await watched.outcome;
  assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_JOB_CANCELLED');
  assert.equal(
    watched.told.some(({ kind }) => kind === 'progress'),
    false,
  );
});

for (const way of ['ignores', 'ignores in a loop', 'matches for ever', 'blocks']) {
  test(`a handler that ${way} is ended, its slot is free when the thread is gone, and the next one runs`, async () => {
    const one = threadsFor({ max: 1 });
    const watched = start(one, order(handler('stops.js'), way));
    await watched.next('progress');
    watched.run.abort(CANCELLED);
    watched.run.kill();
    watched.run.kill();
    assert.equal(one.free, 0);
    const outcome = await watched.outcome;
    assert.deepEqual(outcome.ok ? outcome : { code: outcome.error.code, message: outcome.error.message }, {
      code: 'HOLDFAST_THREAD_LOST',
      message: 'The thread ended before the handler did: it was killed.',
    });
    assert.equal(await watched.released, undefined);
    assert.deepEqual(watched.told.slice(-2), [
      { kind: 'ended', outcome },
      { kind: 'released', left: undefined, threadsFree: 1 },
    ]);
    assert.equal(await resultOf(one, order(handler('echo.js'), way)), way);
  });
}

test('a kill that comes when the handler is through changes nothing', async () => {
  const one = threadsFor({ max: 1 });
  const watched = start(one, order(handler('echo.js'), 'through'));
  const outcome = await watched.outcome;
  watched.run.kill();
  assert.deepEqual(outcome, { ok: true, result: '"through"' });
  await watched.released;
  watched.run.kill();
  assert.equal(await resultOf(one, order(handler('echo.js'), 'next')), 'next');
  assert.equal(watched.told.filter(({ kind }) => kind === 'ended' || kind === 'released').length, 2);
});

test('an attempt killed while its thread is still starting fails, and the slot comes back', async () => {
  const one = threadsFor({ max: 1 });
  const watched = start(one, order(handler('echo.js')));
  assert.equal(watched.run.loading, true);
  watched.run.kill();
  const outcome = await watched.outcome;
  assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_HANDLER_LOAD');
  await watched.released;
  assert.equal(one.free, 1);
});
