import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readTable, tableProblem } from '../../src/log/level-table.ts';
import { type Block, content, DELETION, handle, TableBytes, tableKey, varint } from './level-bytes.ts';

const text = (word: string): Buffer => Buffer.from(word);
const entry = (key: string, version: number, value = key.toUpperCase()): [Buffer, Buffer] => [
  tableKey(key, version),
  text(value),
];
const indexOf = (blocks: readonly Block[]): Buffer => content(blocks.map((block) => [text('k'), handle(block)]));

interface Made {
  readonly file: Buffer;
  readonly blocks: readonly Block[];
  readonly filter: Block;
  readonly metaindex: Block;
  readonly index: Block;
}

const FIRST = content([entry('ant', 5), entry('anteater', 4), [tableKey('bee', 3, DELETION), text('')]], 2);
const SECOND = content([entry('cat', 2), entry('dog', 1)]);

/** A table of two blocks with a filter, or of whatever is given instead of them. */
function table(contents: readonly Buffer[] = [FIRST, SECOND], compression = 0): Made {
  const bytes = new TableBytes();
  const blocks = contents.map((block) => bytes.add(block, compression));
  const filter = bytes.add(text('a filter'));
  const metaindex = bytes.add(indexOf([filter]));
  const index = bytes.add(indexOf(blocks));
  return { file: bytes.end(metaindex, index), blocks, filter, metaindex, index };
}

/** The keys that are read, with what they hold, or what is wrong and where. */
function read(file: Buffer): unknown[] {
  return Array.from(readTable(file), (item) => {
    if (item.kind === 'problem') return [item.at, item.what];
    const { key, version, value } = item.entry;
    return `${String(key)} ${version} ${String(value)}`;
  });
}

const ONE = ['ant 5 ANT', 'anteater 4 ANTEATER', 'bee 3 undefined'];
const TWO = ['cat 2 CAT', 'dog 1 DOG'];

