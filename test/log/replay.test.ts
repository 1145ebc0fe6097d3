import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { LogEvent } from '../../src/job/event.ts';
import { JobTable } from '../../src/job/table.ts';
import { type MemoryFrames, openMemoryStore } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';
import { carried, copyOf, enqueued, frameOf, NOW, openLog, rowsOf } from '../support/log.ts';
import { LogDriver } from '../support/log-driver.ts';

/** A store with these commits, each of one frame, as if somebody had written them. */
function framesOf(
  commits: ReadonlyArray<readonly LogEvent[]>,
  first = 1,
  chain = 0,
  table = new JobTable(),
): MemoryFrames {
  const frames: MemoryFrames = new Map();
  let previousChain = chain;
  for (const [n, events] of commits.entries()) {
    const { frame } = frameOf(events, { sequence: first + n, previousChain, table });
    frames.set(frame.sequence, frame.bytes);
    previousChain = frame.chain;
  }
  return frames;
}

/** A frame with bytes changed and a checksum that is right. */
function changed(frame: Uint8Array, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(frame);
  change(bytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

const start = (slot: number, starts = 1): LogEvent => ({ kind: 'started', slot, at: NOW, starts });
const complete = (slot: number): LogEvent => ({ kind: 'completed', slot, at: NOW, result: undefined });
const remove = (slot: number): LogEvent => ({ kind: 'removed', slot, at: NOW });

describe('a replay', () => {
  test('gives what was in memory, after any legal events and commits, and goes on from there', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const driver = await LogDriver.open({ seed, slackBytes: 1e9 });
      for (let round = 0; round < 25; round++) {
        for (let n = driver.pick(30); n >= 0; n--) driver.act();
        await driver.commit(() => {
          for (let n = driver.pick(5); n > 0; n--) driver.act();
        });
        if (driver.pick(4) > 0) continue;
        await driver.settle();
        await driver.checkReplay();
        await driver.reopen();
      }
      await driver.settle();
      await driver.checkReplay();
      driver.checkHistories();
    }
  });

  test('gives the same when it is done twice, and writes nothing', async () => {
    const driver = await LogDriver.open({ seed: 99 });
    for (let n = 0; n < 400; n++) {
      driver.act();
      if (n % 13 === 0) await driver.commit();
    }
    await driver.settle();
    const frames = copyOf(driver.frames);
    const once = await openLog(frames);
    const twice = await openLog(frames);
    assert.deepEqual(rowsOf(once.table), rowsOf(twice.table));
    assert.deepEqual([...frames.keys()], [...driver.frames.keys()]);
    assert.equal(once.hasUncommitted, false);
    assert.equal(once.table.freeSlot(), twice.table.freeSlot());
  });

  test('of nothing gives an empty log that begins with frame 1', async () => {
    const replayed = await replay(openMemoryStore(), 1_000);
    const { log, ...rest } = replayed;
    assert.deepEqual(rest, { wasClosed: false, frameCount: 0, recordCount: 0, newestAt: 0 });
    assert.deepEqual(log.witnessed, { sequence: 0, chain: 0 });
    assert.equal(log.record(enqueued(0)), 65_536 + 40);
  });

  test('says what it read: how many frames and records, how new, and whether the log was closed', async () => {
    const frames = framesOf([
      [{ kind: 'opened', at: NOW }, enqueued(0, { at: NOW + 500 })],
      [{ kind: 'closed', at: NOW + 100 }],
    ]);
    const closed = await replay(openMemoryStore(frames), 1_000);
    assert.deepEqual(
      { ...closed, log: undefined },
      { log: undefined, wasClosed: true, frameCount: 2, recordCount: 3, newestAt: NOW + 500 },
    );
    frames.delete(2);
    assert.equal((await replay(openMemoryStore(frames), 1_000)).wasClosed, false);
  });

  test('continues the chain: what is written after it can be replayed with what was before', async () => {
    const frames: MemoryFrames = new Map();
    for (let life = 0; life < 5; life++) {
      const log = await openLog(frames);
      log.record(enqueued(log.table.freeSlot(), { id: `job:${life}` }));
      await log.commit();
    }
    assert.deepEqual(
      [...rowsOf((await openLog(frames)).table).values()].map(({ id }) => id),
      [0, 1, 2, 3, 4].map((n) => `job:${n}`),
    );
  });
});

