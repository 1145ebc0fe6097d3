import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { HEADER_BYTES } from '../../src/log/frame.ts';
import { openMemoryStore } from '../../src/log/memory-store.ts';
import type { Witness, Witnessed } from '../../src/log/witness.ts';
import { witnessedStore } from '../../src/log/witnessed-store.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { StoreGate } from '../support/store-gate.ts';

function make(t: TestContext, durability: 'disk' | 'os' = 'disk') {
  const clock = createFakeClock();
  const gate = new StoreGate();
  const noted: Witnessed[] = [];
  const written: Witnessed[] = [];
  let syncs = 0;
  /** What became durable, in its order: the log's own files, or the witness with what it was told. */
  const order: string[] = [];
  let bytesWritten = 0;
  // A note that never comes to an end: whoever waits for one waits for ever.
  const witness = {
    note(sequence: number, chain: number) {
      noted.push({ sequence, chain });
      return new Promise(() => undefined);
    },
    write(sequence: number, chain: number) {
      written.push({ sequence, chain });
      order.push('witness');
      return Promise.resolve();
    },
    sync() {
      syncs++;
      return Promise.resolve();
    },
  } as unknown as Witness;
  const parts = {
    ...{ witness, clock, durability },
    syncLog: async () => void order.push('log'),
    onWritten: (bytes: number) => void (bytesWritten += bytes),
  };
  const store = witnessedStore(gate.around(openMemoryStore()), parts);
  t.after(() => store.close());
  const frame = (sequence: number) => {
    const bytes = Buffer.alloc(HEADER_BYTES);
    bytes.writeUInt32LE(sequence + 1_000, 0);
    return { sequence, bytes };
  };
  const write = (sequence: number) => store.write([frame(sequence)], undefined);
  const seen = (sequence: number): Witnessed => ({ sequence, chain: sequence + 1_000 });
  const counts = { syncs: () => syncs, bytesWritten: () => bytesWritten };
  return { parts, clock, gate, noted, written, order, ...counts, store, frame, write, seen };
}

describe('the witness', () => {
  test('is told at once of a write after a pause, and nobody waits for that', async (t) => {
    const { clock, noted, write, seen } = make(t);
    await write(1);
    assert.deepEqual(noted, [seen(1)]);
    clock.advance(5);
    await write(2);
    assert.deepEqual(noted, [seen(1), seen(2)]);
  });

  test('is told of many writes together, of the newest and after 5 ms at the latest', async (t) => {
    const { clock, noted, write, seen } = make(t);
    for (let sequence = 1; sequence <= 50; sequence++) await write(sequence);
    clock.advance(4);
    await write(51);
    assert.deepEqual(noted, [seen(1)]);
    clock.advance(1);
    assert.deepEqual(noted, [seen(1), seen(51)]);
    clock.advance(1_000);
    assert.deepEqual(noted, [seen(1), seen(51)]);
  });

  test('is never told of a write that was not acknowledged', async (t) => {
    const { clock, gate, noted, write, seen } = make(t);
    await write(1);
    gate.hold();
    const writing = write(2);
    clock.advance(1_000);
    assert.deepEqual(noted, [seen(1)]);
    gate.refuseNext('stored');
    gate.release();
    await assert.rejects(writing);
    clock.advance(1_000);
    assert.deepEqual(noted, [seen(1)]);
  });

  test('is fsynced two seconds after a write, and then not before there is another', async (t) => {
    const { clock, syncs, write } = make(t);
    await write(1);
    clock.advance(1_999);
    assert.equal(syncs(), 0);
    clock.advance(1);
    assert.equal(syncs(), 1);
    clock.advance(60_000);
    assert.equal(syncs(), 1);
  });

  test('is fsynced every two seconds while writes go on, however closely they follow', async (t) => {
    const { clock, syncs, write } = make(t);
    for (let sequence = 1; sequence <= 60; sequence++) {
      await write(sequence);
      clock.advance(100);
    }
    assert.equal(syncs(), 3);
  });

  test('waits as long as it says when the clock on the wall is set', async (t) => {
    const { clock, noted, syncs, write, seen } = make(t);
    await write(1);
    await write(2);
    clock.jump(3_600_000);
    assert.deepEqual([noted, syncs()], [[seen(1)], 0]);
    clock.advance(2_000);
    assert.deepEqual([noted, syncs()], [[seen(1), seen(2)], 1]);
  });

  test('is not told of a write that only takes frames away', async (t) => {
    const { clock, noted, syncs, store, write, seen } = make(t);
    await store.write([], { from: 1, below: 1 });
    assert.equal(clock.nextAlarmInMs, Infinity);
    await write(1);
    clock.advance(5);
    await store.write([], { from: 1, below: 2 });
    clock.advance(5);
    assert.deepEqual([noted, syncs()], [[seen(1)], 0]);
  });

  test("is not told of what only the operating system has before that was fsynced: durability 'os'", async (t) => {
    const { clock, noted, written, order, write, seen } = make(t, 'os');
    await write(1);
    await write(2);
    await clock.pass(29_999);
    assert.deepEqual([noted, written], [[], []]);
    await clock.pass(1);
    assert.deepEqual([noted, written], [[], [seen(2)]]);
    assert.deepEqual(order, ['log', 'witness']);
  });

  test('is told nothing after the store was closed, and no alarm is left', async (t) => {
    const { clock, noted, store, write, seen } = make(t);
    await write(1);
    await write(2);
    await store.close();
    assert.equal(clock.nextAlarmInMs, Infinity);
    assert.deepEqual(noted, [seen(1)]);
  });

  test('is told nothing of a write that ends when the store is closed, and sets no alarm for it', async (t) => {
    const { parts, clock, noted, frame } = make(t);
    let done = (): void => undefined;
    const write = (): Promise<void> => new Promise((resolve) => (done = resolve));
    const store = witnessedStore({ ...openMemoryStore(), write, close: () => Promise.resolve() }, parts);
    const writing = store.write([frame(1)], undefined);
    const closing = store.close();
    done();
    await Promise.all([writing, closing]);
    assert.equal(clock.nextAlarmInMs, Infinity);
    assert.deepEqual(noted, []);
  });
});

describe('a store with a witness', () => {
  test('gives back what was written, by every way of reading', async (t) => {
    const { store, frame } = make(t);
    await store.write([frame(1), frame(2)], undefined);
    assert.deepEqual(Buffer.from((await store.read(1)) ?? []), frame(1).bytes);
    assert.deepEqual(Buffer.from(store.readSync(2) ?? []), frame(2).bytes);
    const numbers: number[] = [];
    for await (const chunk of store.scan(2)) numbers.push(...chunk.map(({ sequence }) => sequence));
    assert.deepEqual(numbers, [2]);
  });

  test('counts the bytes of what was written, and of nothing that was refused', async (t) => {
    const { gate, bytesWritten, store, frame, write } = make(t);
    await store.write([frame(1), frame(2), frame(3)], undefined);
    assert.equal(bytesWritten(), 3 * HEADER_BYTES);
    gate.refuseNext('lost');
    await assert.rejects(write(4));
    assert.equal(bytesWritten(), 3 * HEADER_BYTES);
  });
});
