/**
 * Harm done to a stored log, as functions given to one harness. Whatever is done, a replay either says which frame is
 * damaged, or gives the state of an earlier commit, and that only where whole commits are gone from the very end: the
 * log alone cannot know of those, the witness beside it does.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { JobRow } from '../../src/job/row.ts';
import { HEADER_BYTES, readFrame } from '../../src/log/frame.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { ALL_KINDS, copyOf, NOW, openLog, rowsOf } from '../support/log.ts';
import { LogDriver } from '../support/log-driver.ts';

type Rows = Map<number, JobRow>;

interface Stored {
  /** The log as it is. */
  readonly frames: MemoryFrames;
  readonly rows: Rows;
  /** Every frame there ever was, also those that were trimmed. */
  readonly archive: MemoryFrames;
  /** The state after each commit, by the number of its last frame. */
  readonly commits: Map<number, Rows>;
  readonly head: number;
  readonly last: number;
}

/** A trimmed log with records of every kind, commits of one frame and of several. */
async function makeLog(seed: number, leastFrames = 0): Promise<Stored> {
  const driver = await LogDriver.open({ seed, slackBytes: 4_000, mostText: 40, mostJobs: 8 });
  driver.keepsRemains = true;
  driver.mark({ kind: 'opened', at: NOW });
  for (let round = 0; round < 40 || driver.log.ledger.tail < leastFrames || !hasAllKinds(driver.frames); round++) {
    assert.ok(round < 400, 'all kinds can be had');
    for (let n = driver.pick(9); n >= 0; n--) driver.act();
    if (round % 13 === 12) {
      driver.mark({ kind: 'closed', at: NOW });
      await driver.commit();
      await driver.reopen();
      driver.mark({ kind: 'opened', at: NOW });
    }
    await driver.commit();
  }
  // A few more that trim nothing. One is of several frames: in the middle stands a body that needs one for itself.
  driver.trimmer = new Trimmer(driver.log, 1e9);
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 3; n++) driver.act();
    if (round === 2) driver.record({ ...driver.newJob(), payload: JSON.stringify('x'.repeat(70_000)) });
    for (let n = 0; n < 3; n++) driver.act();
    await driver.commit();
  }
  const archive: MemoryFrames = new Map();
  const commits = new Map<number, Rows>();
  for (const { frames, rows } of driver.remains) {
    for (const [sequence, bytes] of frames) archive.set(sequence, bytes);
    commits.set([...frames.keys()].at(-1) as number, rows);
  }
  const numbers = [...driver.frames.keys()];
  const [head = 0, last = 0] = [numbers[0], numbers.at(-1)];
  return { frames: driver.frames, rows: rowsOf(driver.log.table), archive, commits, head, last };
}

function hasAllKinds(frames: MemoryFrames): boolean {
  const kinds = new Set<string>();
  for (const [sequence, bytes] of frames) {
    for (const { kind } of readRecords(readFrame(bytes, sequence), HEADER_BYTES, false)) kinds.add(kind);
  }
  return kinds.size === ALL_KINDS.length;
}

let stored: Stored;
/** Another log that has frames of the same numbers, as an older copy or a neighbour would. */
let other: Stored;
before(async () => {
  stored = await makeLog(11);
  other = await makeLog(12, stored.last);
});

type Harm = (frames: MemoryFrames) => void;

/** Does the harm to a copy, in the order of a store's keys, and replays it. */
async function replayAfter(harm: Harm): Promise<Rows> {
  const frames = copyOf(stored.frames);
  harm(frames);
  const sorted: MemoryFrames = new Map([...frames].sort(([a], [b]) => a - b));
  return rowsOf((await openLog(sorted)).table);
}

async function assertDamaged(harm: Harm, named: readonly number[], message?: string): Promise<void> {
  const where = named.map((sequence) => `frame ${sequence} of the log`);
  await assert.rejects(replayAfter(harm), (error: Error & { code?: string; where?: string; what?: string }) => {
    assert.equal(error.code, 'HOLDFAST_DAMAGED', `${message ?? ''} ${String(error)}`);
    assert.ok(where.includes(error.where ?? ''), `${message ?? ''} it names ${error.where}, not ${where.join(' or ')}`);
    assert.ok((error.what ?? '').length > 10);
    return true;
  });
}

function bytesOf(frames: MemoryFrames, sequence: number): Uint8Array {
  return frames.get(sequence) as Uint8Array;
}

function all(): number[] {
  return [...stored.frames.keys()];
}

describe('a log that is whole', () => {
  test('is replayed, and holds records of every kind', async () => {
    assert.deepEqual(await replayAfter(() => undefined), stored.rows);
    assert.ok(hasAllKinds(stored.frames));
    assert.ok(stored.head > 1 && stored.frames.size > 5, 'it was trimmed, and has a middle');
    assert.ok(stored.commits.size < stored.archive.size, 'a commit has several frames');
  });
});

describe('a flipped bit', () => {
  test('in any byte of any frame is found, and the frame named', async () => {
    let tried = 0;
    for (const sequence of all()) {
      const { length } = bytesOf(stored.frames, sequence);
      // Of the one large body every 97th byte is enough.
      for (let at = 0; at < length; at += length > 20_000 && at > 200 ? 97 : 1) {
        await assertDamaged(
          (frames) => {
            const bytes = bytesOf(frames, sequence);
            bytes[at] = (bytes[at] ?? 0) ^ (1 << (at & 7));
          },
          [sequence],
          `byte ${at} of frame ${sequence}`,
        );
        tried++;
      }
    }
    assert.ok(tried > 3_000);
  });
});

