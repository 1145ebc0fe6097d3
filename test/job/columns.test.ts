import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JobColumns } from '../../src/job/columns.ts';

type ColumnName = Exclude<keyof JobColumns, 'capacity' | 'makeRoomFor' | 'expect' | 'setCounters'>;

const LIMITS = {
  state: [0, 255],
  priority: [-(2 ** 31), 2 ** 31 - 1],
  order: [-Number.MAX_VALUE, Number.MAX_SAFE_INTEGER],
  createdAt: [0, Number.MAX_SAFE_INTEGER],
  dueAt: [0, Number.MAX_VALUE],
  home: [0, Number.MAX_SAFE_INTEGER],
  last: [0, Number.MAX_SAFE_INTEGER],
  bytes: [0, 2 ** 32 - 1],
  starts: [0, 2 ** 32 - 1],
  attempts: [0, 65_535],
  interrupts: [0, 65_535],
  snoozes: [0, 65_535],
  crashes: [0, 255],
  type: [0, 65_535],
  queue: [0, 65_535],
} as const satisfies Record<ColumnName, readonly [least: number, most: number]>;

const NAMES = Object.keys(LIMITS) as ColumnName[];

describe('the columns of jobs', () => {
  test('all hold the numbers they are meant for, and grow together without losing one', () => {
    const columns = new JobColumns();
    const written = 200;
    for (let slot = 0; slot < written; slot++) {
      columns.makeRoomFor(slot);
      for (const name of NAMES) columns[name][slot] = LIMITS[name][slot % 2] as number;
    }
    columns.makeRoomFor(100_000);
    for (const name of NAMES) {
      assert.ok(columns[name].length >= columns.capacity, `${name} grows with the others`);
      for (let slot = 0; slot < written; slot++)
        assert.equal(columns[name][slot], LIMITS[name][slot % 2], `${name} of ${slot}`);
      assert.equal(columns[name][100_000], 0, `${name} begins as 0`);
    }
  });

  test('are all known to this test', () => {
    const arrays = Object.entries(new JobColumns()).filter(([, value]) => ArrayBuffer.isView(value));
    assert.deepEqual(arrays.map(([name]) => name).sort(), [...NAMES].sort());
  });

  test('have room for a slot far beyond the last, and grow by more than one at a time', () => {
    const columns = new JobColumns();
    columns.makeRoomFor(1_000_000);
    assert.ok(columns.capacity > 1_000_000);
    const before = columns.capacity;
    columns.makeRoomFor(columns.capacity);
    assert.ok(columns.capacity >= before * 1.4);
    const array = columns.order;
    columns.makeRoomFor(5);
    assert.equal(columns.order, array, 'and not at all while there is room');
  });

  test('do not grow all at once, since that would hold the event loop up', () => {
    const columns = new JobColumns();
    for (let slot = 0; slot < 5_000; slot++) {
      const before = new Map(NAMES.map((name) => [name, columns[name]]));
      columns.makeRoomFor(slot);
      const grown = NAMES.filter((name) => columns[name] !== before.get(name));
      assert.ok(slot < 500 || grown.length <= 2, `${grown.join()} at ${slot}`);
    }
  });

  test('take no more than is expected and their different lengths need, and grow one by one behind it', () => {
    const columns = new JobColumns();
    for (let slot = 0; slot <= 4_000; slot++) columns.makeRoomFor(slot);
    for (const name of NAMES) columns[name][4_000] = 1;
    columns.expect(100_000);
    assert.ok(columns.capacity >= 100_000);
    for (const name of NAMES) {
      assert.equal(columns[name][4_000], 1, name);
      assert.ok(columns[name].length < 220_000, `${name} has ${columns[name].length} places`);
    }
    const arrays = NAMES.map((name) => columns[name]);
    columns.expect(50_000);
    assert.deepEqual(
      NAMES.filter((name, n) => columns[name] !== arrays[n]),
      [],
    );
    columns.makeRoomFor(columns.capacity);
    assert.ok(NAMES.filter((name, n) => columns[name] !== arrays[n]).length <= 2);
  });

  test('take 64 bytes a job', () => {
    const columns = new JobColumns();
    const bytes = NAMES.reduce((sum, name) => sum + columns[name].BYTES_PER_ELEMENT, 0);
    assert.equal(bytes, 64);
  });
});
