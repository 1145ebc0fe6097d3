// What comes out of an attempt: results, and errors of every kind, as data.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, flattenError } from '../../src/errors.ts';
import type { Outcome } from '../../src/protocol.ts';
import { THROWN } from '../support/handlers/throws.ts';
import { handler, order, resultOf, start, threadsFor } from '../support/threads.ts';

const threads = threadsFor();

async function outcomeOf(module: string, payload: unknown): Promise<Outcome> {
  const watched = start(threads, order(handler(module), payload));
  const outcome = await watched.outcome;
  assert.equal(await watched.released, undefined, 'the thread is as clean as before');
  return outcome;
}

for (const [what, make] of Object.entries(THROWN)) {
  for (const how of ['throw', 'reject']) {
    test(`${what}, by ${how}, is a failure with the error as data`, async () => {
      const outcome = await outcomeOf('throws.js', { what, how });
      assert.equal(outcome.ok, false);
      const { stack, cause, ...error } = outcome.ok ? assert.fail() : outcome.error;
      const { stack: _stack, cause: expectedCause, ...expected } = flattenError(make());
      assert.deepEqual({ ...error, cause: cause?.message }, { ...expected, cause: expectedCause?.message });
      assert.ok(error.message.length > 0 && error.message.length <= 8_192);
      assert.equal(stack !== undefined, _stack !== undefined);
    });
  }
}

test('the errors for handlers are recognised on this side by their codes', async () => {
  for (const [what, code] of [
    ['retryable', 'HOLDFAST_RETRYABLE'],
    ['terminate', 'HOLDFAST_TERMINATE'],
    ['snooze', 'HOLDFAST_SNOOZE'],
  ] as const) {
    const outcome = await outcomeOf('throws.js', { what, how: 'throw' });
    assert.equal(outcome.ok ? undefined : codeOf(outcome.error), code);
  }
});

const RETURNED: Readonly<Record<string, string | RegExp>> = {
  null: 'null',
  data: '{"a":[1,"two",{"three":true}]}',
  function: /^result\.inner: /,
  cycle: /^result.*cycle/,
  bigint: /^result\.rows\[0\]: /,
  nan: /^result\[0\]: /,
  symbol: /^result: /,
  large: /^result: .*1000000 bytes/,
  error: /^result: /,
  transferable: /^result: /,
};

for (const [what, expected] of Object.entries(RETURNED)) {
  test(`a result of ${what} is ${typeof expected === 'string' ? 'kept' : 'refused with its place'}`, async () => {
    const outcome = await outcomeOf('returns.js', what);
    if (typeof expected === 'string') {
      assert.deepEqual(outcome, { ok: true, result: expected });
    } else {
      assert.equal(outcome.ok ? '' : outcome.error.code, 'HOLDFAST_INVALID_RESULT');
      assert.match(outcome.ok ? '' : outcome.error.message, expected);
    }
  });
}

test('no result is undefined', async () => {
  assert.deepEqual(await outcomeOf('returns.js', 'nothing'), { ok: true, result: undefined });
});

test('a result whose then throws is a failure', async () => {
  const outcome = await outcomeOf('returns.js', 'hostile thenable');
  assert.equal(outcome.ok ? '' : outcome.error.message, 'a trap');
});

test('what a thread posts that is not ours is passed over, and the attempt ends as it ends', async () => {
  const one = threadsFor({ max: 1 });
  const what = order(handler('posts.js'));
  const watched = start(one, { ...what, payload: JSON.stringify({ token: what.token }) });
  assert.deepEqual(await watched.outcome, { ok: true, result: '{"posted":11}' });
  await watched.released;
  assert.deepEqual(
    watched.told.map(({ kind }) => kind),
    ['loaded', 'progress', 'ended', 'released'],
    'the one message that was right shows that it was our port',
  );
  assert.equal(await resultOf(one, order(handler('echo.js'), 'next')), 'next');
});
