import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogEvent } from '../../src/job/event.ts';
import { type Frame, HEADER_BYTES } from '../../src/log/frame.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { enqueued, NOW, openLog, openWatchedLog } from '../support/log.ts';

describe('reading a frame of a log', () => {
  async function logOf(events: readonly LogEvent[], cacheBytes?: number): Promise<Log & { frames: MemoryFrames }> {
    const { log, frames } = await openWatchedLog(cacheBytes);
    for (const event of events) {
      log.record(event);
      await log.commit();
    }
    return Object.assign(log, { frames });
  }

  test('gives it from memory or from the store alike', async () => {
    const log = await logOf([enqueued(0), enqueued(1), enqueued(2)]);
    const again = await openLog(log.frames);
    assert.equal(again.cachedFrame(2), undefined);
    const read = await again.readFrame(2);
    assert.deepEqual(read?.bytes, log.cachedFrame(2)?.bytes);
    assert.equal(again.cachedFrame(2), read);
    assert.deepEqual(again.readFrameNow(3)?.bytes, log.cachedFrame(3)?.bytes);
  });

  test('reads it once for all who ask before it has come, and those behind it ahead of them', async () => {
    const { frames } = await logOf([enqueued(0), enqueued(1), enqueued(2), enqueued(3), enqueued(4), enqueued(5)]);
    const again = await openLog(frames);
    const reads = readsOf(frames);
    again.readAhead(1);
    const read = await Promise.all([again.readFrame(1), again.readFrame(1), again.readFrame(2), again.readFrame(1)]);
    assert.deepEqual(
      read.map((frame) => frame?.sequence),
      [1, 1, 2, 1],
    );
    assert.deepEqual(reads.toSorted(), [1, 2, 3, 4]);
    assert.equal(again.cachedFrame(4)?.sequence, 4);
  });

  test('reads ahead no further than what is durable, and keeps what went wrong for whoever needs the frame', async () => {
    const log = await logOf([enqueued(0), enqueued(1), enqueued(2)], 0);
    log.record(enqueued(3));
    log.frames.delete(2);
    log.readAhead(1);
    await assert.rejects(log.readFrame(2), { code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' });
    await log.commit();
  });

  test('reads nothing ahead for who jumps about, and again for who goes on in order from there', async () => {
    const log = await logOf(Array.from({ length: 20 }, () => ({ kind: 'opened', at: NOW })));
    const again = await openLog(log.frames);
    const reads = readsOf(log.frames);
    for (const sequence of [9, 3, 15]) again.readAhead(sequence);
    assert.deepEqual(reads, []);
    again.readAhead(16);
    await again.readFrame(19);
    assert.deepEqual(reads, [17, 18, 19]);
  });

  test('reads on before who goes through the frames in order has come to the last that was read ahead', async () => {
    const log = await logOf(Array.from({ length: 20 }, () => ({ kind: 'opened', at: NOW })));
    const again = await openLog(log.frames);
    const reads = readsOf(log.frames);
    again.readAhead(1);
    await again.readFrame(4);
    assert.deepEqual(reads.splice(0), [2, 3, 4]);
    again.stayAhead(2);
    assert.deepEqual(reads, []);
    again.stayAhead(3);
    again.stayAhead(3);
    await again.readFrame(6);
    assert.deepEqual(reads, [5, 6]);
  });

  test('gives nothing for one that was trimmed, or is not written yet', async () => {
    const log = await logOf(
      [
        { kind: 'opened', at: NOW },
        { kind: 'opened', at: NOW },
      ],
      0,
    );
    log.record({ kind: 'trimmed', at: NOW, head: 2 });
    log.dropWithNextCommit({ from: 1, below: 2 });
    await log.commit();
    assert.equal(await log.readFrame(1), undefined);
    assert.equal(await log.readFrame(99), undefined);
    assert.equal(log.readFrameNow(1), undefined);
  });

  test('finds one that is not on the disk yet: being written, full, or still open', async () => {
    const { log, gate } = await openWatchedLog(0);
    let letGo = (): void => undefined;
    gate.before = () => new Promise((resolve) => (letGo = resolve));
    log.record(enqueued(0));
    const commit = log.commit();
    const second = log.record(enqueued(1));
    // The cache keeps one frame, whatever its bytes are: this one, when the next is sealed.
    const third = log.recordFrom(second, () => enqueued(2));
    log.recordFrom(third, () => enqueued(3));
    const slots = async (sequence: number): Promise<unknown> => {
      const frame = (await log.readFrame(sequence)) as Frame;
      assert.equal(log.readFrameNow(sequence)?.recordCount, frame.recordCount);
      return [...readRecords(frame, HEADER_BYTES, false)].map((record) => 'id' in record && record.id);
    };
    assert.deepEqual(await Promise.all([1, 2, 3, 4].map(slots)), [['job:0'], ['job:1'], ['job:2'], ['job:3']]);
    gate.before = () => Promise.resolve();
    letGo();
    await commit;
    await log.commit();
  });

  test('gives nothing for one that the commit under way deletes', async () => {
    const { log, gate, frames } = await openWatchedLog(0);
    for (let n = 0; n < 3; n++) {
      log.record({ kind: 'opened', at: NOW });
      await log.commit();
    }
    log.record({ kind: 'trimmed', at: NOW, head: 3 });
    log.dropWithNextCommit({ from: 1, below: 3 });
    let letGo = (): void => undefined;
    gate.before = () => new Promise((resolve) => (letGo = resolve));
    const commit = log.commit();
    frames.delete(1);
    assert.equal(await log.readFrame(1), undefined, 'the store may be ahead of us');
    letGo();
    await commit;
  });

  test('calls the store damaged when a frame is gone that nobody deleted', async () => {
    const log = await logOf([enqueued(0), enqueued(1)], 0);
    log.frames.delete(1);
    await assert.rejects(log.readFrame(1), { code: 'HOLDFAST_DAMAGED', where: 'frame 1 of the log' });
  });

  test('calls the store damaged when the newest frame is gone', async () => {
    const log = await logOf([enqueued(0), enqueued(1), enqueued(2)], 0);
    // The cache keeps one frame, whatever its bytes are.
    await log.readFrame(1);
    log.frames.delete(3);
    await assert.rejects(log.readFrame(3), { code: 'HOLDFAST_DAMAGED', where: 'frame 3 of the log' });
    assert.equal(await log.readFrame(4), undefined, 'the next one is not written yet');
  });

  test('calls the store damaged when the first frame is gone that a trimming left', async () => {
    const log = await logOf([enqueued(0), enqueued(1), enqueued(2)], 0);
    log.dropWithNextCommit({ from: 1, below: 2 });
    log.record({ kind: 'trimmed', at: NOW, head: 2 });
    await log.commit();
    log.frames.delete(2);
    assert.equal(await log.readFrame(1), undefined);
    await assert.rejects(log.readFrame(2), {
      ...{ code: 'HOLDFAST_DAMAGED', where: 'frame 2 of the log' },
      message: /it is not found any more/,
    });
  });

  test('calls it damaged when its bytes are not those that were written', async () => {
    const log = await logOf([enqueued(0), enqueued(1)], 0);
    (log.frames.get(1) as Uint8Array)[60] = 0xee;
    await assert.rejects(log.readFrame(1), { code: 'HOLDFAST_DAMAGED', where: 'frame 1 of the log' });
    assert.throws(() => log.readFrameNow(1), { code: 'HOLDFAST_DAMAGED' });
  });
});

/** The sequence numbers that are read from now on. */
function readsOf(frames: MemoryFrames): number[] {
  const reads: number[] = [];
  const get = frames.get.bind(frames);
  frames.get = (sequence) => {
    reads.push(sequence);
    return get(sequence);
  };
  return reads;
}