function flipped(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** What is said of a table, by both ways to look at it. */
function assertProblem(file: Buffer, at: number, what: string, left: readonly unknown[]): void {
  assert.deepEqual(tableProblem(file), { kind: 'problem', at, what });
  assert.deepEqual(
    read(file).filter((item) => typeof item === 'string'),
    left,
  );
  assert.ok(read(file).some((item) => Array.isArray(item) && item[1] === what));
}

describe('a table', () => {
  test('is read block by block, with deletions, and keys that share their beginnings', () => {
    const { file } = table();
    assert.deepEqual(read(file), [...ONE, ...TWO]);
    assert.equal(tableProblem(file), undefined);
  });

  test('may have compressed blocks', () => {
    // As one literal, which Snappy writes for what cannot be made smaller.
    const literal = Buffer.concat([varint(SECOND.length), Buffer.from([60 << 2, SECOND.length - 1]), SECOND]);
    assert.deepEqual(read(table([literal], 1).file), TWO);
  });

  test('may hold nothing', () => {
    const { file } = table([]);
    assert.deepEqual([read(file), tableProblem(file)], [[], undefined]);
  });
});

describe('a damaged block of a table', () => {
  const SUM = 'a block cannot be read: its checksum does not match';

  test('is told with its place, and the others are read', () => {
    const { file, blocks } = table();
    const [first, second] = blocks as [Block, Block];
    for (const at of [first.at, first.at + first.size - 1, first.at + first.size, first.at + first.size + 4]) {
      assert.deepEqual(read(flipped(file, at)), [[first.at, SUM], ...TWO]);
      assertProblem(flipped(file, at), first.at, SUM, TWO);
    }
    assertProblem(flipped(file, second.at), second.at, SUM, ONE);
  });

  test('is told when it lies beyond the end of the file, and when it is as long as none', () => {
    const bytes = new TableBytes();
    const good = bytes.add(SECOND);
    const metaindex = bytes.add(indexOf([]));
    for (const bad of [
      { at: 1_000_000, size: 3 },
      { at: 0, size: 1_000_000 },
      { at: 2 ** 52, size: 2 ** 52 },
    ]) {
      const more = new TableBytes();
      more.bytes = bytes.bytes;
      const file = more.end(metaindex, more.add(indexOf([good, bad])));
      assertProblem(file, bad.at, 'a block cannot be read: it lies outside of the file', TWO);
    }
  });

  test('gives nothing of what stands before the damage in it', () => {
    const broken: [Buffer, string][] = [
      [Buffer.alloc(3), 'it has 3 bytes'],
      [Buffer.from([9, 0, 0, 0]), 'it has 9 restarts'],
      [content([entry('x', 1), [text('short'), text('')]]), 'a key of 5 bytes'],
      [content([entry('x', 1), [tableKey('y', 2, 7), text('')]]), 'an entry of the type 7'],
      [Buffer.concat([varint(1), varint(0), varint(0), Buffer.alloc(4)]), 'a key shares more than there is'],
      [Buffer.concat([varint(0), varint(9), varint(0), Buffer.alloc(4)]), '9 bytes at 3, and the end is at 3'],
    ];
    for (const [block, why] of broken) {
      const { file } = table([block, SECOND]);
      assert.deepEqual(read(file), [[0, `a block cannot be read: ${why}`], ...TWO]);
      // Its checksums are right.
      assert.equal(tableProblem(file), undefined);
    }
    const unknown = table([SECOND], 2).file;
    assert.deepEqual(read(unknown), [[0, 'a block cannot be read: the unknown compression 2']]);
  });
});

describe('a table whose index is damaged', () => {
  test('is read from its beginning, as far as checksums go', () => {
    const { file, index, blocks } = table();
    const end = file.length - 48;
    const SUM = 'its index cannot be read: its checksum does not match';
    assert.deepEqual(read(flipped(file, index.at)), [[end, SUM], ...ONE, ...TWO]);
    assertProblem(flipped(file, index.at), end, SUM, [...ONE, ...TWO]);
    const [, second] = blocks as [Block, Block];
    assert.deepEqual(read(flipped(flipped(file, index.at), second.at)), [[end, SUM], ...ONE]);
  });

  test('is one that has no end, or another', () => {
    const { file } = table();
    for (const at of [file.length - 8, file.length - 1]) {
      assertProblem(flipped(file, at), file.length - 48, 'its index cannot be read: it does not end as one', [
        ...ONE,
        ...TWO,
      ]);
    }
    for (const length of [0, 47]) {
      const what = `its index cannot be read: the file has ${length} bytes`;
      assert.deepEqual(read(Buffer.alloc(length)), [[0, what]]);
      assert.deepEqual(tableProblem(Buffer.alloc(length)), { kind: 'problem', at: 0, what });
    }
  });

  test('that was cut off is read as far as it goes', () => {
    const { file, blocks } = table();
    const [first, second] = blocks as [Block, Block];
    const cut = file.subarray(0, second.at + 3);
    assert.deepEqual(read(cut).slice(1), ONE);
    assert.deepEqual(read(file.subarray(0, first.size + 5)).slice(1), ONE);
    assert.deepEqual(read(file.subarray(0, first.size + 4)).slice(1), []);
  });
});

describe('what LevelDB skips blocks by', () => {
  test('is held against its checksum, too', () => {
    const { file, blocks, filter, metaindex } = table();
    const SUM = 'its filter cannot be read: its checksum does not match';
    for (const { at } of [filter, metaindex]) {
      assert.deepEqual(read(flipped(file, at)), [...ONE, ...TWO, [blocks[1]?.at, SUM]]);
    }
    const block = 'a block cannot be read: its checksum does not match';
    assert.deepEqual(tableProblem(flipped(file, filter.at)), { kind: 'problem', at: filter.at, what: block });
    assert.deepEqual(tableProblem(flipped(file, metaindex.at)), {
      ...{ kind: 'problem', at: file.length - 48, what: 'its index cannot be read: its checksum does not match' },
    });
    const empty = table([]);
    assert.deepEqual(read(flipped(empty.file, empty.filter.at)), [[0, SUM]]);
  });
});
