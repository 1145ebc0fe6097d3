import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  FULL_FRAME_BYTES,
  HEADER_BYTES,
  offsetOf,
  positionOf,
  previousChainOf,
  readFrame,
  sequenceOf,
} from '../../src/log/frame.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { readRecords } from '../../src/log/read-record.ts';
import { carried, enqueued, NOW, openWatchedLog } from '../support/log.ts';

function kindsIn(frames: MemoryFrames): string[] {
  return [...frames].flatMap(([sequence, bytes]) =>
    [...readRecords(readFrame(bytes, sequence), HEADER_BYTES, false)].map(({ kind }) => `${sequence} ${kind}`),
  );
}

const text = (bytes: number): string => JSON.stringify('x'.repeat(bytes - 2));

describe('a log', () => {
  test('applies an event at once, and writes it with the next commit', async () => {
    const { log, frames } = await openWatchedLog();
    const position = log.record(enqueued(0));
    assert.equal(position, positionOf(1, HEADER_BYTES));
    assert.equal(log.table.stateOf(0), 'waiting');
    assert.equal(log.table.homeOf(0), position);
    assert.ok(log.hasUncommitted);
    assert.equal(log.isDurable(position), false);
    assert.equal(frames.size, 0);
    await log.commit();
    assert.equal(log.hasUncommitted, false);
    assert.ok(log.isDurable(position));
    assert.deepEqual(kindsIn(frames), ['1 enqueued']);
  });

  test('writes nothing when there is nothing', async () => {
    const { log, writes } = await openWatchedLog();
    await log.commit();
    assert.equal(writes.length, 0);
  });

  test('writes all events since the last commit as one frame in one batch', async () => {
    const { log, writes, frames } = await openWatchedLog();
    for (let slot = 0; slot < 100; slot++) log.record(enqueued(slot));
    await log.commit();
    log.record({ kind: 'started', slot: 3, at: NOW, starts: 1 });
    await log.commit();
    assert.deepEqual(
      writes.map((write) => write.frames.map(({ sequence }) => sequence)),
      [[1], [2]],
    );
    assert.equal(kindsIn(frames).length, 101);
  });

  test('fills the frames of the next commit while one is under way', async () => {
    const { log, gate, writes, frames } = await openWatchedLog();
    let letGo = (): void => undefined;
    gate.before = () => new Promise((resolve) => (letGo = resolve));
    log.record(enqueued(0));
    const first = log.commit();
    const second = log.record(enqueued(1));
    assert.equal(sequenceOf(second), 2);
    assert.ok(log.hasUncommitted);
    assert.equal(log.isDurable(second), false);
    letGo();
    await first;
    assert.deepEqual(kindsIn(frames), ['1 enqueued']);
    assert.equal(log.isDurable(second), false);
    gate.before = () => Promise.resolve();
    await log.commit();
    assert.ok(log.isDurable(second));
    assert.equal(writes.length, 2);
  });

  test('tells the witness of the newest durable frame, never of one that is on its way', async () => {
    const { log, gate, frames } = await openWatchedLog();
    log.record(enqueued(0));
    await log.commit();
    const first = readFrame(frames.get(1) as Uint8Array, 1);
    let letGo = (): void => undefined;
    gate.before = () => new Promise((resolve) => (letGo = resolve));
    log.record(enqueued(1));
    const second = log.commit();
    assert.deepEqual(log.witnessed, { sequence: 1, chain: first.chain });
    letGo();
    await second;
    assert.deepEqual(log.witnessed, { sequence: 2, chain: readFrame(frames.get(2) as Uint8Array, 2).chain });
  });

  test('says how far it is durable, and where it begins', async () => {
    const { log } = await openWatchedLog();
    assert.equal(log.durablePosition, positionOf(1, 0));
    assert.equal(log.headPosition, positionOf(1, HEADER_BYTES));
    const position = log.record(enqueued(0));
    assert.ok(position >= log.durablePosition);
    await log.commit();
    assert.ok(position < log.durablePosition);
    assert.equal(log.durablePosition, positionOf(2, 0));
  });

  test('is at its end with a commit that was refused: nothing of it counts as durable', async () => {
    const { log, gate } = await openWatchedLog();
    log.record(enqueued(0));
    await log.commit();
    const durable = log.witnessed;
    gate.before = () => Promise.reject(new Error('the disk is full'));
    const position = log.record(enqueued(1));
    await assert.rejects(log.commit(), /the disk is full/);
    assert.equal(log.isDurable(position), false);
    assert.deepEqual(log.witnessed, durable);
  });

  test('has its commit delete the frames it is told to, once', async () => {
    const { log, writes, frames } = await openWatchedLog();
    for (let n = 0; n < 5; n++) {
      log.record({ kind: 'opened', at: NOW });
      await log.commit();
    }
    log.record({ kind: 'trimmed', at: NOW, head: 4 });
    log.dropWithNextCommit({ from: 1, below: 4 });
    await log.commit();
    assert.deepEqual([...frames.keys()], [4, 5, 6]);
    assert.equal(log.ledger.head, 4);
    assert.equal(log.headPosition, positionOf(4, HEADER_BYTES));
    log.record({ kind: 'opened', at: NOW });
    await log.commit();
    assert.deepEqual(
      writes.slice(-2).map(({ drop }) => drop),
      [{ from: 1, below: 4 }, undefined],
    );
  });
});

