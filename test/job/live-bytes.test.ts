import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JobColumns } from '../../src/job/columns.ts';
import { LiveBytes } from '../../src/job/live-bytes.ts';

describe('the bytes that are alive', () => {
  test('are the sum of what each job holds', () => {
    const live = new LiveBytes(new JobColumns());
    live.begin(0, 100);
    live.begin(1, 50);
    live.hold(0, 30);
    live.hold(0, -10);
    assert.deepEqual([live.of(0), live.of(1), live.total], [120, 50, 170]);
    live.forget(0);
    assert.equal(live.total, 50);
    live.begin(0, 7);
    assert.deepEqual([live.of(0), live.total], [7, 57]);
  });

  test('do not grow with every revival of a job, and keep its newest checkpoint', () => {
    const live = new LiveBytes(new JobColumns());
    live.begin(0, 100);
    for (let checkpoint = 10; checkpoint <= 1_000; checkpoint += 10) {
      live.hold(0, 500);
      live.hold(0, 10);
      live.revive(0, checkpoint);
      assert.equal(live.of(0), 600 + checkpoint);
    }
    live.forget(0);
    assert.equal(live.total, 0);
    live.begin(0, 40);
    live.hold(0, 60);
    live.revive(0, 0);
    assert.equal(live.total, 100, 'another job in its slot begins anew');
  });
});
