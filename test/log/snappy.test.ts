/** Snappy by bytes written out by hand, from the description of its format. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decompressed } from '../../src/log/snappy.ts';

const text = (...bytes: number[]): string => decompressed(Buffer.from(bytes)).toString('latin1');
const A = 97;

test('a literal is copied: short, of 60 bytes, and with its length in one, two and three bytes', () => {
  assert.equal(text(3, 2 << 2, A, A + 1, A + 2), 'abc');
  for (const [length, ...head] of [
    [60, 59 << 2],
    [61, 60 << 2, 60],
    [256, 60 << 2, 255],
    [300, 61 << 2, 299 & 255, 299 >> 8],
    [70_000, 62 << 2, 69_999 & 255, (69_999 >> 8) & 255, 69_999 >> 16],
  ] as const) {
    const varint = [length & 127, (length >> 7) & 127, length >> 14].map((part, n) => part | (n < 2 ? 128 : 0));
    assert.equal(text(...varint, ...head, ...Array.from({ length }, () => A)), 'a'.repeat(length));
  }
});

test('a copy repeats what stands before, also itself, with its offset in one, two and four bytes', () => {
  assert.equal(text(8, 3 << 2, A, A + 1, A + 2, A + 3, 1, 4), 'abcdabcd');
  assert.equal(text(9, 0, A, 1 | (4 << 2), 1), 'a'.repeat(9));
  assert.equal(text(7, 1 << 2, A, A + 1, 2 | (4 << 2), 2, 0), 'abababa');
  assert.equal(text(5, 1 << 2, A, A + 1, 3 | (2 << 2), 2, 0, 0, 0), 'ababa');
  const far = Array.from({ length: 300 }, (_, n) => A + (n % 7));
  const [varint, head] = [
    [(304 & 127) | 128, 304 >> 7],
    [61 << 2, 299 & 255, 299 >> 8],
  ] as const;
  const start = String.fromCharCode(...far.slice(0, 4));
  assert.ok(text(...varint, ...head, ...far, 1 | (1 << 5), 300 & 255).endsWith(start), 'eleven bits');
  assert.ok(text(...varint, ...head, ...far, 2 | (3 << 2), 300 & 255, 1).endsWith(start), 'sixteen bits');
});

test('what is not what it writes is refused', () => {
  const wrong: ReadonlyArray<readonly [bytes: number[], message: RegExp]> = [
    [[200, 1, 0], /a length of 200 bytes/],
    [[2, 2 << 2, A, A, A], /more bytes than were announced/],
    [[4, 0, A, 2 | (2 << 2), 0, 0], /a copy from outside/],
    [[4, 0, A, 2 | (2 << 2), 2, 0], /a copy from outside/],
    [[3, 0, A, 2 | (2 << 2), 1, 0], /a copy from outside/],
    [[3, 0, A], /1 bytes of 3/],
  ];
  for (const [bytes, message] of wrong) {
    assert.throws(() => text(...bytes), { name: 'RangeError', message }, bytes.join(' '));
  }
});
