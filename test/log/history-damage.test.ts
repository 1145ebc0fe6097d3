import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JobTable } from '../../src/job/table.ts';
import { type Frame, positionOf } from '../../src/log/frame.ts';
import { readJob, readJobNow, readStartRecords, startRecordsInMemory } from '../../src/log/history.ts';
import type { Log } from '../../src/log/log.ts';
import { enqueued, frameOf, NOW, openLog } from '../support/log.ts';

describe('records that lead nowhere are damage, and are not followed for ever', () => {
  /** A log that gives out these frames whatever it is asked, as a store with wrong bytes of a right checksum would. */
  async function logReading(table: JobTable, ...given: Frame[]): Promise<Log> {
    const log = await openLog();
    const byNumber = new Map(given.map((frame) => [frame.sequence, frame]));
    return Object.create(log, {
      table: { value: table },
      readFrameNow: { value: (sequence: number) => byNumber.get(sequence) },
      cachedFrame: { value: (sequence: number) => byNumber.get(sequence) },
      stayAhead: { value: () => undefined },
      readAhead: { value: () => undefined },
      readFrame: { value: async (sequence: number) => byNumber.get(sequence) },
    }) as Log;
  }

  test('when a record names itself, or a later one, as the one before it', async () => {
    for (const previous of [positionOf(2, 40), positionOf(3, 40)]) {
      const table = new JobTable();
      const home = frameOf([enqueued(0)], { table }).frame;
      const liar = frameOf([{ kind: 'started', slot: 0, at: NOW, starts: 1 }], { sequence: 2, table }).frame;
      liar.view.setFloat64(40 + 22, previous, true);
      const log = await logReading(table, home, liar);
      assert.throws(() => readJobNow(log, 0), { code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' });
    }
  });

  test('when a record names one before the home of its job', async () => {
    const table = new JobTable();
    const home = frameOf([enqueued(0)], { sequence: 2, table }).frame;
    const liar = frameOf([{ kind: 'started', slot: 0, at: NOW, starts: 1 }], { sequence: 3, table }).frame;
    liar.view.setFloat64(40 + 22, positionOf(1, 40), true);
    for (const others of [[], [frameOf([enqueued(0)]).frame]]) {
      const log = await logReading(table, home, liar, ...others);
      assert.throws(() => readJobNow(log, 0), { code: 'HOLDFAST_DAMAGED', where: 'frame 3 of the log' });
    }
  });

  test('when the newest record of a job is a mark', async () => {
    const table = new JobTable();
    const home = frameOf([enqueued(0)], { table }).frame;
    frameOf([{ kind: 'started', slot: 0, at: NOW, starts: 1 }], { sequence: 2, table });
    const mark = frameOf([{ kind: 'opened', at: NOW }], { sequence: 2 }).frame;
    const log = await logReading(table, home, mark);
    const reading = readJob(log, 0, table.orderOf(0));
    await assert.rejects(reading, { code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' });
  });

  test('when the home is no beginning of a job, or a mark', async () => {
    const other = frameOf([{ kind: 'opened', at: NOW }], { sequence: 1 }).frame;
    const table = new JobTable();
    frameOf([enqueued(0)], { table });
    const asMark = await logReading(table, other);
    assert.throws(() => readJobNow(asMark, 0), { code: 'HOLDFAST_DAMAGED' });
    assert.throws(() => startRecordsInMemory(asMark, 0), { code: 'HOLDFAST_DAMAGED' });

    const started = frameOf([{ kind: 'started', slot: 0, at: NOW, starts: 1 }], { table: knowing() }).frame;
    const asStart = await logReading(table, started);
    assert.throws(() => readJobNow(asStart, 0), { code: 'HOLDFAST_DAMAGED' });
  });

  test('when the checkpoint is something else', async () => {
    const table = new JobTable();
    const home = frameOf([enqueued(0)], { table }).frame;
    frameOf(
      [
        { kind: 'started', slot: 0, at: NOW, starts: 1 },
        { kind: 'checkpointed', slot: 0, at: NOW, checkpoint: '1' },
      ],
      { sequence: 2, table },
    );
    const other = frameOf(
      [
        { kind: 'started', slot: 0, at: NOW, starts: 1 },
        { kind: 'progressed', slot: 0, at: NOW, report: '1' },
      ],
      {
        sequence: 2,
        table: knowing(),
      },
    ).frame;
    const log = await logReading(table, home, other);
    assert.throws(() => startRecordsInMemory(log, 0), { code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' });
    await assert.rejects(readStartRecords(log, 0, table.orderOf(0)), { code: 'HOLDFAST_DAMAGED' });
  });

  test('when the payload that replaced another is something else', async () => {
    const table = new JobTable();
    const home = frameOf([enqueued(0)], { table }).frame;
    const update = { kind: 'updated', slot: 0, at: NOW, priority: 1, dueAt: NOW, keepAttempts: true } as const;
    frameOf([{ ...update, hasPayload: true, payload: '2' }], { sequence: 2, table });
    const other = frameOf([{ kind: 'started', slot: 0, at: NOW, starts: 1 }], { sequence: 2, table: knowing() }).frame;
    const log = await logReading(table, home, other);
    assert.throws(() => startRecordsInMemory(log, 0), {
      ...{ code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' },
      message: /the record at offset 40 does not lead to the beginning of its job/,
    });
  });

  test('when a frame of a stored job is not found', async () => {
    const table = new JobTable();
    frameOf([enqueued(0)], { table });
    const log = await logReading(table);
    assert.throws(() => readJobNow(log, 0), { code: 'HOLDFAST_DAMAGED', where: 'frame 1 of the log' });
  });

  function knowing(): JobTable {
    const table = new JobTable();
    frameOf([enqueued(0)], { table });
    return table;
  }
});
