import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecentStarts } from '../../src/job/recent-starts.ts';

describe('the starts that a log tells of', () => {
  function told(): RecentStarts {
    const starts = new RecentStarts();
    starts.note('mail', undefined, 10, 1);
    starts.note('mail', 'ann', 20, 2);
    starts.note('mail', 'bob', 30, 3);
    starts.note('mail', 'ann', 40, 4);
    starts.note('print', 'ann', 50, 5);
    return starts;
  }

  test('are those of each queue, in order, behind a position', () => {
    const starts = told();
    assert.deepEqual(starts.of('mail', 0), [10, 20, 30, 40]);
    assert.deepEqual(starts.of('mail', 2), [30, 40]);
    assert.deepEqual([starts.of('print', 0), starts.of('mail', 4), starts.of('other', 0)], [[50], [], []]);
  });

  test('are those of each key in its queue; a start without a key is of none', () => {
    const starts = told();
    const keysOf = (queue: string, behind: number): unknown => [...starts.keysOf(queue, behind)];
    assert.deepEqual(keysOf('mail', 0), [
      ['ann', [20, 40]],
      ['bob', [30]],
    ]);
    assert.deepEqual(keysOf('mail', 3), [
      ['ann', [40]],
      ['bob', []],
    ]);
    assert.deepEqual([keysOf('print', 0), keysOf('other', 0)], [[['ann', [50]]], []]);
  });

  test('are as many as the largest limit of a rate, and not many more', () => {
    const many = new RecentStarts();
    for (let at = 0; at < 250_000; at++) many.note('mail', 'ann', at, at);
    const moments = many.of('mail', -1);
    assert.ok(moments.length >= 100_000 && moments.length <= 200_000, `${moments.length}`);
    assert.equal(moments[0], 250_000 - moments.length);
    assert.equal(moments.at(-1), 249_999);
    assert.equal(many.of('mail', 249_899).length, 100, 'moments and positions go together');
  });
});
