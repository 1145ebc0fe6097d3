/** What is stored beside jobs: a name and its newest value. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Noted } from '../../src/job/event.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { streamEvents } from '../../src/log/stream.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { eventView, type EventView } from '../../src/view.ts';
import { copyOf, enqueued, entriesOf, NOW, openLog, rowsOf } from '../support/log.ts';

function noted(name: string, value: string, given: Partial<Noted> = {}): Noted {
  return { kind: 'noted', at: NOW, space: 'schedule', name, what: 'changed', detail: undefined, value, ...given };
}

async function eventsOf(log: Log): Promise<EventView[]> {
  const parts = { log: () => log, isReplacing: () => false, isEnded: () => true, isStopped: () => false };
  const events: EventView[] = [];
  const given = { ...parts, nextCommit: () => Promise.resolve() };
  for await (const batch of streamEvents(given, 0, eventView)) events.push(...batch);
  return events;
}

describe('an entry', () => {
  test('has the value that was noted last, also after a replay; an empty one removes it', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    log.record(noted('nightly', '1'));
    log.record(noted('hourly', '2'));
    log.record(noted('nightly', '3', { space: 'queue' }));
    await log.commit();
    log.record(noted('nightly', '4'));
    log.record(noted('hourly', ''));
    await log.commit();
    for (const { table } of [log, await openLog(frames)]) {
      assert.equal(table.entries.get('schedule', 'nightly')?.value, '4');
      assert.equal(table.entries.get('queue', 'nightly')?.value, '3');
      assert.equal(table.entries.get('schedule', 'hourly'), undefined);
    }
    log.record(noted('nightly', ''));
    log.record(noted('nightly', '', { space: 'queue' }));
    assert.equal(log.table.liveBytes, 0);
  });

  test('is there together with the job that was recorded with it, or not at all', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    log.record(enqueued(0));
    log.record(noted('nightly', '1'));
    assert.equal(frames.size, 0);
    await log.commit();
    const again = await openLog(frames);
    assert.equal(rowsOf(again.table).size, 1);
    assert.deepEqual(entriesOf(again.table), entriesOf(log.table));
    assert.equal(frames.size, 1);
  });

  test('outlives the frame that held it: trimming writes it again, once, and nobody hears of that', async () => {
    const frames: MemoryFrames = new Map();
    const log = await openLog(frames);
    const trimmer = new Trimmer(log, 1_000);
    log.record(noted('old', '"value"', { detail: '{"why":"asked"}' }));
    log.record(noted('gone', '1'));
    await log.commit();
    log.record(noted('gone', ''));
    log.record(enqueued(0, { payload: JSON.stringify('x'.repeat(50_000)) }));
    log.record({ kind: 'removed', slot: 0, at: NOW });
    await log.commit();
    for (let steps = 0; trimmer.hasWork; steps++) {
      assert.ok(steps < 20, 'trimming comes to an end');
      const before = copyOf(frames);
      trimmer.step(NOW + 5);
      await log.commit();
      trimmer.committed();
      assert.equal((await openLog(before)).table.entries.get('schedule', 'old')?.value, '"value"');
    }
    assert.ok(log.ledger.head > 2, 'the frame that held it is gone');
    const again = await openLog(copyOf(frames));
    assert.deepEqual(entriesOf(again.table), entriesOf(log.table));
    assert.equal(again.table.entries.get('schedule', 'old')?.value, '"value"');
    assert.equal(again.table.liveBytes, log.table.liveBytes);
    assert.deepEqual(await eventsOf(log), []);
  });

  test('is seen as an event of its kind, with what happened', async () => {
    const log = await openLog();
    const position = log.record(noted('nightly', '1', { what: 'skipped', detail: '{"reason":"late"}' }));
    await log.commit();
    assert.deepEqual(await eventsOf(log), [
      { seq: position, kind: 'schedule', at: NOW, name: 'nightly', what: 'skipped', detail: { reason: 'late' } },
    ]);
  });
});
