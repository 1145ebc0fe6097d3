import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readJobNow } from '../../src/log/history.ts';
import { type MemoryFrames, openMemoryStore } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { enqueued, NOW, openLog, rowsOf } from '../support/log.ts';

const text = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));

describe('a log through which many jobs pass', () => {
  test('stays bounded while fifty thousand are enqueued, run and forgotten, and is replayed quickly', async () => {
    const slackBytes = 500_000;
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, slackBytes);
    let longest = 0;
    let largestCommit = 0;
    const batch = 500;
    for (let done = 0; done < 50_000; done += batch) {
      const slots: number[] = [];
      const from = log.ledger.tail;
      for (let n = 0; n < batch; n++) {
        const slot = log.table.freeSlot();
        slots.push(slot);
        log.record(enqueued(slot, { id: `job:${done + n}`, payload: text(100) }));
        log.record({ kind: 'started', slot, at: NOW, starts: 1 });
      }
      for (const slot of slots) {
        log.record({ kind: 'completed', slot, at: NOW, result: 'true' });
        // One in a hundred stays for good.
        if (slot % 100 !== 0 || log.table.size > 400) log.record({ kind: 'removed', slot, at: NOW });
      }
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
      let written = 0;
      for (let sequence = from; sequence < log.ledger.tail; sequence++) written += log.ledger.bytesOf(sequence);
      largestCommit = Math.max(largestCommit, written);
      longest = Math.max(longest, log.ledger.totalBytes - 2 * log.table.liveBytes);
    }
    assert.ok(
      longest <= slackBytes + 2 * largestCommit,
      `it was ${longest} bytes too long, a commit is ${largestCommit}`,
    );
    const { frameCount, recordCount, log: again } = await replay(openMemoryStore(frames), 1_000_000);
    assert.ok(recordCount < 20_000, `${recordCount} records in ${frameCount} frames are left of 200,000`);
    assert.deepEqual(rowsOf(again.table), rowsOf(log.table));
  });

  test('stays bounded while one job is revived, fails and completes over and over', async () => {
    // What was held for its results and errors once only grew, so the log was never found to be too long.
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 10_000);
    log.record(enqueued(0, { payload: text(500) }));
    let longest = 0;
    for (let round = 1; round <= 300; round++) {
      log.record({ kind: 'started', slot: 0, at: NOW, starts: 2 * round - 1 });
      log.record({ kind: 'checkpointed', slot: 0, at: NOW, checkpoint: text(300) });
      log.record({ kind: 'failed', slot: 0, at: NOW, dueAt: NOW, error: text(1_000) });
      log.record({ kind: 'started', slot: 0, at: NOW, starts: 2 * round });
      log.record({ kind: 'completed', slot: 0, at: NOW, result: text(2_000) });
      log.record({ kind: 'revived', slot: 0, at: NOW, dueAt: NOW, keepAttempts: false });
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
      longest = Math.max(longest, log.ledger.totalBytes);
    }
    // Alive are its payload, its checkpoint, ten errors and one result: 13 KB.
    assert.ok(longest < 60_000, `it was ${longest} bytes long`);
    assert.deepEqual(rowsOf((await openLog(frames)).table), rowsOf(log.table));
    assert.equal(readJobNow(log, 0).history.errors.length, 10);
  });

  test('carries a long-lived job again and again, and it stays what it was', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 10_000);
    const position = log.record(
      enqueued(log.table.freeSlot(), { id: 'old', payload: text(2_000), priority: -7, settings: '{"timeout":5}' }),
    );
    log.record({ kind: 'started', slot: 0, at: NOW + 1, starts: 1 });
    log.record({ kind: 'checkpointed', slot: 0, at: NOW + 2, checkpoint: '"page 9"' });
    log.record({ kind: 'cancelling', slot: 0, at: NOW + 3, reason: '"album closed"' });
    await log.commit();
    const { home: _h, last: _l, checkpoint: _c, bytes: _b, ...before } = log.table.row(0);
    const { history } = readJobNow(log, 0);
    const homes = new Set<number>();
    for (let round = 0; round < 200; round++) {
      const slot = log.table.freeSlot();
      log.record(enqueued(slot, { id: `short:${round}`, payload: text(1_500) }));
      log.record({ kind: 'removed', slot, at: NOW });
      trimmer.step(NOW);
      await log.commit();
      trimmer.committed();
      homes.add(log.table.homeOf(0));
    }
    assert.ok(homes.size > 10, `it was carried ${homes.size - 1} times`);
    const { home, last, checkpoint, bytes: _bytes, ...after } = log.table.row(0);
    assert.deepEqual(after, before);
    assert.equal(after.order, position);
    assert.deepEqual([last, checkpoint], [home, home]);
    assert.deepEqual(readJobNow(log, 0).history, history);
    assert.ok(frames.size < 40);
  });
});
