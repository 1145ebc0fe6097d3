import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Carried, JobEvent } from '../../src/job/event.ts';
import { foldHistory, MOST_ERRORS, payloadIn, type JobHistory } from '../../src/job/history.ts';

type Given<Event> = Event extends JobEvent ? Omit<Event, 'slot'> : never;

const BIRTH = {
  kind: 'enqueued',
  at: 100,
  ...{
    id: 'a',
    type: 't',
    queue: 'q',
    priority: 0,
    dueAt: 100,
    deadlineAt: 0,
    settings: '',
    parents: '',
    key: '',
    labels: '',
    payload: '{}',
  },
} as const;

/** The history of a job to which these events happen after it was enqueued. */
function historyOf(...events: Array<Given<JobEvent>>): JobHistory {
  return foldHistory([BIRTH, ...events].map((event) => ({ ...event, slot: 0 })));
}

describe('the history of a job', () => {
  test('begins when it was enqueued', () => {
    assert.deepEqual(historyOf(), { createdAt: 100, errors: [] });
  });

  test('has its checkpoint, its report, its result and its times when it is completed', () => {
    const history = historyOf(
      { kind: 'started', at: 200, starts: 1 },
      { kind: 'checkpointed', at: 210, checkpoint: '1' },
      { kind: 'checkpointed', at: 220, checkpoint: '2' },
      { kind: 'progressed', at: 230, report: '{"progress":1}' },
      { kind: 'completed', at: 300, result: '{"sent":true}' },
    );
    assert.deepEqual(history, {
      createdAt: 100,
      startedAt: 200,
      finishedAt: 300,
      checkpoint: '2',
      report: '{"progress":1}',
      result: '{"sent":true}',
      errors: [],
    });
  });

  test('has no result when the job gave none', () => {
    const history = historyOf(
      { kind: 'started', at: 200, starts: 1 },
      { kind: 'completed', at: 300, result: undefined },
    );
    assert.deepEqual(history, { createdAt: 100, startedAt: 200, finishedAt: 300, errors: [] });
  });

  test('tells of each error when it was and in which start, and keeps the last ten', () => {
    const attempts = Array.from({ length: 13 }, (_, n): Array<Given<JobEvent>> => [
      { kind: 'started', at: 1_000 + n, starts: n + 1 },
      { kind: 'failed', at: 2_000 + n, dueAt: 0, error: `"error ${n}"` },
    ]);
    const history = historyOf(
      ...attempts.flat(),
      { kind: 'started', at: 3_000, starts: 14 },
      { kind: 'died', at: 3_001, why: 'exhausted', error: '"the last"' },
    );
    assert.equal(history.errors.length, MOST_ERRORS);
    assert.deepEqual(history.errors[0], { at: 2_004, start: 5, error: '"error 4"' });
    assert.deepEqual(history.errors.at(-1), { at: 3_001, start: 14, error: '"the last"' });
    assert.equal(history.deathReason, 'exhausted');
    assert.equal(history.finishedAt, 3_001);
  });

  test('has no error of a death without one', () => {
    const history = historyOf({ kind: 'died', at: 300, why: 'expired', error: undefined });
    assert.deepEqual(history, { createdAt: 100, finishedAt: 300, deathReason: 'expired', errors: [] });
  });

  test('keeps the reason of a cancellation, which is given when it is asked for', () => {
    assert.equal(historyOf({ kind: 'cancelled', at: 5, reason: '"x"' }).cancelReason, '"x"');
    const running = historyOf(
      { kind: 'started', at: 1, starts: 1 },
      { kind: 'cancelling', at: 2, reason: '"album closed"' },
      { kind: 'cancelled', at: 3, reason: undefined },
    );
    assert.equal(running.cancelReason, '"album closed"');
    assert.equal(running.finishedAt, 3);
    const silent = historyOf(
      { kind: 'started', at: 1, starts: 1 },
      { kind: 'cancelling', at: 2, reason: undefined },
      { kind: 'cancelled', at: 3, reason: undefined },
    );
    assert.equal('cancelReason' in silent, false);
  });

  test('forgets the end of a job that was revived, and keeps its checkpoint and its errors', () => {
    const history = historyOf(
      { kind: 'started', at: 1, starts: 1 },
      { kind: 'checkpointed', at: 2, checkpoint: '3' },
      { kind: 'died', at: 3, why: 'terminated', error: '"no"' },
      { kind: 'revived', at: 4, dueAt: 4, keepAttempts: false },
    );
    assert.deepEqual(history, {
      createdAt: 100,
      startedAt: 1,
      checkpoint: '3',
      errors: [{ at: 3, start: 1, error: '"no"' }],
    });
    const completed = historyOf(
      { kind: 'started', at: 1, starts: 1 },
      { kind: 'completed', at: 3, result: '1' },
      { kind: 'revived', at: 4, dueAt: 4, keepAttempts: false },
      { kind: 'cancelled', at: 5, reason: '"x"' },
      { kind: 'revived', at: 6, dueAt: 6, keepAttempts: false },
    );
    assert.deepEqual(completed, { createdAt: 100, startedAt: 1, errors: [] });
  });

  test('takes no notice of what leaves no trace but a counter', () => {
    const history = historyOf(
      { kind: 'started', at: 1, starts: 1 },
      { kind: 'snoozed', at: 2, dueAt: 3 },
      { kind: 'started', at: 4, starts: 2 },
      { kind: 'interrupted', at: 5, why: 'closing' },
      { kind: 'removed', at: 6 },
    );
    assert.deepEqual(history, { createdAt: 100, startedAt: 4, errors: [] });
  });

  test('goes on from where a carried job was', () => {
    const before = historyOf(
      { kind: 'started', at: 200, starts: 1 },
      { kind: 'failed', at: 201, dueAt: 0, error: '"first"' },
      { kind: 'started', at: 300, starts: 2 },
      { kind: 'checkpointed', at: 301, checkpoint: '7' },
    );
    const carried: Carried = {
      ...BIRTH,
      ...{
        kind: 'carried',
        slot: 0,
        at: 400,
        order: 1,
        createdAt: 100,
        state: 'running',
        token: 9,
        starts: 2,
        attempts: 1,
      },
      ...{ crashes: 0, interrupts: 0, snoozes: 0, hasCheckpoint: true, isCancelling: false, isUnreachable: false },
      history: JSON.stringify(before),
    };
    assert.deepEqual(foldHistory([carried]), before);
    const after = foldHistory([carried, { kind: 'failed', slot: 0, at: 500, dueAt: 0, error: '"second"' }]);
    assert.deepEqual(
      after.errors.map(({ start, error }) => `${start} ${error}`),
      ['1 "first"', '2 "second"'],
    );
    assert.equal(after.createdAt, 100, 'it is as old as it was');
    assert.equal(after.checkpoint, '7');
  });

  test('has nothing that a record was read without', () => {
    const history = historyOf(
      { kind: 'checkpointed', at: 200, checkpoint: undefined },
      { kind: 'progressed', at: 210, report: undefined },
      { kind: 'cancelling', at: 220, reason: undefined },
      { kind: 'failed', at: 230, dueAt: 0, error: undefined },
    );
    assert.deepEqual(history, { createdAt: 100, errors: [] });
    assert.deepEqual(foldHistory([]), { createdAt: 0, errors: [] });
  });

  test('loses its checkpoint with its payload, and not with its moment', () => {
    const update = { kind: 'updated', at: 300, dueAt: 400, priority: 1, payload: '[]', keepAttempts: true } as const;
    const saved = { kind: 'checkpointed', at: 200, checkpoint: '1' } as const;
    assert.equal(historyOf(saved, { ...update, hasPayload: false, payload: undefined }).checkpoint, '1');
    assert.ok(!('checkpoint' in historyOf(saved, { ...update, hasPayload: true })));
  });
});

describe('the payload of a job', () => {
  const update = { kind: 'updated', slot: 0, at: 300, dueAt: 400, priority: 1, keepAttempts: true } as const;
  const birth = { ...BIRTH, slot: 0 };

  test('is that of its beginning until it is given another', () => {
    assert.equal(payloadIn([birth]), '{}');
    assert.equal(payloadIn([birth, { kind: 'started', slot: 0, at: 200, starts: 1 }]), '{}');
    assert.equal(payloadIn([birth, { ...update, hasPayload: false, payload: undefined }]), '{}');
    assert.equal(payloadIn([birth, { ...update, hasPayload: true, payload: '[1]' }]), '[1]');
    assert.equal(payloadIn([birth, { ...update, hasPayload: true, payload: undefined }]), undefined);
  });
});
