import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader } from '../../src/log/level-numbers.ts';

const of = (...bytes: number[]): ByteReader => new ByteReader(Buffer.from(bytes));

describe('numbers and texts of LevelDB', () => {
  test('are read one after the other, to the end and not beyond it', () => {
    const reader = of(7, 0x78, 0x56, 0x34, 0x92, 2, 0x61, 0x62, 0xac, 0x02, 9, 8);
    assert.equal(reader.byte(), 7);
    assert.equal(reader.fixed32(), 0x92345678);
    assert.equal(reader.sized().toString(), 'ab');
    assert.equal(reader.varint(), 300);
    assert.equal(reader.isAtEnd, false);
    assert.deepEqual([...reader.take(2)], [9, 8]);
    assert.equal(reader.isAtEnd, true);
    assert.equal(reader.at, 12);
  });

  test('have the low bytes first: 64 bits, too', () => {
    assert.equal(of(1, 2, 3, 4, 5, 6, 7, 0).fixed64(), 0x07060504030201);
    assert.equal(of(0, 0, 0, 0, 1, 0, 0, 0).fixed64(), 2 ** 32);
    assert.equal(of(255, 255, 255, 255, 255, 255, 31, 0).fixed64(), Number.MAX_SAFE_INTEGER);
  });

  test('have as many bytes as they need, seven bits in each', () => {
    const known: [number[], number][] = [
      [[0], 0],
      [[127], 127],
      [[128, 1], 128],
      [[255, 127], 16_383],
      [[128, 128, 1], 16_384],
      [[255, 255, 255, 255, 15], 2 ** 32 - 1],
      [[255, 255, 255, 255, 255, 255, 255, 15], Number.MAX_SAFE_INTEGER],
      [[128, 128, 128, 128, 128, 128, 128, 128, 128, 1], 2 ** 63],
    ];
    for (const [bytes, value] of known) {
      const reader = of(...bytes);
      assert.equal(reader.varint(), value);
      assert.equal(reader.isAtEnd, true);
    }
  });

  test('that go on for more than ten bytes are none', () => {
    assert.throws(() => of(...Array.from({ length: 12 }, () => 128)).varint(), {
      name: 'RangeError',
      message: 'a number that does not end',
    });
  });

  test('that reach beyond the end are told with their place, and what is given is no further than that', () => {
    const readings: [number[], (reader: ByteReader) => unknown, RegExp][] = [
      [[], (reader) => reader.byte(), /^1 bytes at 0, and the end is at 0$/],
      [[1, 2, 3], (reader) => reader.fixed32(), /^4 bytes at 0, and the end is at 3$/],
      [[1, 2, 3, 4, 5, 6, 7], (reader) => reader.fixed64(), /^4 bytes at 4, and the end is at 7$/],
      [[128], (reader) => reader.varint(), /^1 bytes at 1, and the end is at 1$/],
      [[1, 2], (reader) => reader.take(3), /^3 bytes at 0, and the end is at 2$/],
      [[3, 0x61, 0x62], (reader) => reader.sized(), /^3 bytes at 1, and the end is at 3$/],
    ];
    for (const [bytes, read, message] of readings) {
      assert.throws(() => read(of(...bytes)), { name: 'RangeError', message });
    }
  });

  test('are read in a part of the bytes as if nothing stood around it', () => {
    const reader = new ByteReader(Buffer.from([9, 9, 1, 2, 9, 9]), 2, 4);
    assert.deepEqual([...reader.take(2)], [1, 2]);
    assert.equal(reader.isAtEnd, true);
    assert.throws(() => reader.byte(), RangeError);
    assert.deepEqual([...new ByteReader(Buffer.from([9, 9, 1, 2]), 2).take(2)], [1, 2]);
  });
});
