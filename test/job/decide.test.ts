import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decideCrash, decideFailure, type Failure } from '../../src/job/decide.ts';
import { nextState } from '../../src/job/machine.ts';
import { RetryableError, SnoozeError, TerminateError, flattenError } from '../../src/errors.ts';

const NOW = Date.UTC(2026, 0, 1);
const ERROR = flattenError(new Error('the disk is gone'));

function failure(given: Partial<Failure>): Failure {
  return {
    slot: 7,
    error: ERROR,
    attempts: 0,
    maxAttempts: 3,
    snoozes: 0,
    backoff: { kind: 'constant', delayMs: 1_000 },
    mode: 'all',
    now: NOW,
    random: () => 0.5,
    ...given,
  };
}

describe('a failed attempt', () => {
  test('is followed by another while there are attempts left: the first and all but the last', () => {
    for (const attempts of [0, 1]) {
      const event = decideFailure(failure({ attempts }));
      assert.deepEqual(event, { kind: 'failed', slot: 7, at: NOW, dueAt: NOW + 1_000, error: JSON.stringify(ERROR) });
    }
  });

  test('kills the job when it was the last, and when there were more than it may have', () => {
    for (const attempts of [2, 3, 100]) {
      const event = decideFailure(failure({ attempts }));
      assert.equal(event.kind, 'died');
      assert.equal(event.kind === 'died' && event.why, 'exhausted');
    }
  });

  test('kills the job at once if the handler says so', () => {
    const event = decideFailure(failure({ error: flattenError(new TerminateError('never again')) }));
    assert.ok(event.kind === 'died' && event.why === 'terminated');
    assert.match(event.error ?? '', /never again/);
  });

  test('comes when the handler says, if it does', () => {
    const event = decideFailure(failure({ error: flattenError(new RetryableError('busy', { retryAfter: 5_000 })) }));
    assert.ok(event.kind === 'failed' && event.dueAt === NOW + 5_000);
  });

  test('is no failure when the handler wants to be asked later', () => {
    const event = decideFailure(failure({ attempts: 2, error: flattenError(new SnoozeError('2m')) }));
    assert.deepEqual(event, { kind: 'snoozed', slot: 7, at: NOW, dueAt: NOW + 120_000 });
  });

  test('that is not retryable kills the job where only retryable ones are retried', () => {
    const event = decideFailure(failure({ mode: 'retryable' }));
    assert.ok(event.kind === 'died' && event.why === 'terminated');
  });

  test('asks neither clock nor dice but those it is given', () => {
    const thrown: number[] = [];
    const exponential = { kind: 'exponential', initialMs: 1_000, multiplier: 2, maxMs: 60_000, jitter: 1 } as const;
    const random = (): number => {
      thrown.push(0.25);
      return 0.25;
    };
    const [first, second] = [1, 2].map(() => decideFailure(failure({ backoff: exponential, random })));
    assert.deepEqual(first, second);
    assert.equal(thrown.length, 2);
  });

  test('is always something that may happen to a running job', () => {
    for (const attempts of [0, 5]) assert.ok(nextState('running', decideFailure(failure({ attempts })).kind));
  });
});

describe('a job that was running when the process died', () => {
  const found = { slot: 3, isCancelling: false, crashes: 0, maxCrashes: 3, now: NOW };

  test('runs again until its third crash, and is dead then', () => {
    assert.deepEqual(decideCrash(found), { kind: 'interrupted', slot: 3, at: NOW, why: 'crashed' });
    assert.deepEqual(decideCrash({ ...found, crashes: 1 }), { kind: 'interrupted', slot: 3, at: NOW, why: 'crashed' });
    const event = decideCrash({ ...found, crashes: 2 });
    assert.ok(event.kind === 'died' && event.why === 'crashed');
    assert.match(event.error ?? '', /^\{"name":"Error","message":"The process died 3 times/);
  });

  test('is dead at once when no crash is allowed', () => {
    assert.equal(decideCrash({ ...found, maxCrashes: 1 }).kind, 'died');
  });

  test('is cancelled when that was asked for, however often it crashed', () => {
    for (const crashes of [0, 2, 9]) {
      assert.deepEqual(decideCrash({ ...found, crashes, isCancelling: true }), {
        kind: 'cancelled',
        slot: 3,
        at: NOW,
        reason: undefined,
      });
    }
  });
});
