import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FULL_FRAME_BYTES } from '../../src/log/frame.ts';
import { readJobNow } from '../../src/log/history.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { copyOf, enqueued, entriesOf, NOW, openLog, rowsOf } from '../support/log.ts';
import { LogDriver } from '../support/log-driver.ts';

const text = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));

describe('trimming', () => {
  test('carries whatever lives, so that nothing of any job is lost, and any prefix of commits can be replayed', async () => {
    let carriedCount = 0;
    let deaths = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const driver = await LogDriver.open({ seed, slackBytes: 3_000, mostText: seed % 3 === 0 ? 30_000 : 500 });
      driver.keepsRemains = true;
      for (let round = 0; round < 60; round++) {
        for (let n = driver.pick(20); n >= 0; n--) driver.act();
        await driver.commit(() => {
          for (let n = driver.pick(6); n > 0; n--) driver.act();
        });
      }
      await driver.settle();
      assert.ok(driver.log.ledger.head > 1, 'something was trimmed');
      await driver.checkReplay();
      driver.checkHistories();
      carriedCount += driver.carriedCount;
      for (const { frames, rows, entries, liveBytes } of driver.remains) {
        const { table } = await openLog(frames);
        assert.deepEqual(rowsOf(table), rows);
        assert.deepEqual(entriesOf(table), entries);
        assert.equal(table.liveBytes, liveBytes);
        deaths++;
      }
    }
    assert.ok(carriedCount > 100, `only ${carriedCount} jobs were carried`);
    assert.ok(deaths > 700, `only ${deaths} deaths were tried`);
  });

  test('goes on after a death where it was, however often', async () => {
    for (let seed = 50; seed < 56; seed++) {
      const driver = await LogDriver.open({ seed, slackBytes: 2_000 });
      for (let round = 0; round < 40; round++) {
        for (let n = driver.pick(15); n >= 0; n--) driver.act();
        await driver.commit();
        // Everything is committed now, but a trimming may be half done.
        if (driver.pick(3) === 0) await driver.reopen();
      }
      await driver.settle();
      await driver.checkReplay();
      driver.checkHistories();
      const { ledger, table } = driver.log;
      assert.ok(ledger.totalBytes <= 2 * table.liveBytes + 2_000);
    }
  });

  test('keeps the log within twice what is alive and the slack, once it is idle', async () => {
    for (let seed = 100; seed < 120; seed++) {
      const slackBytes = 1_000 * (1 + (seed % 20));
      const driver = await LogDriver.open({ seed, slackBytes, mostText: 5_000 });
      for (let round = 0; round < 30; round++) {
        for (let n = driver.pick(40); n >= 0; n--) driver.act();
        await driver.commit();
      }
      await driver.settle();
      const { ledger, table } = driver.log;
      assert.ok(
        ledger.totalBytes <= 2 * table.liveBytes + slackBytes,
        `seed ${seed}: ${ledger.totalBytes} for ${table.liveBytes}`,
      );
      assert.equal(
        [...driver.frames.values()].reduce((sum, { length }) => sum + length, 0),
        ledger.totalBytes,
      );
      assert.deepEqual(
        [...driver.frames.keys()],
        [...driver.frames.keys()].sort((a, b) => a - b),
      );
    }
  });

  test('leaves a log alone that is not too long', async () => {
    const driver = await LogDriver.open({ seed: 7, slackBytes: 10_000_000 });
    for (let n = 0; n < 500; n++) driver.act();
    await driver.commit();
    assert.equal(driver.trimmer.hasWork, false);
    assert.equal(driver.log.ledger.head, 1);
  });
});

