import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOST_NAMES, Names } from '../../src/job/names.ts';

describe('names', () => {
  test('keep the number they were given first', () => {
    const names = new Names('type');
    assert.equal(names.number('email'), 0);
    assert.equal(names.number('photos'), 1);
    assert.equal(names.number('email'), 0);
    assert.equal(names.size, 2);
    assert.equal(names.name(0), 'email');
    assert.equal(names.name(1), 'photos');
  });

  test('that look like parts of an object are names like others', () => {
    const names = new Names('queue');
    const odd = ['__proto__', 'constructor', 'toString', '0', '-1', '.'];
    assert.deepEqual(
      odd.map((name) => names.number(name)),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(
      odd.map((name) => names.find(name)),
      [0, 1, 2, 3, 4, 5],
    );
  });

  test('that no job ever had are not found, and finding gives no number', () => {
    const names = new Names('type');
    assert.equal(names.find('email'), -1);
    assert.equal(names.size, 0);
  });

  test('have numbers that fit into two bytes; one name more is refused and changes nothing', () => {
    const names = new Names('type');
    for (let n = 0; n < MOST_NAMES; n++) names.number(`type:${n}`);
    assert.throws(() => names.number('one:more'), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
      message: /type: expected at most 65535 different names in one engine/,
    });
    assert.equal(names.find('one:more'), -1);
    assert.equal(names.number(`type:${MOST_NAMES - 1}`), MOST_NAMES - 1);
    assert.ok(MOST_NAMES - 1 < 2 ** 16);
  });

  test('can be asked for all at once whether they will have numbers, before any is given one', () => {
    const names = new Names('queue');
    for (let n = 0; n < MOST_NAMES - 2; n++) names.number(`queue:${n}`);
    assert.equal(names.refusalOf(['a', 'b', 'a', 'b', 'queue:0']), undefined);
    assert.match(names.refusalOf(['a', 'b', 'a', 'c'])?.message ?? '', /queue: expected at most 65535 .*, got "c"/);
    assert.equal(names.size, MOST_NAMES - 2);
    assert.ok(names.hasRoomFor(2) && !names.hasRoomFor(3));
  });

  test('of a number that was not given out are a fault of ours, and say so', () => {
    assert.throws(() => new Names('queue').name(3), /No queue has the number 3/);
  });
});
