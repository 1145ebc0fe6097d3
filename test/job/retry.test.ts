import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AttemptTimeoutError,
  flattenError,
  HandlerLoadError,
  InvalidResultError,
  RetryableError,
  SnoozeError,
  TerminateError,
  ThreadLostError,
} from '../../src/errors.ts';
import { constant, decideRetry, exponential, type RetryDecision, type RetryQuestion } from '../../src/job/retry.ts';

const NOW = Date.UTC(2026, 0, 1);

interface Given extends Partial<Omit<RetryQuestion, 'error'>> {
  /** What the handler threw. */
  readonly thrown?: unknown;
}

function decide({ thrown = new Error('boom'), ...given }: Given): RetryDecision {
  return decideRetry({
    attempts: 1,
    maxAttempts: 5,
    snoozes: 0,
    mode: 'all',
    backoff: constant('10s'),
    random: () => 0,
    now: NOW,
    error: flattenError(thrown),
    ...given,
  });
}

const retryIn = (delayMs: number): RetryDecision => ({ kind: 'retry', dueAt: NOW + delayMs, warning: undefined });
const snoozeFor = (delayMs: number): RetryDecision => ({ kind: 'snooze', dueAt: NOW + delayMs });
const EXHAUSTED: RetryDecision = { kind: 'die', reason: 'exhausted' };
const TERMINATED: RetryDecision = { kind: 'die', reason: 'terminated' };

const busy = new RetryableError('busy');
const asked = new RetryableError('busy', { retryAfter: '1m' });
const useless = new TerminateError('no use');
const later = new SnoozeError('5m');

describe('after a failed attempt', () => {
  for (const maxAttempts of [1, 2, 5, 25]) {
    test(`of ${maxAttempts} the job is retried before the last one, and dead with it and after it`, () => {
      const after = (attempts: number): RetryDecision => decide({ attempts, maxAttempts });
      if (maxAttempts > 1) assert.deepEqual(after(maxAttempts - 1), retryIn(10_000));
      assert.deepEqual(after(maxAttempts), EXHAUSTED);
      assert.deepEqual(after(maxAttempts + 1), EXHAUSTED);
    });
  }

  test('without a limit there is always another one', () => {
    assert.deepEqual(decide({ attempts: 1e9, maxAttempts: Infinity }), retryIn(10_000));
  });

  test('the delay is that of the backoff for this many failures', () => {
    const backoff = exponential({ jitter: 0 });
    assert.deepEqual(
      [1, 2, 3].map((attempts) => decide({ attempts, backoff })),
      [1_000, 1_600, 2_560].map(retryIn),
    );
  });

  test('a backoff function that fails costs a warning and not the job', () => {
    const backoff = (): number => assert.fail('broken');
    const decision = decide({ backoff });
    assert.equal(decision.kind, 'retry');
    assert.match((decision as { warning?: string }).warning ?? '', /broken/);
  });

  test('no moment is beyond the calendar', () => {
    assert.equal((decide({ now: 8.64e15 }) as { dueAt: number }).dueAt, 8.64e15);
  });
});

/** What follows, by what was thrown and by the mode: retry all, or only a `RetryableError`. */
const GRID: readonly [string, unknown, RetryDecision, RetryDecision][] = [
  ['an error', new Error('boom'), retryIn(10_000), TERMINATED],
  ['null', null, retryIn(10_000), TERMINATED],
  [
    'a result that cannot be stored',
    new InvalidResultError({ path: 'result', problem: 'x' }),
    retryIn(10_000),
    TERMINATED,
  ],
  ['a RetryableError', busy, retryIn(10_000), retryIn(10_000)],
  ['a RetryableError that says when', asked, retryIn(60_000), retryIn(60_000)],
  ['a RetryableError as a cause', new Error('wrapped', { cause: asked }), retryIn(60_000), retryIn(60_000)],
  ['a RetryableError for now', new RetryableError('now', { retryAfter: 0 }), retryIn(0), retryIn(0)],
  ['a TerminateError', useless, TERMINATED, TERMINATED],
  ['a TerminateError as a cause', new Error('wrapped', { cause: useless }), TERMINATED, TERMINATED],
  ['a SnoozeError', later, snoozeFor(300_000), snoozeFor(300_000)],
  ['a SnoozeError as a cause', new Error('wrapped', { cause: later }), snoozeFor(300_000), snoozeFor(300_000)],
  ['a SnoozeError without a delay', { code: 'HOLDFAST_SNOOZE' }, snoozeFor(1_000), snoozeFor(1_000)],
  ['a timeout', new AttemptTimeoutError(5), retryIn(10_000), retryIn(10_000)],
  [
    'a timeout that was thrown on',
    new Error('x', { cause: new AttemptTimeoutError(5) }),
    retryIn(10_000),
    retryIn(10_000),
  ],
  ['a lost thread', new ThreadLostError('exit code 3'), retryIn(10_000), retryIn(10_000)],
  [
    'a module that does not load',
    new HandlerLoadError({ module: 'm', problem: 'p' }),
    retryIn(10_000),
    retryIn(10_000),
  ],
];

describe('what follows depends on what was thrown and on the mode', () => {
  for (const [what, thrown, all, retryable] of GRID) {
    test(what, () => {
      assert.deepEqual(decide({ thrown, mode: 'all' }), all);
      assert.deepEqual(decide({ thrown, mode: 'retryable' }), retryable);
    });

    test(`${what}, at the last attempt`, () => {
      const last = (decision: RetryDecision): RetryDecision => (decision.kind === 'retry' ? EXHAUSTED : decision);
      assert.deepEqual(decide({ thrown, mode: 'all', attempts: 5 }), last(all));
      assert.deepEqual(decide({ thrown, mode: 'retryable', attempts: 5 }), last(retryable));
    });
  }
});

describe('snoozing', () => {
  for (const maxSnoozes of [undefined, 0, 1, 3]) {
    const limit = maxSnoozes ?? 100;
    test(`is free ${limit} times, and then a failure like any other in both modes`, () => {
      const after = (snoozes: number, given: Given = {}): RetryDecision =>
        decide({ thrown: later, snoozes, ...(maxSnoozes !== undefined && { maxSnoozes }), ...given });
      if (limit > 0) assert.deepEqual(after(limit - 1), snoozeFor(300_000));
      for (const snoozes of [limit, limit + 1]) {
        assert.deepEqual(after(snoozes), retryIn(10_000));
        assert.deepEqual(after(snoozes, { mode: 'retryable' }), retryIn(10_000));
        assert.deepEqual(after(snoozes, { attempts: 5 }), EXHAUSTED);
      }
    });
  }
});

test('whatever is thrown, there is a decision, and a moment in it is not in the past', () => {
  const given = fc.record({
    thrown: fc.anything(),
    attempts: fc.integer({ min: 1, max: 10 }),
    snoozes: fc.integer({ min: 0, max: 110 }),
    mode: fc.constantFrom('all' as const, 'retryable' as const),
  });
  fc.assert(
    fc.property(given, (question) => {
      const decision = decide(question);
      return decision.kind === 'die' || decision.dueAt >= NOW;
    }),
  );
});
