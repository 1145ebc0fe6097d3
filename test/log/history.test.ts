import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeEdges } from '../../src/job/edges.ts';
import type { Frame } from '../../src/log/frame.ts';
import { readJob, readJobNow, readResults, readStartRecords, startRecordsInMemory } from '../../src/log/history.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { enqueued, NOW, openLog } from '../support/log.ts';

const text = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));

/** A log with one job, each of whose records stands in a frame of its own. */
async function logOfOneJob(cacheBytes?: number): Promise<{ log: Log; frames: MemoryFrames; order: number }> {
  const frames: MemoryFrames = new Map();
  const log = await openLog(frames, cacheBytes);
  const order = log.record(enqueued(0, { at: NOW + 1, payload: '{"to":"a"}', settings: '{"attempts":2}' }));
  await log.commit();
  log.record({ kind: 'started', slot: 0, at: NOW + 2, starts: 1 });
  await log.commit();
  log.record({ kind: 'checkpointed', slot: 0, at: NOW + 3, checkpoint: '{"page":3}' });
  await log.commit();
  return { log, frames, order };
}

/** Makes the log so long that the job in slot 0 is carried; everything is durable and trimmed afterwards. */
async function carry(log: Log): Promise<void> {
  const trimmer = new Trimmer(log, 3_000);
  const slot = log.table.freeSlot();
  log.record(enqueued(slot, { id: 'weight', payload: text(20_000) }));
  log.record({ kind: 'removed', slot, at: NOW });
  const home = log.table.homeOf(0);
  await log.commit();
  for (let commits = 0; trimmer.hasWork; commits++) {
    assert.ok(commits < 20);
    trimmer.step(NOW + 100);
    await log.commit();
    trimmer.committed();
  }
  assert.notEqual(log.table.homeOf(0), home);
}

describe('what the log knows of a job', () => {
  test('is read from its newest record back to its home', async () => {
    const { log, order } = await logOfOneJob();
    const read = readJobNow(log, 0);
    assert.equal(read.home.kind, 'enqueued');
    assert.equal(read.home.payload, '{"to":"a"}');
    assert.deepEqual(read.history, { createdAt: NOW + 1, startedAt: NOW + 2, checkpoint: '{"page":3}', errors: [] });
    assert.deepEqual(await readJob(log, 0, order), read);
  });

  test('is the same from the store as from memory', async () => {
    const { log, order } = await logOfOneJob(0);
    assert.deepEqual((await readJob(log, 0, order))?.history.checkpoint, '{"page":3}');
  });

  test('is nothing for a job that is gone, or whose slot has another', async () => {
    const { log, order } = await logOfOneJob();
    assert.equal(await readJob(log, 0, order + 1), undefined);
    assert.equal(await readJob(log, 77, order), undefined);
    assert.equal(await readStartRecords(log, 0, order + 1), undefined);
  });

  test('is read anew when the job is carried while it is read', async () => {
    const { log, frames, order } = await logOfOneJob(0);
    const before = (await readJob(log, 0, order))?.history;
    const newestFirst = log.readFrame.bind(log);
    let reads = 0;
    log.readFrame = async (sequence: number): Promise<Frame | undefined> => {
      if (++reads === 2) await carry(log);
      return newestFirst(sequence);
    };
    const read = await readJob(log, 0, order);
    assert.equal(read?.home.kind, 'carried');
    assert.deepEqual(read?.history, before);
    assert.equal(frames.has(1), false);
  });

  test('is nothing when the job is removed while it is read', async () => {
    const { log, order } = await logOfOneJob(0);
    const readFrame = log.readFrame.bind(log);
    let reads = 0;
    log.readFrame = async (sequence: number): Promise<Frame | undefined> => {
      if (++reads > 1) return undefined;
      log.record({ kind: 'completed', slot: 0, at: NOW, result: undefined });
      log.record({ kind: 'removed', slot: 0, at: NOW });
      return readFrame(sequence);
    };
    assert.equal(await readJob(log, 0, order), undefined);
  });
});

