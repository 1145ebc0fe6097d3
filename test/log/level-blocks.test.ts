import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readBlocks } from '../../src/log/level-blocks.ts';
import { BLOCK_BYTES, FIRST, FULL, LAST, logOf, MIDDLE, piece } from './level-bytes.ts';

const SUM = 'bytes whose checksum does not match';
const CUT = 'the file ends in the middle of a record';
const UNFINISHED = 'a record begins there and does not end';
const ORPHAN = 'a piece of a record whose beginning is not there';

/** What is read: where each record begins and its text, if that is short; or what is wrong there. */
function read(...parts: readonly Buffer[]): unknown[] {
  return Array.from(readBlocks(Buffer.concat(parts)), (item) => {
    if (item.kind === 'record') return [item.at, item.bytes.length < 20 ? item.bytes.toString() : item.bytes.length];
    return [item.at, item.what, ...(item.isCut ? ['cut'] : [])];
  });
}

const text = (word: string): Buffer => Buffer.from(word);
const full = (word: string): Buffer => piece(FULL, text(word));

describe('a file that LevelDB appends to', () => {
  test('is read record by record, also of no bytes', () => {
    assert.deepEqual(read(logOf(text('one'), text(''), text('three'))), [
      [0, 'one'],
      [10, ''],
      [17, 'three'],
    ]);
    assert.deepEqual(read(Buffer.alloc(0)), []);
  });

  test('has records that go over the ends of blocks, and is put together as it was', () => {
    const long = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
    const items = [...readBlocks(logOf(text('before'), long, text('behind')))];
    assert.deepEqual(
      items.map(({ kind }) => kind),
      ['record', 'record', 'record'],
    );
    assert.ok(items[1]?.kind === 'record' && items[1].bytes.equals(long));
    assert.equal(items[1]?.at, 13);
    assert.ok(items[2]?.kind === 'record' && items[2].bytes.toString() === 'behind');
  });

  test('leaves up to six bytes at the end of a block, and a piece without bytes at seven', () => {
    for (let left = 0; left <= 8; left++) {
      const size = BLOCK_BYTES - 7 - left;
      const behind = left < 7 ? BLOCK_BYTES : size + 7;
      assert.deepEqual(read(logOf(Buffer.alloc(size, 7), text('behind'))), [
        [0, size],
        [behind, 'behind'],
      ]);
    }
  });
});

describe('damage in such a file', () => {
  test('is told once, where it begins, and what stands behind it is read', () => {
    const damaged = full('damaged');
    damaged[9] = 0;
    assert.deepEqual(read(full('one'), damaged, full('three')), [
      [0, 'one'],
      [10, SUM],
      [24, 'three'],
    ]);
  });

  test('is told in each block it lies in', () => {
    assert.deepEqual(read(Buffer.alloc(2 * BLOCK_BYTES, 9), full('behind')), [
      [0, SUM],
      [BLOCK_BYTES, SUM],
      [2 * BLOCK_BYTES, 'behind'],
    ]);
    assert.deepEqual(read(Buffer.alloc(BLOCK_BYTES), full('behind')), [
      [0, SUM],
      [BLOCK_BYTES, 'behind'],
    ]);
  });

  test('is told of a block whose end is damaged, though only six bytes are left there', () => {
    const fill = piece(FULL, Buffer.alloc(BLOCK_BYTES - 7 - 20));
    assert.deepEqual(read(fill, Buffer.alloc(20, 9), full('behind')).slice(1), [
      [BLOCK_BYTES - 20, SUM],
      [BLOCK_BYTES, 'behind'],
    ]);
  });

  test('is what has the checksum of a piece and the type of none', () => {
    for (const type of [0, 5]) {
      assert.deepEqual(read(piece(type, text('x')), full('behind')), [
        [0, SUM],
        [8, 'behind'],
      ]);
    }
  });
});

describe('a record in pieces', () => {
  test('is one from the first to the last', () => {
    const pieces = [
      piece(FIRST, text('a')),
      piece(MIDDLE, text('b')),
      piece(MIDDLE, text('c')),
      piece(LAST, text('d')),
    ];
    assert.deepEqual(read(full('x'), ...pieces, full('y')), [
      [0, 'x'],
      [8, 'abcd'],
      [40, 'y'],
    ]);
  });

  test('is not one without its beginning', () => {
    for (const type of [MIDDLE, LAST]) {
      assert.deepEqual(read(full('x'), piece(type, text('b')), full('y')), [
        [0, 'x'],
        [8, ORPHAN],
        [16, 'y'],
      ]);
    }
  });

  test('is not one when another begins before its end', () => {
    assert.deepEqual(read(piece(FIRST, text('a')), full('y')), [
      [0, UNFINISHED],
      [8, 'y'],
    ]);
    assert.deepEqual(read(piece(FIRST, text('a')), piece(FIRST, text('b')), piece(LAST, text('c'))), [
      [0, UNFINISHED],
      [8, 'bc'],
    ]);
  });

  test('is not one with damage in it, which is told behind it', () => {
    const damaged = piece(MIDDLE, text('b'));
    damaged[7] = 0;
    assert.deepEqual(read(full('x'), piece(FIRST, text('a')), damaged, piece(LAST, text('c')), full('y')), [
      [0, 'x'],
      [8, UNFINISHED],
      [16, SUM],
      [24, ORPHAN],
      [32, 'y'],
    ]);
  });
});

describe('the end of a file is cut off', () => {
  test('where a piece is there in part', () => {
    const last = full('a longer record');
    for (let length = 1; length < last.length; length++) {
      assert.deepEqual(read(full('x'), last.subarray(0, length)), [
        [0, 'x'],
        [8, CUT, 'cut'],
      ]);
    }
  });

  test('where a record has no last piece', () => {
    assert.deepEqual(read(full('x'), piece(FIRST, text('a'))), [
      [0, 'x'],
      [8, UNFINISHED, 'cut'],
    ]);
    assert.deepEqual(read(full('x'), piece(FIRST, text('a')), full('cut').subarray(0, 8)), [
      [0, 'x'],
      [8, UNFINISHED, 'cut'],
      [16, CUT, 'cut'],
    ]);
  });

  test('where there is room that was never used', () => {
    assert.deepEqual(read(full('x'), Buffer.alloc(100)), [
      [0, 'x'],
      [8, CUT, 'cut'],
    ]);
  });

  test('but is damaged where a whole piece would fit, and where what is there is none', () => {
    for (const [at, value] of [
      [8, 1],
      [6, 0],
      [6, 5],
    ] as const) {
      const last = full('y');
      last[at - 1] = value;
      if (at === 6) last[6] = value;
      assert.deepEqual(read(full('x'), last).at(1), [8, SUM]);
    }
    const unknown = full('cut off').subarray(0, 10);
    unknown[6] = 9;
    assert.deepEqual(read(full('x'), unknown).at(1), [8, SUM]);
  });
});
