// The same handler, inline and on a thread, through the same context: it must not be able to tell the difference.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptControl, createContext, encodeResult, type Handler, type Link } from '../../src/context.ts';
import { flattenError } from '../../src/errors.ts';
import type { Outcome, RunOrder } from '../../src/protocol.ts';
import { handler, LIMITS, order, start, type Told, threadsFor } from '../support/threads.ts';

const threads = threadsFor();

/** Runs a handler as the runner does inline, and records what came over the link. */
async function inline(what: RunOrder): Promise<{ readonly told: readonly unknown[]; readonly outcome: Outcome }> {
  const told: unknown[] = [];
  const link: Link = {
    save: async (checkpoint) => void told.push({ kind: 'save', checkpoint }),
    extend: async (ms) => void told.push({ kind: 'extend', ms }),
    progress: (text) => void told.push({ kind: 'progress', text }),
    log: (level, message, fields) => void told.push({ kind: 'log', level, message, fields }),
    async enqueue(type, payload, options, atEnd) {
      told.push({ kind: 'enqueue', type, payload, options, atEnd });
      return 'the-new-job';
    },
  };
  const control = new AttemptControl(what.job.id);
  const { default: handle } = (await import(what.module)) as { readonly default: Handler };
  try {
    const payload: unknown = what.payload === undefined ? undefined : JSON.parse(what.payload);
    const result = await handle(payload, createContext(what, link, control));
    return { told, outcome: { ok: true, result: encodeResult(result, what.limits) } };
  } catch (error) {
    return { told, outcome: { ok: false, error: flattenError(error) } };
  } finally {
    control.end();
  }
}

function plain(told: readonly Told[]): unknown[] {
  return told
    .filter(({ kind }) => ['progress', 'log', 'request'].includes(kind))
    .map((it) => (it.kind === 'request' ? it.request : it));
}

/** A stack names the place of the call, which is the one thing that differs. */
function withoutStacks(told: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(told).replaceAll(/\\"stack\\":\\".*?[^\\]\\"/g, ''));
}

test('a handler sees and does the same inline and on a thread', async () => {
  const limits = { ...LIMITS, checkpointBytes: 1_000 };
  const what = order(handler('contract.js'), { n: 4 }, { checkpoint: '{"done":3}', limits });
  const here = await inline(what);
  const there = start(threads, what);
  const outcome = await there.outcome;

  assert.deepEqual(outcome, here.outcome);
  assert.deepEqual(withoutStacks(plain(there.told)), withoutStacks(here.told));
});

test('what that handler saw is what it was given', async () => {
  const limits = { ...LIMITS, checkpointBytes: 1_000 };
  const what = order(handler('contract.js'), { n: 4 }, { checkpoint: '{"done":3}', limits });
  const there = start(threads, what);
  const outcome = await there.outcome;
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const { refusals, ...seen } = JSON.parse(outcome.result ?? '') as { refusals: readonly string[] };

  assert.deepEqual(seen, {
    payload: { n: 4 },
    job: what.job,
    frozen: true,
    checkpoint: { done: 3 },
    results: {},
    aborted: false,
    isSignal: true,
    sameSignal: true,
    saved: { done: 4 },
    now: 'the-new-job',
    atEnd: 'the-new-job',
    stillSaved: 'taken apart',
  });
  assert.deepEqual(
    refusals.map((refusal) => refusal.split(':')[0]),
    [
      'HOLDFAST_INVALID_RESULT',
      'HOLDFAST_INVALID_RESULT',
      'HOLDFAST_INVALID_RESULT',
      'HOLDFAST_INVALID_ARGUMENT',
      'HOLDFAST_INVALID_PAYLOAD',
      'HOLDFAST_INVALID_ARGUMENT',
      'HOLDFAST_INVALID_RESULT',
      'HOLDFAST_INVALID_RESULT',
    ],
  );
  assert.deepEqual(plain(there.told).slice(0, 5), [
    { kind: 'progress', text: '0.5' },
    { kind: 'progress', text: '{"done":1,"of":2}' },
    { kind: 'log', level: 'info', message: 'plain', fields: undefined },
    { kind: 'log', level: 'warn', message: 'with fields', fields: '{"file":"a.jpg","size":"12"}' },
    { ...(plain(there.told)[4] as object), kind: 'log', level: 'error', message: 'odd' },
  ]);
  assert.deepEqual(plain(there.told).slice(5), [
    { kind: 'save', checkpoint: '{"done":4}' },
    { kind: 'extend', ms: 5_000 },
    { kind: 'enqueue', type: 'other:job', payload: '{"a":1}', options: { priority: 3, id: 'own-id' }, atEnd: false },
    { kind: 'enqueue', type: 'last:job', payload: undefined, options: {}, atEnd: true },
    { kind: 'progress', text: '1' },
    { kind: 'save', checkpoint: '"taken apart"' },
  ]);
});