describe('a replay refuses', () => {
  const damaged = (where: string, message: RegExp) => ({
    code: 'HOLDFAST_DAMAGED',
    where: `${where} of the log`,
    message,
  });

  /** Illegal events cannot be written by the journal, so the frames are made by hand; their checksums are right. */
  const cases: ReadonlyArray<readonly [sentence: string, frames: () => MemoryFrames, expected: object]> = [
    [
      'an event that is illegal in the state it meets',
      () =>
        framesOf([
          [enqueued(0)],
          [start(0), complete(0), { kind: 'revived', slot: 0, at: NOW, dueAt: NOW, keepAttempts: false }, enqueued(0)],
        ]),
      damaged('frame 2', /a job that is waiting is 'enqueued' there/),
    ],
    [
      'an illegal event in the first frame of a log that begins later, by the name of that frame',
      () =>
        framesOf(
          [[carried(0), carried(0, { state: 'completed' }), enqueued(0), { kind: 'trimmed', at: NOW, head: 8 }]],
          8,
          1,
        ),
      damaged('frame 8', /a job that is completed is 'enqueued' there/),
    ],
    [
      'a first frame that is not the one the second was written after',
      () =>
        framesOf([[enqueued(0), enqueued(1)], [start(0), remove(1)], [complete(0)]], 1).set(
          1,
          frameOf([{ kind: 'opened', at: NOW }]).frame.bytes,
        ),
      damaged('frame 2', /it does not continue the frame before it/),
    ],
    [
      'orphans without a mark that allows them',
      () => {
        const table = new JobTable();
        frameOf([enqueued(0)], { table });
        return framesOf([[{ kind: 'opened', at: NOW }], [start(0)]], 1, 0, table);
      },
      damaged('frame 2', /a record about a job whose beginning is missing/),
    ],
    [
      'orphans behind the last mark that allows orphans',
      () => {
        const table = new JobTable();
        frameOf([enqueued(0), enqueued(1)], { table });
        return framesOf([[start(0), { kind: 'trimmed', at: NOW, head: 5 }], [start(1)]], 5, 1, table);
      },
      damaged('frame 6', /a record about a job whose beginning is missing/),
    ],
    [
      'head frames that are gone without a mark',
      () => framesOf([[{ kind: 'opened', at: NOW }]], 3, 1),
      damaged('frame 3', /the frames from 1 to the one before it are missing/),
    ],
    [
      'more head frames gone than the mark says',
      () => framesOf([[{ kind: 'opened', at: NOW }], [{ kind: 'trimmed', at: NOW, head: 4 }]], 6, 1),
      damaged('frame 6', /the frames from 4 to the one before it are missing/),
    ],
    [
      'a gap',
      () => {
        const frames = framesOf([[enqueued(0)], [enqueued(1)], [enqueued(2)], [enqueued(3)]]);
        frames.delete(2);
        frames.delete(3);
        return frames;
      },
      damaged('frame 2', /it is missing; the next one found is frame 4/),
    ],
    [
      'a commit that is there in part',
      () => {
        const first = frameOf([enqueued(0)], { isLastOfCommit: false }).frame;
        return new Map([[1, first.bytes]]);
      },
      damaged('frame 1', /a commit is there in part; the rest of its frames is missing/),
    ],
    [
      'a record that names another one as the one before it',
      () => {
        const table = new JobTable();
        frameOf([enqueued(0), start(0)], { table });
        return new Map([
          [1, frameOf([enqueued(0)]).frame.bytes],
          [
            2,
            frameOf([start(0)], { sequence: 2, previousChain: frameOf([enqueued(0)]).frame.chain, table }).frame.bytes,
          ],
        ]);
      },
      damaged('frame 2', /the job job:0 is 'started' there, after a record that is not its last/),
    ],
  ];
  for (const [sentence, frames, expected] of cases) {
    test(sentence, async () => {
      await assert.rejects(openLog(frames()), expected);
    });
  }

  test('a frame whose count of records is not what it holds', async () => {
    const { frame } = frameOf([enqueued(0), enqueued(1)]);
    await assert.rejects(
      openLog(new Map([[1, changed(frame.bytes, (bytes) => bytes.writeUInt32LE(3, 32))]])),
      damaged('frame 1', /it says that it holds 3 records, and holds 2/),
    );
  });

  test('labels that are not JSON', async () => {
    const frames = framesOf([[{ kind: 'opened', at: NOW }], [enqueued(0, { labels: '{"unique":"a"}' })]]);
    const broken = changed(frames.get(2) as Uint8Array, (bytes) => bytes.write('[', bytes.indexOf('{"unique"')));
    await assert.rejects(openLog(frames.set(2, broken)), damaged('frame 2', /there are labels that are not JSON/));
  });

  test('a slot for which there is no memory', async () => {
    const frames = framesOf([[{ kind: 'opened', at: NOW }, enqueued(0)]]);
    // The slot stands behind the mark of the opening, which has 22 bytes.
    const broken = changed(frames.get(1) as Uint8Array, (bytes) => bytes.writeUInt32LE(0xfffffff0, 40 + 22 + 10));
    await assert.rejects(openLog(frames.set(1, broken)), damaged('frame 1', /a slot for which there is no memory/));
  });

  test('what its store says it cannot read', async () => {
    const store = openMemoryStore(framesOf([[enqueued(0)]]));
    const failing = {
      ...{
        write: store.write.bind(store),
        read: store.read.bind(store),
        readSync: store.readSync.bind(store),
        close: store.close.bind(store),
      },
      async *scan() {
        yield* store.scan();
        throw new Error('a table is damaged');
      },
    };
    await assert.rejects(replay(failing, 1_000), /a table is damaged/);
  });
});

describe('records of a job whose beginning was trimmed', () => {
  test('are passed over before the mark that says so; what was carried stands', async () => {
    const table = new JobTable();
    frameOf([enqueued(0), enqueued(1), enqueued(2)], { table });
    const frames = framesOf(
      [
        [start(0), start(1), remove(2)],
        [complete(1), carried(0, { state: 'running', token: 7 }), carried(1, { state: 'completed' })],
        [{ kind: 'trimmed', at: NOW, head: 2 }],
      ],
      2,
      1,
      table,
    );
    const { table: replayed } = await openLog(frames);
    assert.deepEqual(
      [...rowsOf(replayed).values()].map(({ id, state }) => `${id} ${state}`),
      ['job:0 running', 'job:1 completed'],
    );
    assert.equal(replayed.tokenOf(0), 7);
  });

  test('do not disturb a job that has its slot since', async () => {
    const table = new JobTable();
    frameOf([enqueued(0)], { table });
    const frames = framesOf(
      [
        [start(0), complete(0), remove(0), enqueued(0, { id: 'the next one' }), start(0)],
        [{ kind: 'trimmed', at: NOW, head: 2 }],
      ],
      2,
      1,
      table,
    );
    const [row] = rowsOf((await openLog(frames)).table).values();
    assert.equal(row?.id, 'the next one');
    assert.equal(row?.state, 'running');
  });
});
