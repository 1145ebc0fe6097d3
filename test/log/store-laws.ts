/** What every store must do, whatever it is made of. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { FrameEntry, Store } from '../../src/log/store.ts';

/** Makes a new, empty medium for one test and returns what opens it: again and again, once the store before is closed. */
export type NewMedium = (t: TestContext) => Promise<() => Promise<Store>>;

const CLOSED = { code: 'HOLDFAST_STORE_UNAVAILABLE', message: /closed/ };
const MISUSE = { code: 'HOLDFAST_INVALID_ARGUMENT' };

export function storeLaws(name: string, newMedium: NewMedium): void {
  const law = (sentence: string, check: (store: Store, reopen: () => Promise<Store>) => Promise<void>): void => {
    test(sentence, async (t) => {
      const open = await newMedium(t);
      let store = await open();
      t.after(() => store.close());
      const reopen = async (): Promise<Store> => {
        await store.close();
        store = await open();
        return store;
      };
      await check(store, reopen);
    });
  };

  describe(`${name} keeps what it is given`, () => {
    law('a frame comes back byte for byte, by every way of reading', async (store) => {
      const frames = [new Uint8Array(0), Uint8Array.of(0), allBytes(), filled(70_000, 3)].map(numbered(1));
      await store.write(frames, undefined);
      for (const { sequence, bytes } of frames) {
        assertSame(await store.read(sequence), bytes);
        assertSame(store.readSync(sequence), bytes);
      }
      assertFrames(await all(store.scan()), frames);
    });

    law('large frames come back byte for byte', async (store, reopen) => {
      const frames = [1, 2, 3].map((seed) => filled(2 << 20, seed)).map(numbered(1));
      await store.write(frames, undefined);
      assertFrames(await all(store.scan()), frames);
      const again = await reopen();
      assertFrames(await all(again.scan()), frames);
      assertSame(await again.read(2), frames[1]?.bytes);
    });

    law('what was written is there after closing and opening again', async (store, reopen) => {
      await store.write([frame(1), frame(2), frame(3)], undefined);
      await store.write([frame(4)], { from: 1, below: 3 });
      assertFrames(await all((await reopen()).scan()), [frame(3), frame(4)]);
    });

    law('a frame that is not there is undefined', async (store) => {
      await store.write([frame(2)], undefined);
      for (const absent of [0, 1, 3, 2 ** 32 + 2, Number.MAX_SAFE_INTEGER]) {
        assert.equal(await store.read(absent), undefined);
        assert.equal(store.readSync(absent), undefined);
      }
    });

    law('the bytes are copied before write returns, so the caller may use its buffer again', async (store) => {
      const buffer = filled(1000, 1);
      const written = store.write([{ sequence: 1, bytes: buffer }], undefined);
      buffer.fill(0xff);
      await written;
      assertSame(await store.read(1), filled(1000, 1));
    });

    law('a part of a larger buffer is written as that part', async (store) => {
      const large = filled(5000, 1);
      await store.write([{ sequence: 1, bytes: large.subarray(1000, 2000) }], undefined);
      assertSame(await store.read(1), large.slice(1000, 2000));
    });

    law('the bytes that were read belong to the reader', async (store) => {
      await store.write([frame(1)], undefined);
      for (const bytes of [await store.read(1), store.readSync(1), (await all(store.scan()))[0]?.bytes]) bytes?.fill(0);
      assertSame(await store.read(1), frame(1).bytes);
    });
  });

  describe(`${name} scans in order`, () => {
    law('frames come in the order of their numbers, however large the numbers are', async (store) => {
      const numbers = [1, 2, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
      const frames = numbers.map(frame);
      for (const one of frames) await store.write([one], undefined);
      assertFrames(await all(store.scan()), frames);
    });

    law('gaps are passed on as gaps', async (store) => {
      await store.write([frame(1), frame(2), frame(5), frame(9)], undefined);
      assert.deepEqual(await numbers(store.scan()), [1, 2, 5, 9]);
    });

    law('a scan from a number begins at the first frame that is not below it', async (store) => {
      await store.write([1, 2, 5, 9].map(frame), undefined);
      assert.deepEqual(await numbers(store.scan(2)), [2, 5, 9]);
      assert.deepEqual(await numbers(store.scan(3)), [5, 9]);
      assert.deepEqual(await numbers(store.scan(10)), []);
    });

    law('a scan of nothing is empty', async (store) => {
      assert.deepEqual(await numbers(store.scan()), []);
      assert.deepEqual(await numbers(store.scan(7)), []);
    });

    law('many frames come in several chunks and none is missing', async (store) => {
      for (let first = 1; first <= 100; first += 20) {
        await store.write(
          range(first, first + 20).map((n) => ({ sequence: n, bytes: filled(65_536, n) })),
          undefined,
        );
      }
      let chunkCount = 0;
      const seen: number[] = [];
      for await (const chunk of store.scan()) {
        chunkCount++;
        assert.ok(chunk.length > 0);
        for (const { sequence, bytes } of chunk) {
          assertSame(bytes, filled(65_536, sequence));
          seen.push(sequence);
        }
      }
      assert.deepEqual(seen, range(1, 101));
      assert.ok(chunkCount >= 4 && chunkCount <= 20, `${chunkCount} chunks`);
    });

    law('a scan may be left early, and the store works on', async (store) => {
      await store.write(
        range(1, 60).map((n) => ({ sequence: n, bytes: filled(65_536, n) })),
        undefined,
      );
      for await (const chunk of store.scan()) {
        assert.equal(chunk[0]?.sequence, 1);
        break;
      }
      await assert.rejects(async () => {
        for await (const chunk of store.scan()) throw new RangeError(`thrown by the reader at ${chunk[0]?.sequence}`);
      }, RangeError);
      await store.write([frame(60)], undefined);
      assert.equal((await numbers(store.scan(50))).at(-1), 60);
    });
  });

  describe(`${name} writes a batch as one`, () => {
    law('a drop deletes its range and nothing else', async (store) => {
      await store.write(range(1, 8).map(frame), undefined);
      await store.write([frame(8)], { from: 2, below: 5 });
      assert.deepEqual(await numbers(store.scan()), [1, 5, 6, 7, 8]);
      for (const dropped of [2, 3, 4]) {
        assert.equal(await store.read(dropped), undefined);
        assert.equal(store.readSync(dropped), undefined);
      }
      await store.write([], { from: 1, below: 6 });
      assert.deepEqual(await numbers(store.scan()), [6, 7, 8]);
    });

    law('a drop of what is not there changes nothing', async (store) => {
      await store.write([frame(4)], undefined);
      await store.write([], { from: 1, below: 4 });
      await store.write([], { from: 4, below: 4 });
      assert.deepEqual(await numbers(store.scan()), [4]);
    });

    law('an empty write resolves and changes nothing', async (store) => {
      await store.write([], undefined);
      assert.deepEqual(await numbers(store.scan()), []);
    });

    law('a reader sees all of a batch or nothing of it', async (store) => {
      await store.write([frame(1)], undefined);
      for (let first = 2; first < 200; first += 20) {
        let isWritten = false;
        const writing = store.write(range(first, first + 20).map(frame), { from: first - 1, below: first });
        const written = writing.then(() => (isWritten = true));
        do {
          if (store.readSync(first + 19) !== undefined) {
            assert.notEqual(store.readSync(first), undefined, 'the first frame is there when the last is');
            assert.equal(store.readSync(first - 1), undefined, 'the dropped frame is gone when the last is there');
          }
          if (store.readSync(first - 1) === undefined) assert.notEqual(store.readSync(first + 19), undefined);
          await turn();
        } while (!isWritten);
        await written;
        await store.write([], { from: first, below: first + 19 });
      }
    });

    law('frames can be read while others are written', async (store) => {
      await store.write(range(1, 50).map(frame), undefined);
      const reading = Promise.all(range(1, 50).map((n) => store.read(n)));
      const writing = store.write(range(50, 100).map(frame), undefined);
      const scanning = all(store.scan());
      for (const [index, bytes] of (await reading).entries()) assertSame(bytes, frame(index + 1).bytes);
      await writing;
      assertFrames((await scanning).slice(0, 49), range(1, 50).map(frame));
      assertFrames(await all(store.scan()), range(1, 100).map(frame));
    });
  });

  describe(`${name} refuses`, () => {
    law(
      'a number that is not above all before, at the call, and writes nothing of the batch',
      async (store, reopen) => {
        await store.write([frame(5)], undefined);
        for (const bad of [5, 4, 0, -1, 6.5, Number.NaN, Infinity, 2 ** 53]) {
          assert.throws(() => store.write([{ sequence: bad, bytes: allBytes() }], undefined), MISUSE, `${bad}`);
        }
        assert.throws(() => store.write([frame(6), frame(8), frame(7)], undefined), MISUSE);
        assert.throws(() => store.write([frame(6), frame(6)], undefined), MISUSE);
        assertFrames(await all(store.scan()), [frame(5)]);
        const again = await reopen();
        assert.throws(() => again.write([frame(5)], undefined), MISUSE);
        await again.write([frame(6)], undefined);
      },
    );

    law('a drop that is no range, at the call', async (store) => {
      await store.write([frame(1)], undefined);
      for (const [from, below] of [
        [2, 1],
        [0, 1],
        [1, 1.5],
        [Number.NaN, 2],
        [1, Infinity],
      ] as const) {
        assert.throws(() => store.write([], { from, below }), MISUSE, `${from} ${below}`);
      }
      assertFrames(await all(store.scan()), [frame(1)]);
    });

    law('a second write before the first has settled, at the call', async (store) => {
      const first = store.write([frame(1)], undefined);
      assert.throws(() => store.write([frame(2)], undefined), MISUSE);
      await first;
      await store.write([frame(2)], undefined);
      assertFrames(await all(store.scan()), [frame(1), frame(2)]);
    });

    law('everything after it is closed', async (store) => {
      await store.write([frame(1)], undefined);
      await store.close();
      await assert.rejects(store.write([frame(2)], undefined), CLOSED);
      await assert.rejects(store.read(1), CLOSED);
      assert.throws(() => store.readSync(1), CLOSED);
      await assert.rejects(all(store.scan()), CLOSED);
    });

    law('to go on with a scan when it is closed meanwhile', async (store) => {
      await store.write(
        range(1, 100).map((n) => ({ sequence: n, bytes: filled(65_536, n) })),
        undefined,
      );
      await assert.rejects(async () => {
        for await (const chunk of store.scan()) {
          assert.equal(chunk[0]?.sequence, 1);
          await store.close();
        }
      }, CLOSED);
    });
  });

  describe(`${name} closes`, () => {
    law('twice, also at the same time', async (store) => {
      await Promise.all([store.close(), store.close()]);
      await store.close();
    });

    law('after the write under way, which is kept', async (store, reopen) => {
      const writing = store.write(range(1, 10).map(frame), undefined);
      let isWritten = false;
      const noted = writing.then(() => (isWritten = true));
      await store.close();
      assert.equal(isWritten, true);
      await noted;
      assertFrames(await all((await reopen()).scan()), range(1, 10).map(frame));
    });
  });

  law(`${name} does in any order of calls what a map would do`, async (first, reopen) => {
    let store = first;
    const kept = new Map<number, Uint8Array>();
    let newest = 0;
    const step = fc.record({
      gap: fc.integer({ min: 1, max: 3 }),
      sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 4 }),
      dropped: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      reopens: fc.integer({ min: 0, max: 9 }),
    });
    const steps = fc.array(step, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        for (const { gap, sizes, dropped, reopens } of plan) {
          const frames = sizes.map((size) => ({ sequence: (newest += gap), bytes: filled(size, newest) }));
          const head = Math.min(...kept.keys(), newest + 1);
          await store.write(frames, dropped === undefined ? undefined : { from: head, below: head + dropped });
          for (const { sequence, bytes } of frames) kept.set(sequence, bytes);
          for (let n = head; n < head + (dropped ?? 0); n++) kept.delete(n);
          if (reopens === 0) store = await reopen();
          const from = head + gap;
          const expected = [...kept].map(([sequence, bytes]) => ({ sequence, bytes }));
          assertFrames(await all(store.scan()), expected);
          assertFrames(
            await all(store.scan(from)),
            expected.filter(({ sequence }) => sequence >= from),
          );
        }
      }),
      { numRuns: 20 },
    );
  });
}