describe('a frame', () => {
  const harms: ReadonlyArray<readonly [sentence: string, harm: (bytes: Uint8Array) => Uint8Array]> = [
    ['that is empty', () => new Uint8Array(0)],
    ['that lost its last byte', (bytes) => bytes.subarray(0, bytes.length - 1)],
    ['that lost its second half', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['that has only its header', (bytes) => bytes.subarray(0, HEADER_BYTES)],
    ['that has not even its header', (bytes) => bytes.subarray(0, HEADER_BYTES - 1)],
    ['that lost its first byte', (bytes) => bytes.subarray(1)],
    ['that is longer by a zero', (bytes) => Uint8Array.from([...bytes, 0])],
    ['that is all zeros', (bytes) => new Uint8Array(bytes.length)],
    ['whose second half is zeros', (bytes) => bytes.slice().fill(0, bytes.length >> 1)],
    ['that is there twice in one', (bytes) => Buffer.concat([bytes, bytes])],
  ];
  for (const [sentence, harm] of harms) {
    test(`${sentence} is named, wherever it stands`, async () => {
      for (const sequence of all()) {
        await assertDamaged((frames) => frames.set(sequence, harm(bytesOf(frames, sequence))), [sequence], sentence);
      }
    });
  }

  test('that is missing at the head or in the middle is named, or the one behind it', async () => {
    for (const sequence of all().slice(0, -1)) {
      await assertDamaged((frames) => frames.delete(sequence), [sequence, sequence + 1]);
    }
  });

  test('is missed with all others before it', async () => {
    for (const sequence of all().slice(0, -1)) {
      const gone = all().filter((n) => n <= sequence);
      await assertDamaged((frames) => gone.forEach((n) => frames.delete(n)), [sequence + 1]);
    }
  });

  test('that has changed places with another is named', async () => {
    const numbers = all();
    for (const [n, first] of numbers.entries()) {
      for (const second of numbers.slice(n + 1)) {
        await assertDamaged(
          (frames) => {
            const bytes = bytesOf(frames, first);
            frames.set(first, bytesOf(frames, second));
            frames.set(second, bytes);
          },
          [first],
        );
      }
    }
  });

  test('that is there a second time under another number is named', async () => {
    for (const sequence of all()) {
      await assertDamaged((frames) => frames.set(stored.last + 1, bytesOf(frames, sequence)), [stored.last + 1]);
      await assertDamaged((frames) => frames.set(stored.head - 1, bytesOf(frames, sequence)), [stored.head - 1]);
    }
  });

  test('that was put back from another copy of the log breaks the chain there', async () => {
    let tried = 0;
    for (const sequence of all()) {
      const foreign = other.archive.get(sequence);
      if (foreign === undefined) continue;
      await assertDamaged((frames) => frames.set(sequence, foreign), [sequence, sequence + 1]);
      tried++;
    }
    assert.ok(tried > 5);
  });

  test('of a far number leaves a gap that is named', async () => {
    await assertDamaged(
      (frames) => frames.set(stored.last + 5, bytesOf(frames, stored.last)),
      [stored.last + 5, stored.last + 1],
    );
  });
});

describe('a log that was cut off at its end', () => {
  test('is that of an earlier commit if whole commits are gone, and damaged if a part of one is', async () => {
    let [prefixes, torn] = [0, 0];
    for (let last = stored.last - 1; last >= stored.head; last--) {
      const cut: Harm = (frames) => {
        for (let sequence = last + 1; sequence <= stored.last; sequence++) frames.delete(sequence);
      };
      const rows = stored.commits.get(last);
      // The trimmed frames are gone already, so what allows that must not be cut off.
      const isWhole = rows !== undefined && lastMarkBefore(last);
      if (isWhole) {
        assert.deepEqual(await replayAfter(cut), rows);
        prefixes++;
      } else {
        await assertDamaged(cut, [stored.head, ...all().filter((n) => n <= last)]);
        if (rows === undefined) torn++;
      }
    }
    assert.ok(prefixes > 0 && torn > 0, `${prefixes} prefixes, ${torn} torn commits`);
  });

  test('is as it was before, if all of it is put back to an earlier state', async () => {
    for (const [last, rows] of stored.commits) {
      const frames = new Map([...stored.archive].filter(([sequence]) => sequence <= last));
      assert.deepEqual(rowsOf((await openLog(frames)).table), rows);
    }
  });

  test('is empty if nothing is left', async () => {
    assert.deepEqual(await replayAfter((frames) => frames.clear()), new Map());
  });
});

/** Whether the mark that says from where the log is kept is among the frames up to `last`. */
function lastMarkBefore(last: number): boolean {
  let head = 1;
  for (const [sequence, bytes] of stored.frames) {
    if (sequence > last) break;
    for (const event of readRecords(readFrame(bytes, sequence), HEADER_BYTES, false)) {
      if (event.kind === 'trimmed') head = event.head;
    }
  }
  return head >= stored.head;
}

describe('deleted frames that come back, as a repair of LevelDB brings them', () => {
  test('change nothing if they join on, and leave a gap that is named if they do not', async () => {
    for (let first = stored.head - 1; first >= 1; first--) {
      const rows = await replayAfter((frames) => {
        for (let sequence = first; sequence < stored.head; sequence++)
          frames.set(sequence, bytesOf(stored.archive, sequence));
      });
      assert.deepEqual(rows, stored.rows);
    }
    await assertDamaged((frames) => frames.set(1, bytesOf(stored.archive, 1)), [2]);
  });
});