describe('a frame of the log', () => {
  test('is the last of its commit only if it is, also where one was closed for what is read out of it', async () => {
    const { log, frames } = await openWatchedLog();
    const position = log.record(enqueued(0));
    log.recordFrom(position, () => ({ kind: 'started', slot: 0, at: NOW, starts: 1 }));
    const bytes = log.uncommittedBytes;
    await log.commit();
    assert.equal(log.uncommittedBytes, 0);
    assert.equal(
      [...frames.values()].reduce((sum, frame) => sum + frame.length, 0),
      bytes,
    );
    assert.deepEqual(
      [...frames].map(([sequence, bytes]) => readFrame(bytes, sequence).isLastOfCommit),
      [false, true],
    );
  });

  test('holds what lives in it once: a job that is carried into a slot takes nothing from where another lived', async () => {
    const { log } = await openWatchedLog();
    log.record(enqueued(0));
    log.record(enqueued(1));
    await log.commit();
    log.record({ kind: 'removed', slot: 0, at: NOW });
    assert.equal(log.ledger.heldBy(1), 1);
    log.record(carried(0, { id: 'another' }));
    assert.deepEqual([log.ledger.heldBy(1), log.ledger.heldBy(2)], [1, 1]);
    log.record(carried(0, { id: 'another' }));
    assert.deepEqual([log.ledger.heldBy(1), log.ledger.heldBy(2)], [1, 1]);
  });
});

describe('frames', () => {
  test('are closed before they pass 64 KiB, and follow one another without gaps, each naming the one before', async () => {
    const { log, writes, frames } = await openWatchedLog();
    for (let n = 0; n < 3_000; n++) log.record(enqueued(n, { payload: text(50 + (n % 900)) }));
    await log.commit();
    assert.equal(writes.length, 1, 'in one batch all the same');
    const read = [...frames].map(([sequence, bytes]) => readFrame(bytes, sequence));
    assert.ok(read.length > 10);
    assert.deepEqual(
      read.map(({ sequence }) => sequence),
      read.map((_, n) => n + 1),
    );
    assert.deepEqual(
      read.map(({ isLastOfCommit }) => isLastOfCommit),
      read.map((_, n) => n === read.length - 1),
    );
    for (const [n, frame] of read.entries()) {
      assert.equal(previousChainOf(frame), read[n - 1]?.chain ?? 0);
      assert.ok(frame.bytes.length <= FULL_FRAME_BYTES);
      if (n < read.length - 1) assert.ok(frame.bytes.length > FULL_FRAME_BYTES - 4_000, 'and not much earlier');
    }
  });

  test('hold a body that is too large for them alone, and small records go on in the next', async () => {
    const { log, frames } = await openWatchedLog();
    log.record(enqueued(0));
    log.record(enqueued(1, { payload: text(1_000_000) }));
    log.record(enqueued(2));
    log.record(enqueued(3));
    await log.commit();
    assert.deepEqual(kindsIn(frames), ['1 enqueued', '2 enqueued', '3 enqueued', '3 enqueued']);
    assert.ok((frames.get(2)?.length ?? 0) > 1_000_000);
    assert.equal(offsetOf(log.table.homeOf(1)), HEADER_BYTES);
  });

  test('never hold a record that begins beyond what a position can say', async () => {
    const { log, frames } = await openWatchedLog();
    let slot = 0;
    // Names of the greatest length, each new, are what a frame holds beside its records.
    for (let round = 0; round < 300; round++) {
      const type = `${'t'.repeat(120)}${round}`;
      log.record(
        enqueued(slot++, { id: `${'i'.repeat(120)}${round}`, type, queue: `q${type.slice(2)}`, payload: undefined }),
      );
      if (round % 7 === 0) log.record(enqueued(slot++, { payload: text(21_000) }));
      if (round % 50 === 0) log.record(enqueued(slot++, { payload: text(65_000 + round) }));
    }
    await log.commit();
    const positions = new Set<number>();
    for (const [sequence, bytes] of frames) {
      for (const { position } of readRecords(readFrame(bytes, sequence), HEADER_BYTES, false)) {
        assert.equal(sequenceOf(position), sequence);
        positions.add(position);
      }
    }
    assert.equal(positions.size, slot);
    for (let n = 0; n < slot; n++) assert.ok(positions.has(log.table.homeOf(n)));
  });

  test('of one commit that is larger than the cache can all be read once they are durable', async () => {
    const { log } = await openWatchedLog(100_000);
    const homes = Array.from({ length: 40 }, (_, slot) => log.record(enqueued(slot, { payload: text(60_000) })));
    await log.commit();
    for (const home of homes) assert.equal((await log.readFrame(sequenceOf(home)))?.sequence, sequenceOf(home));
  });
});