/** Some bytes that LevelDB cannot compress, the same ones for the same seed. */
export function filled(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed + 1) * 0x9e3779b1;
  for (let index = 0; index < size; index++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + index;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function frame(sequence: number): FrameEntry {
  return { sequence, bytes: filled(1 + (sequence % 500), sequence) };
}

export function range(from: number, below: number): number[] {
  return Array.from({ length: below - from }, (_, index) => from + index);
}

export async function all(chunks: AsyncIterable<readonly FrameEntry[]>): Promise<FrameEntry[]> {
  const entries: FrameEntry[] = [];
  for await (const chunk of chunks) entries.push(...chunk);
  return entries;
}

export async function numbers(chunks: AsyncIterable<readonly FrameEntry[]>): Promise<number[]> {
  return (await all(chunks)).map(({ sequence }) => sequence);
}

export function assertFrames(actual: readonly FrameEntry[], expected: readonly FrameEntry[]): void {
  assert.deepEqual(
    actual.map(({ sequence }) => sequence),
    expected.map(({ sequence }) => sequence),
  );
  for (const [index, { bytes }] of actual.entries()) assertSame(bytes, expected[index]?.bytes);
}

/** LevelDB gives Buffers and tests make Uint8Arrays: only the bytes count. */
export function assertSame(actual: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  assert.ok(actual !== undefined && expected !== undefined, 'there are bytes');
  assert.equal(Buffer.compare(actual, expected), 0, 'the bytes are the same');
}

function numbered(first: number): (bytes: Uint8Array, index: number) => FrameEntry {
  return (bytes, index) => ({ sequence: first + index, bytes });
}

function allBytes(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, index) => index);
}