describe('a step of trimming', () => {
  test('carries a job with records that are not durable too, and all of them are in what it carries', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames, 0);
    const trimmer = new Trimmer(log, 5_000);
    for (const slot of [0, 1]) log.record(enqueued(slot));
    log.record(enqueued(2, { id: 'dead weight', payload: text(20_000) }));
    await log.commit();
    log.record({ kind: 'removed', slot: 2, at: NOW });
    for (const slot of [0, 1]) log.record({ kind: 'started', slot, at: NOW + 5, starts: 1 });
    log.record(enqueued(2, { id: 'large', payload: text(70_000) }));
    log.record({ kind: 'removed', slot: 2, at: NOW });
    log.record({ kind: 'checkpointed', slot: 0, at: NOW, checkpoint: '"in the open frame"' });
    trimmer.step(NOW);
    await log.commit();
    trimmer.committed();
    for (const slot of [0, 1]) {
      const { home, history } = readJobNow(log, slot);
      assert.equal(home.kind, 'carried');
      assert.equal(history.startedAt, NOW + 5);
      assert.equal(history.checkpoint, slot === 0 ? '"in the open frame"' : undefined);
    }
    assert.deepEqual(rowsOf((await openLog(copyOf(frames))).table), rowsOf(log.table));
    trimmer.step(NOW);
    await log.commit();
    trimmer.committed();
    assert.ok(log.ledger.head > 1);
    assert.deepEqual(rowsOf((await openLog(frames)).table), rowsOf(log.table));
  });

  test('closes one frame for all jobs that are busy, and not one for each', async () => {
    const log = await openLog();
    const trimmer = new Trimmer(log, 1_000);
    for (let slot = 0; slot < 20; slot++) log.record(enqueued(slot));
    log.record(enqueued(20, { payload: text(30_000) }));
    await log.commit();
    for (let slot = 0; slot < 20; slot++) log.record({ kind: 'started', slot, at: NOW, starts: 1 });
    for (let slot = 0; slot < 20; slot++) {
      log.record({ kind: 'checkpointed', slot, at: NOW, checkpoint: text(400) });
    }
    log.record({ kind: 'removed', slot: 20, at: NOW });
    const before = log.ledger.tail;
    trimmer.step(NOW);
    await log.commit();
    assert.equal(log.ledger.tail - before, 2);
    for (let slot = 0; slot < 20; slot++) assert.equal(readJobNow(log, slot).home.kind, 'carried');
  });

  test('is not held up by a job that saves with every commit', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 10_000);
    log.record(enqueued(0));
    log.record({ kind: 'started', slot: 0, at: NOW, starts: 1 });
    await log.commit();
    let longest = 0;
    for (let page = 0; page < 500; page++) {
      log.record({ kind: 'checkpointed', slot: 0, at: NOW, checkpoint: text(1_000) });
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
      longest = Math.max(longest, log.ledger.totalBytes);
    }
    assert.ok(longest < 20_000, `it was ${longest} bytes long`);
    assert.deepEqual(rowsOf((await openLog(frames)).table), rowsOf(log.table));
  });

  test('does not look into frames that are not durable, though they are full and the cache has forgotten them', async () => {
    // It once tried to read them from the store, did not find them there, and gave up the whole engine.
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames, 1_000);
    const trimmer = new Trimmer(log, 10_000);
    log.record(enqueued(0, { id: 'stays' }));
    for (let n = 0; n < 10; n++) {
      log.record(enqueued(1, { id: `large:${n}`, payload: text(60_000) }));
      log.record({ kind: 'removed', slot: 1, at: NOW });
    }
    trimmer.step(NOW);
    await log.commit();
    trimmer.committed();
    for (let commits = 0; trimmer.hasWork; commits++) {
      assert.ok(commits < 10);
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
    }
    assert.ok(log.ledger.totalBytes < 11_000);
    assert.equal(rowsOf((await openLog(frames)).table).get(0)?.id, 'stays');
  });

  for (const [what, payloadBytes, least] of [
    ['with one that has nothing else to do a little more', -1, 8 * 1024],
    ['with one that says little a little', 2, 1024],
    ['else twice what it says', 10_000, 20_000],
    ['and never so much that a turn is long', 100_000, 128 * 1024],
  ] as const) {
    test(`carries no more than goes with the commit: ${what}`, async () => {
      const log = await openLog();
      const trimmer = new Trimmer(log, 1_000);
      for (let slot = 0; slot < 2_000; slot++) log.record(enqueued(slot));
      log.record(enqueued(2_000, { payload: text(900_000) }));
      log.record({ kind: 'removed', slot: 2_000, at: NOW });
      await log.commit();
      if (payloadBytes > 0) log.record(enqueued(2_001, { payload: text(payloadBytes) }));
      const before = log.uncommittedBytes;
      trimmer.step(NOW);
      const carried = log.uncommittedBytes - before;
      assert.ok(carried >= least && carried < least * 1.05 + 500, `${carried}, with ${before}`);
    });
  }

  test('carries as little of entries as of jobs', async () => {
    const log = await openLog();
    const trimmer = new Trimmer(log, 1_000);
    const note = { kind: 'noted', at: NOW, space: 'queue', value: '{}', what: 'changed', detail: undefined } as const;
    for (let n = 0; n < 500; n++) log.record({ ...note, name: `queue:${n}` });
    log.record(enqueued(0, { payload: text(90_000) }));
    log.record({ kind: 'removed', slot: 0, at: NOW });
    await log.commit();
    trimmer.step(NOW);
    assert.ok(log.uncommittedBytes >= 8_192 && log.uncommittedBytes < 8_500, `${log.uncommittedBytes}`);
  });

  test('leaves a frame where it is until all that lives in it is carried, each job once', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 1_000);
    for (let slot = 0; slot < 200; slot++) log.record(enqueued(slot));
    for (let slot = 0; slot < 5; slot++) log.record({ kind: 'removed', slot, at: NOW });
    await log.commit();
    assert.equal(log.ledger.tail, 2, 'they are in one frame');
    // Others live in their slots now.
    for (let slot = 0; slot < 5; slot++) log.record(enqueued(slot, { id: `new:${slot}` }));
    log.record(enqueued(200, { payload: text(60_000) }));
    log.record({ kind: 'removed', slot: 200, at: NOW });
    await log.commit();
    const lateComers = [0, 1, 2, 3, 4].map((slot) => log.table.homeOf(slot));
    const stepOnce = async (): Promise<void> => {
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
    };
    const carriedSlots = (): number[] =>
      Array.from({ length: 200 }, (_, slot) => slot).filter((slot) => log.table.homeOf(slot) >= 3 * FULL_FRAME_BYTES);
    let carried = 0;
    for (let steps = 1; steps <= 4; steps++) {
      await stepOnce();
      assert.ok(carriedSlots().length > carried);
      carried = carriedSlots().length;
      assert.ok(carried < 195, `${carried} after ${steps} steps`);
      assert.equal(log.ledger.head, 1);
      assert.deepEqual(rowsOf((await openLog(copyOf(frames))).table), rowsOf(log.table));
    }
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((slot) => log.table.homeOf(slot)),
      lateComers,
    );
    while (trimmer.hasWork) await stepOnce();
    assert.ok(log.ledger.head > 1);
    assert.equal(carriedSlots().length, 200);
    assert.deepEqual(rowsOf((await openLog(frames)).table), rowsOf(log.table));
  });

  test('carries no more out of several frames than out of one', async () => {
    const log = await openLog();
    const trimmer = new Trimmer(log, 1_000);
    for (let slot = 0; slot < 60; slot++) {
      log.record(enqueued(slot));
      if (slot % 20 === 19) await log.commit();
    }
    log.record(enqueued(60, { payload: text(60_000) }));
    log.record({ kind: 'removed', slot: 60, at: NOW });
    await log.commit();
    const newest = log.ledger.tail;
    trimmer.step(NOW);
    const homes = Array.from({ length: 60 }, (_, slot) => log.table.homeOf(slot));
    const carried = homes.filter((home) => home >= newest * FULL_FRAME_BYTES).length;
    assert.ok(carried > 40 && carried < 60, `${carried}`);
    assert.ok(log.uncommittedBytes < 8_500, `${log.uncommittedBytes}`);
  });

  test('goes through at most 256 frames in which nothing lives', async () => {
    const log = await openLog();
    const trimmer = new Trimmer(log, 1_000);
    for (let n = 0; n < 400; n++) {
      log.record(enqueued(0, { payload: text(200) }));
      log.record({ kind: 'removed', slot: 0, at: NOW });
      await log.commit();
    }
    trimmer.step(NOW);
    await log.commit();
    trimmer.committed();
    trimmer.step(NOW);
    await log.commit();
    assert.equal(log.ledger.head, 257);
  });

  test('waits, also in a log that was just opened, until it is longer by the whole slack', async () => {
    const log = await openLog();
    log.record(enqueued(0, { payload: text(7_000) }));
    log.record({ kind: 'removed', slot: 0, at: NOW });
    await log.commit();
    assert.equal(new Trimmer(log, 10_000).hasWork, false);
    assert.equal(new Trimmer(log, 6_000).hasWork, true);
  });

  test('says nothing of frames that nobody carried: the mark names only what was carried durably before', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 1_000);
    log.record(enqueued(0));
    log.record(enqueued(1, { payload: text(10_000) }));
    await log.commit();
    log.record({ kind: 'removed', slot: 1, at: NOW });
    await log.commit();
    trimmer.step(NOW);
    const before = copyOf(frames);
    await log.commit();
    assert.deepEqual([...frames.keys()], [1, 2, 3], 'carried, and nothing deleted in the same commit');
    trimmer.committed();
    assert.ok(trimmer.hasWork);
    trimmer.step(NOW);
    await log.commit();
    trimmer.committed();
    assert.equal(frames.has(1), false);
    assert.deepEqual([...rowsOf((await openLog(before)).table).keys()], [0]);
    assert.deepEqual([...rowsOf((await openLog(frames)).table).keys()], [0]);
  });

  test('calls the store damaged when a frame it needs is gone', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames, 0);
    const trimmer = new Trimmer(log, 1_000);
    log.record(enqueued(0));
    await log.commit();
    log.record(enqueued(1, { payload: text(10_000) }));
    log.record({ kind: 'removed', slot: 1, at: NOW });
    await log.commit();
    frames.delete(1);
    assert.throws(() => trimmer.step(NOW), {
      ...{ code: 'HOLDFAST_DAMAGED', where: 'frame 1 of the log' },
      message: /it is not found any more/,
    });
  });
});
