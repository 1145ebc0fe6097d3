import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readBatch, readTableEntry, userKeyOf } from '../../src/log/level-entries.ts';
import { batch, DELETION, tableKey } from './level-bytes.ts';

const text = (word: string): Buffer => Buffer.from(word);

describe('a batch', () => {
  test('has puts and deletions, each with a version of its own', () => {
    const record = batch(2 ** 40, [
      ['a', 'one'],
      ['b', undefined],
      ['c', ''],
    ]);
    assert.deepEqual(readBatch(record), [
      { key: text('a'), version: 2 ** 40, value: text('one') },
      { key: text('b'), version: 2 ** 40 + 1, value: undefined },
      { key: text('c'), version: 2 ** 40 + 2, value: text('') },
    ]);
    assert.deepEqual(readBatch(batch(9, [])), []);
  });

  test('is none when it is too short or too long, or holds something else', () => {
    const record = batch(1, [['a', 'one']]);
    const unknown = Buffer.from(record);
    unknown[12] = 2;
    const broken: [Buffer, string][] = [
      [unknown, 'an entry of the type 2'],
      [Buffer.concat([record, Buffer.from([0])]), '1 entries end at 19 of 20'],
      [record.subarray(0, -1), '3 bytes at 16, and the end is at 18'],
      [record.subarray(0, 11), '4 bytes at 8, and the end is at 11'],
    ];
    for (const [bytes, message] of broken) assert.throws(() => readBatch(bytes), { name: 'RangeError', message });
  });
});

describe('an entry of a table', () => {
  test('has its version and its type behind its key', () => {
    const value = text('one');
    assert.deepEqual(readTableEntry(tableKey('ant', 2 ** 40), value), { key: text('ant'), version: 2 ** 40, value });
    assert.deepEqual(readTableEntry(tableKey('', 3, DELETION), text('')), {
      ...{ key: text(''), version: 3, value: undefined },
    });
    assert.deepEqual(userKeyOf(tableKey('ant', 1)), text('ant'));
  });

  test('is none when its key is too short, or its type unknown', () => {
    assert.throws(() => readTableEntry(tableKey('ant', 1, 2), text('')), {
      ...{ name: 'RangeError', message: 'an entry of the type 2' },
    });
    assert.throws(() => userKeyOf(text('seven b')), { name: 'RangeError', message: 'a key of 7 bytes' });
    assert.deepEqual(userKeyOf(text('eight by')), text(''));
  });
});