test('a refused request rejects in the handler with the code it was refused with', async () => {
  const refused = start(threads, order(handler('contract.js'), { n: 1 }), () => ({
    ok: false,
    error: { name: 'AttemptEndedError', message: 'too late', code: 'HOLDFAST_ATTEMPT_ENDED' },
  }));
  const outcome = await refused.outcome;
  assert.deepEqual(outcome.ok ? outcome : { code: outcome.error.code, message: outcome.error.message }, {
    code: 'HOLDFAST_ATTEMPT_ENDED',
    message: 'too late',
  });
});

test('a save resolves only when it was answered', async () => {
  const waiting = start(threads, order(handler('contract.js'), { n: 1 }), () => undefined);
  const { request, answer } = await waiting.next('request');
  assert.deepEqual(request, { kind: 'save', checkpoint: '{"done":1}' });

  // A second attempt on the other thread comes and goes; had the save resolved by itself, there would be more requests.
  await start(threads, order(handler('echo.js'), 1)).released;
  assert.equal(waiting.told.filter(({ kind }) => kind === 'request').length, 1);
  const more = new Promise<void>((resolve) => {
    const look = (): void => {
      if (waiting.told.filter(({ kind }) => kind === 'request').length === 2) resolve();
      else setImmediate(look);
    };
    look();
  });
  answer({ ok: true });
  await more;
  waiting.run.kill();
  await waiting.released;
});

test('a context that is used after its attempt refuses, and reports nothing', async () => {
  const one = threadsFor({ max: 1 });
  await start(one, order(handler('after-end.js'), 'keep')).released;
  const later = start(one, order(handler('after-end.js'), 'use'));
  const outcome = await later.outcome;
  assert.deepEqual(outcome, { ok: true, result: JSON.stringify(Array(3).fill('HOLDFAST_ATTEMPT_ENDED')) });
  await later.released;
  assert.deepEqual(
    later.told.map(({ kind }) => kind),
    ['loaded', 'ended', 'released'],
  );
});

test('progress, log lines and saves come before the end, in their order', async () => {
  const watched = start(threads, order(handler('tells.js'), { progress: 3, lines: 2 }));
  await watched.released;
  assert.deepEqual(
    watched.told.map((it) => (it.kind === 'progress' ? it.text : it.kind)),
    ['loaded', '1', '2', '3', 'log', 'log', 'ended', 'released'],
  );
});

test('a loop that reports a million steps costs some hundred messages, and the last step is told', async () => {
  const watched = start(threads, order(handler('tells.js'), { progress: 1_000_000, lines: 5_000 }));
  await watched.released;
  const progress = watched.told.flatMap((it) => (it.kind === 'progress' ? [it.text] : []));
  const lines = watched.told.flatMap((it) => (it.kind === 'log' ? [it] : []));
  assert.equal(progress.at(-1), '1000000');
  assert.ok(progress.length < 5_000, `${progress.length} progress messages`);
  assert.ok(lines.length < 1_500, `${lines.length} lines`);
  assert.match(lines.at(-1)?.message ?? '', /^\d+ log lines were dropped/);
});