describe('what an attempt needs', () => {
  test('is the payload, the settings and the newest checkpoint', async () => {
    const { log, order } = await logOfOneJob();
    const expected = {
      createdAt: NOW + 1,
      payload: '{"to":"a"}',
      settings: '{"attempts":2}',
      checkpoint: '{"page":3}',
      results: undefined,
    };
    assert.deepEqual(startRecordsInMemory(log, 0), expected);
    assert.deepEqual(await readStartRecords(log, 0, order), expected);
  });

  test('has no checkpoint when none was saved', async () => {
    const log = await openLog();
    const order = log.record(enqueued(0, { payload: undefined }));
    await log.commit();
    const expected = { createdAt: NOW, payload: undefined, settings: '', checkpoint: undefined, results: undefined };
    assert.deepEqual(startRecordsInMemory(log, 0), expected);
    assert.deepEqual(await readStartRecords(log, 0, order), expected);
  });

  test('is the same when the job was carried: before its first checkpoint, with one, and after a later one', async () => {
    const { log, order } = await logOfOneJob();
    const before = startRecordsInMemory(log, 0);
    await carry(log);
    assert.deepEqual(startRecordsInMemory(log, 0), before);
    assert.deepEqual(await readStartRecords(log, 0, order), before);
    log.record({ kind: 'checkpointed', slot: 0, at: NOW + 200, checkpoint: '{"page":4}' });
    await log.commit();
    assert.deepEqual(startRecordsInMemory(log, 0), { ...before, checkpoint: '{"page":4}' });

    const fresh = await openLog();
    fresh.record(enqueued(0, { at: NOW + 7, payload: '"p"' }));
    await fresh.commit();
    await carry(fresh);
    assert.deepEqual(startRecordsInMemory(fresh, 0), {
      createdAt: NOW + 7,
      payload: '"p"',
      settings: '',
      checkpoint: undefined,
      results: undefined,
    });
  });

  test('is the payload that it was given last, without the checkpoint that belonged to another', async () => {
    const { log, order } = await logOfOneJob();
    log.record({ kind: 'interrupted', slot: 0, at: NOW + 4, why: 'closing' });
    const update = { kind: 'updated', slot: 0, at: NOW + 5, priority: 1, dueAt: NOW, keepAttempts: true } as const;
    log.record({ ...update, hasPayload: true, payload: '{"to":"b"}' });
    await log.commit();
    const first = startRecordsInMemory(log, 0);
    assert.deepEqual([first?.payload, first?.checkpoint, first?.settings], ['{"to":"b"}', undefined, '{"attempts":2}']);
    assert.deepEqual(await readStartRecords(log, 0, order), first);
    log.record({ kind: 'started', slot: 0, at: NOW + 6, starts: 2 });
    log.record({ kind: 'checkpointed', slot: 0, at: NOW + 7, checkpoint: '9' });
    await log.commit();
    assert.deepEqual(startRecordsInMemory(log, 0), { ...first, checkpoint: '9' });
    const before = startRecordsInMemory(log, 0);
    await carry(log);
    assert.deepEqual(startRecordsInMemory(log, 0), before);
  });

  test('is what the jobs it waited for have returned, by the names it has for them', async () => {
    const log = await openLog();
    for (const [slot, result] of [undefined, '{"n":1}', undefined].entries()) {
      log.record(enqueued(slot, { id: `parent:${slot}` }));
      log.record({ kind: 'started', slot, at: NOW, starts: 1 });
      log.record({ kind: 'completed', slot, at: NOW, result });
    }
    const edges = [0, 1, 7].map((n) => ({ id: `parent:${n}`, on: 'always', as: `as ${n}` }) as const);
    log.record(enqueued(3, { id: 'child', parents: encodeEdges(edges) }));
    await log.commit();
    assert.equal(await readResults(log, 3), '{"as 1":{"n":1}}');
    assert.equal(await readResults(log, 0), undefined);
  });

  test('is not there at once when a frame must be read first', async () => {
    const { frames, order } = await logOfOneJob();
    const log = await openLog(frames);
    assert.equal(startRecordsInMemory(log, 0), undefined);
    await log.readFrame(1);
    assert.equal(startRecordsInMemory(log, 0), undefined, 'its checkpoint is in another frame');
    assert.equal((await readStartRecords(log, 0, order))?.checkpoint, '{"page":3}');
    assert.equal(startRecordsInMemory(log, 0)?.checkpoint, '{"page":3}');

    const one: MemoryFrames = new Map();
    const first = await openLog(one);
    first.record(enqueued(0));
    await first.commit();
    assert.equal(startRecordsInMemory(await openLog(one), 0), undefined, 'it has no checkpoint');
  });

  test('is read anew when the job is carried before its beginning or its checkpoint is read', async () => {
    for (const nth of [1, 2]) {
      const { log, frames, order } = await logOfOneJob(0);
      const before = await readStartRecords(log, 0, order);
      const readFrame = log.readFrame.bind(log);
      let reads = 0;
      log.readFrame = async (sequence: number): Promise<Frame | undefined> => {
        if (++reads === nth) await carry(log);
        return readFrame(sequence);
      };
      assert.deepEqual(await readStartRecords(log, 0, order), before);
      assert.equal(frames.has(1), false);
    }
  });
});
