import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readManifest } from '../../src/log/level-manifest.ts';
import { logOf, sized, tableKey, varint } from './level-bytes.ts';

const COMPARATOR = [varint(1), sized('leveldb.BytewiseComparator')];
const logNumber = (n: number): Buffer[] => [varint(2), varint(n)];
const nextFile = (n: number): Buffer[] => [varint(3), varint(n)];
const lastVersion = (n: number): Buffer[] => [varint(4), varint(n)];
const compactPointer = (level: number, key: string): Buffer[] => [varint(5), varint(level), sized(tableKey(key, 1))];
const deleted = (level: number, n: number): Buffer[] => [varint(6), varint(level), varint(n)];
const previousLog = (n: number): Buffer[] => [varint(9), varint(n)];
const added = (n: number, bytes: number, largest: string): Buffer[] => [
  ...[varint(7), varint(2), varint(n), varint(bytes)],
  ...[sized(tableKey('a', 1)), sized(tableKey(largest, 9))],
];

const record = (...parts: readonly Buffer[][]): Buffer => Buffer.concat(parts.flat());

describe('a MANIFEST', () => {
  test('says what the last of its records say', () => {
    const file = logOf(
      record(COMPARATOR, logNumber(3), previousLog(2), nextFile(5), lastVersion(70)),
      record(added(5, 1_000, 'm'), added(300, 2 ** 33, 'z'), compactPointer(1, 'm'), nextFile(301)),
      record(logNumber(302), previousLog(0), deleted(2, 5), added(303, 7, 'q')),
    );
    const { tables, ...rest } = readManifest(file);
    assert.deepEqual(rest, { logNumber: 302, previousLogNumber: 0, nextFile: 301, problems: [] });
    assert.deepEqual(
      [...tables],
      [
        [300, { number: 300, bytes: 2 ** 33, largest: Buffer.from('z') }],
        [303, { number: 303, bytes: 7, largest: Buffer.from('q') }],
      ],
    );
    assert.equal(readManifest(logOf(record(previousLog(8)))).previousLogNumber, 8);
  });

  test('of no bytes says nothing', () => {
    assert.deepEqual(readManifest(Buffer.alloc(0)), {
      ...{ logNumber: 0, previousLogNumber: 0, nextFile: 0, tables: new Map(), problems: [] },
    });
  });

  test('is read on behind a record that cannot be read', () => {
    const broken: [Buffer, string][] = [
      [record([varint(8)]), 'a field of the unknown kind 8'],
      [record([varint(2)]), '1 bytes at 1, and the end is at 1'],
      [record([varint(7), varint(0), varint(9), varint(9), sized('k'), sized('short')]), 'a key of 5 bytes'],
    ];
    for (const [bytes, why] of broken) {
      const first = record(logNumber(3));
      const { logNumber: log, nextFile: next, problems } = readManifest(logOf(first, bytes, record(nextFile(9))));
      assert.deepEqual([log, next], [3, 9]);
      assert.deepEqual(problems, [{ at: 9, what: `a record that cannot be read: ${why}`, isCut: false }]);
    }
  });

  test('that is damaged or cut off says where', () => {
    const file = logOf(record(logNumber(3)), record(nextFile(9)));
    const damaged = Buffer.from(file);
    damaged[8] = 77;
    const what = 'bytes whose checksum does not match';
    assert.deepEqual(readManifest(damaged).problems, [{ at: 0, what, isCut: false }]);
    const cut = readManifest(file.subarray(0, -1));
    assert.deepEqual(cut.problems, [{ at: 9, what: 'the file ends in the middle of a record', isCut: true }]);
    assert.equal(cut.logNumber, 3);
  });
});
