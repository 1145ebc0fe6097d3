import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeEdges, edgeState, encodeEdges, type Edge, type EdgeCondition } from '../../src/job/edges.ts';
import { decodeLabels, encodeLabels, LabelledJobs, type Labels } from '../../src/job/labels.ts';

describe('the labels of jobs', () => {
  /** The order of a job is its slot here, unless it says otherwise. */
  const orderOf = (slot: number): number => slot;
  const add = (jobs: LabelledJobs, slot: number, labels: Labels, type = 1, order = orderOf): void =>
    jobs.add(slot, encodeLabels(labels), type, order);

  test('are stored as text, and none as none', () => {
    assert.equal(encodeLabels({}), '');
    assert.deepEqual(decodeLabels(''), {});
    const labels = { unique: 'a', idempotencyKey: 'b', idempotentUntil: 7, tags: ['x', 'y'] };
    assert.deepEqual(decodeLabels(encodeLabels(labels)), labels);
  });

  test('lead to the unfinished jobs with a key, the oldest first, and only in their type', () => {
    const jobs = new LabelledJobs();
    for (const slot of [5, 3]) {
      add(jobs, slot, { unique: 'k' });
      jobs.hold(slot, 1, orderOf);
      jobs.hold(slot, 1, orderOf);
    }
    assert.deepEqual(jobs.holdersOf(1, 'k'), [3, 5]);
    assert.deepEqual([jobs.holdersOf(2, 'k'), jobs.holdersOf(1, 'other')], [[], []]);
    assert.ok(jobs.isTaken(3, 1) && jobs.isTaken(5, 1));
    jobs.release(3, 1);
    assert.deepEqual(jobs.holdersOf(1, 'k'), [5]);
    assert.deepEqual([jobs.isTaken(3, 1), jobs.isTaken(5, 1)], [true, false]);
    jobs.release(5, 1);
    assert.deepEqual(jobs.holdersOf(1, 'k'), []);
    assert.equal(jobs.isTaken(3, 1), false);
  });

  test('of a job without a key hold nothing', () => {
    const jobs = new LabelledJobs();
    add(jobs, 0, { tags: ['x'] });
    jobs.hold(0, 1, orderOf);
    jobs.release(0, 1);
    assert.equal(jobs.isTaken(0, 1), false);
    assert.deepEqual(jobs.of(0), { tags: ['x'] });
    assert.equal(jobs.of(1), undefined);
    // Nor does one that has no labels at all.
    jobs.hold(1, 1, orderOf);
    jobs.release(1, 1);
    assert.equal(jobs.isTaken(1, 1), false);
    assert.equal(jobs.idempotentCount, 0);
  });

  test('lead from an idempotency key to the newest job with it, until its time is over', () => {
    const jobs = new LabelledJobs();
    add(jobs, 4, { idempotencyKey: 'i', idempotentUntil: 100 });
    add(jobs, 2, { idempotencyKey: 'i', idempotentUntil: 900 });
    assert.equal(jobs.idempotent(1, 'i', 99), 4, 'an older one that is carried does not take its place');
    assert.deepEqual(
      [jobs.idempotent(1, 'i', 100), jobs.idempotent(2, 'i', 99), jobs.idempotent(1, 'j', 99)],
      [-1, -1, -1],
    );
    add(jobs, 6, { idempotencyKey: 'i', idempotentUntil: 200 });
    assert.equal(jobs.idempotent(1, 'i', 150), 6);
    assert.deepEqual([jobs.size, jobs.idempotentCount], [3, 1]);
    jobs.remove(4, 1);
    assert.equal(jobs.idempotent(1, 'i', 150), 6, 'the key is the newer one’s');
    jobs.remove(6, 1);
    assert.deepEqual([jobs.idempotent(1, 'i', 150), jobs.idempotentCount, jobs.size], [-1, 0, 1]);
  });

  test('of a job without a key have nothing to do with a key that is the word for it', () => {
    const jobs = new LabelledJobs();
    add(jobs, 0, { tags: ['x'] });
    jobs.hold(0, 1, orderOf);
    assert.deepEqual(jobs.holdersOf(1, 'undefined'), []);
    add(jobs, 1, { unique: 'undefined', idempotencyKey: 'undefined', idempotentUntil: 9 });
    jobs.hold(1, 1, orderOf);
    assert.deepEqual([jobs.isTaken(0, 1), jobs.isTaken(1, 1), jobs.isTaken(7, 1)], [false, false, false]);
    assert.deepEqual([jobs.idempotent(1, 'other', 5), jobs.idempotent(2, 'undefined', 5)], [-1, -1]);
    jobs.remove(0, 1);
    assert.deepEqual([jobs.holdersOf(1, 'undefined'), jobs.idempotent(1, 'undefined', 5)], [[1], 1]);
  });

  test('of a job that has ended hold nothing, and may be forgotten', () => {
    const jobs = new LabelledJobs();
    add(jobs, 0, { unique: 'k' });
    assert.deepEqual([jobs.holdersOf(1, 'k'), jobs.isTaken(0, 1)], [[], false]);
    jobs.release(0, 1);
    jobs.remove(0, 1);
    assert.deepEqual([jobs.holdersOf(1, 'k'), jobs.size, jobs.of(0)], [[], 0, undefined]);
  });

  test('without a moment until which an idempotency key holds lead nowhere', () => {
    const jobs = new LabelledJobs();
    add(jobs, 0, { idempotencyKey: 'i' });
    assert.equal(jobs.idempotent(1, 'i', 0), -1);
  });

  test('lead to three holders in the order of their jobs, whatever their slots are', () => {
    const jobs = new LabelledJobs();
    const order = (slot: number): number => [20, 30, 10][slot] as number;
    for (const slot of [0, 1, 2]) {
      add(jobs, slot, { unique: 'k', idempotencyKey: 'i', idempotentUntil: 9 }, 1, order);
      jobs.hold(slot, 1, order);
    }
    assert.deepEqual(jobs.holdersOf(1, 'k'), [2, 0, 1]);
    assert.equal(jobs.idempotent(1, 'i', 5), 1);
  });

  test('go with their job', () => {
    const jobs = new LabelledJobs();
    add(jobs, 0, { unique: 'k' });
    jobs.hold(0, 1, orderOf);
    jobs.remove(7, 1);
    jobs.remove(0, 1);
    assert.deepEqual([jobs.holdersOf(1, 'k'), jobs.size], [[], 0]);
  });
});

describe('what a job waits for', () => {
  test('is stored as text, a name only where it is not the id', () => {
    assert.equal(encodeEdges([]), '');
    assert.deepEqual(decodeEdges(''), []);
    const edges: Edge[] = [
      { id: 'a', on: 'success', as: 'a' },
      { id: 'b', on: 'always', as: 'other' },
    ];
    assert.equal(encodeEdges(edges), '[["a","success"],["b","always","other"]]');
    assert.deepEqual(decodeEdges(encodeEdges(edges)), edges);
  });

  test('is met, pending or failed as the table says', () => {
    const row = (on: EdgeCondition, hasStarted: boolean): string =>
      (['waiting', 'running', 'completed', 'cancelled', 'dead', 'absent'] as const)
        .map((parent) => edgeState(on, parent, hasStarted))
        .join(' ');
    assert.equal(row('success', false), 'pending pending met failed failed failed');
    assert.equal(row('failure', false), 'pending pending failed met met failed');
    assert.equal(row('always', false), 'pending pending met met met met');
    assert.equal(row('success', true), 'pending pending met failed failed met');
    assert.equal(row('failure', true), 'pending pending failed met met met');
  });
});
