/** What LevelDB is asked for by the store on it, and what is said when it refuses: with a database that tells, or fails. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Level } from 'level';
import { keyOf, sequenceOfKey } from '../../src/log/level-key.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';
import { replace, writesOf, type Method } from './replaced-level.ts';
import { temporaryFolder } from './temporary-folder.ts';

const MIB = 1024 * 1024;
const UNAVAILABLE = 'HOLDFAST_STORE_UNAVAILABLE';

async function newStore(t: TestContext, durability: 'disk' | 'os' = 'os'): Promise<{ store: Store; location: string }> {
  const location = path.join(await temporaryFolder(t), 'log');
  const store = await openLevelStore(location, { durability, createIfMissing: true });
  t.after(() => store.close().catch(() => undefined));
  return { store, location };
}

const frame = (sequence: number, length = 1) => ({ sequence, bytes: new Uint8Array(length) });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a write', () => {
  test('is fsynced if it shall be on the disk, and only then', async (t) => {
    const seen = writesOf(t);
    for (const durability of ['disk', 'os'] as const) {
      const { store } = await newStore(t, durability);
      await store.write([frame(1)], undefined);
    }
    assert.deepEqual(seen, [{ sync: true }, { sync: false }]);
  });

  test('waits for nobody: a second one at the same time is a mistake', async (t) => {
    const { store } = await newStore(t);
    const first = store.write([frame(1)], undefined);
    assert.throws(() => store.write([frame(2)], undefined), {
      ...{ code: 'HOLDFAST_INVALID_ARGUMENT', field: 'write', message: /the previous write to have settled.*another/ },
    });
    await first;
    await store.write([frame(2)], undefined);
  });

  test('goes on behind the newest frame, also after an opening', async (t) => {
    const { store, location } = await newStore(t);
    await store.write([frame(3), frame(4), frame(9)], undefined);
    await store.close();
    const again = await openLevelStore(location, { durability: 'os', createIfMissing: false });
    t.after(() => again.close());
    for (const old of [4, 9]) {
      await assert.rejects(async () => again.write([frame(old)], undefined), { code: 'HOLDFAST_INVALID_ARGUMENT' });
    }
    await again.write([frame(10)], undefined);
  });
});

/** A store whose database says that so much is dead, and tells which ranges it is asked to look at and to compact. */
async function reclaiming(t: TestContext, deadBytes: number) {
  const state = { deadBytes, looks: [] as number[], compacted: [] as number[], look: () => Promise.resolve() };
  const belowOf = (from: Uint8Array, below: Uint8Array): number => {
    assert.deepEqual(Buffer.from(from), Buffer.from(keyOf(0)));
    return sequenceOfKey(below) as number;
  };
  replace(t, 'approximateSize', () => async (from: Uint8Array, below: Uint8Array) => {
    state.looks.push(belowOf(from, below));
    await state.look();
    return state.deadBytes;
  });
  replace(t, 'compactRange', () => async (from: Uint8Array, below: Uint8Array) => {
    state.compacted.push(belowOf(from, below));
  });
  const { store } = await newStore(t);
  let next = 1;
  let head = 1;
  /** Writes one frame and drops so many of those that there might be. */
  const write = async (dropCount: number, length = 0): Promise<void> => {
    const from = head;
    next = Math.max(next, from + dropCount) + 1;
    head = from + dropCount;
    await store.write([frame(next, length)], dropCount === 0 ? undefined : { from, below: head });
    await turn();
  };
  return { state, store, write };
}

describe('the space of dropped frames', () => {
  test('is asked back when it is more than 16 MiB', async (t) => {
    const { state, write } = await reclaiming(t, 16 * MIB);
    await write(1);
    assert.deepEqual([state.looks, state.compacted], [[2], []]);
    state.deadBytes++;
    await write(64);
    assert.deepEqual([state.looks, state.compacted], [[2, 66], [66]]);
  });

  test('is looked at when 4 MiB were dropped or written, a dropped frame being 64 KiB', async (t) => {
    const { state, write } = await reclaiming(t, 0);
    await write(1);
    await write(63);
    assert.deepEqual(state.looks, [2]);
    await write(1);
    assert.deepEqual(state.looks, [2, 66]);
    await write(0, 4 * MIB);
    assert.deepEqual(state.looks, [2, 66], 'nothing was dropped');
    await write(1);
    assert.deepEqual(state.looks, [2, 66, 67]);
    await write(1);
    assert.deepEqual(state.looks, [2, 66, 67]);
  });

  test('is looked at once at a time, and again for what was dropped meanwhile', async (t) => {
    const { state, write } = await reclaiming(t, 0);
    let done = (): void => undefined;
    state.look = () => new Promise((resolve) => (done = resolve));
    await write(1);
    await write(64);
    await write(64);
    assert.deepEqual(state.looks, [2]);
    done();
    await turn();
    assert.deepEqual(state.looks, [2, 130]);
    await write(1);
    done();
    await turn();
    assert.deepEqual(state.looks, [2, 130], 'that was too little');
    await write(63);
    assert.deepEqual(state.looks, [2, 130, 194]);
    done();
    await turn();
    assert.deepEqual(state.looks, [2, 130, 194], 'nothing was dropped meanwhile');
  });

  test('is looked at again though a look has failed, and nobody hears of that', async (t) => {
    const { state, write } = await reclaiming(t, 0);
    state.look = () => Promise.reject(new Error('no'));
    await write(1);
    await write(64);
    assert.deepEqual(state.looks, [2, 66]);
  });

  test('is not looked at any more when the store is closed', async (t) => {
    const { state, store, write } = await reclaiming(t, 0);
    await write(1);
    const writing = store.write([frame(1_000)], { from: 2, below: 200 });
    const closing = store.close();
    await Promise.allSettled([writing, closing]);
    await turn();
    assert.deepEqual(state.looks, [2]);
  });
});

describe('what LevelDB refuses is said with what was asked of it, and where', () => {
  const refuse = (): Method => () => Promise.reject(new Error('the disk is odd'));
  const said = (doing: string, location: string) => ({
    ...{ code: UNAVAILABLE, message: new RegExp(`LevelDB cannot ${doing} ${location}: the disk is odd`) },
  });

  test('to open', async (t) => {
    const location = path.join(await temporaryFolder(t), 'log');
    replace(t, 'open', refuse);
    const opening = openLevelStore(location, { durability: 'os', createIfMissing: true });
    await assert.rejects(opening, said('open', location));
  });

  test('to read: one frame, at once, or all of them', async (t) => {
    const { store, location } = await newStore(t);
    await store.write([frame(1)], undefined);
    replace(t, 'get', refuse);
    await assert.rejects(store.read(1), said('read', location));
    replace(t, 'getSync', () => () => {
      throw new Error('the disk is odd');
    });
    assert.throws(() => store.readSync(1), said('read', location));
    let closes = 0;
    replace(t, 'iterator', () => () => ({ nextv: refuse(), close: async () => void closes++ }));
    await assert.rejects(
      async () => {
        for await (const chunk of store.scan()) assert.fail(String(chunk.length));
      },
      said('read', location),
    );
    assert.equal(closes, 1);
  });

  test('to write, and then no more is asked of it', async (t) => {
    const { store, location } = await newStore(t);
    let batches = 0;
    replace(t, 'batch', () => () => {
      batches++;
      throw new Error('the disk is odd');
    });
    await assert.rejects(store.write([frame(1)], undefined), said('write to', location));
    await assert.rejects(store.write([frame(2)], undefined), {
      ...{ code: UNAVAILABLE, message: /a write failed, so it takes no more before it is opened anew/ },
    });
    assert.equal(batches, 1);
  });

  test('to close', async (t) => {
    const { store, location } = await newStore(t);
    const real = (Level.prototype as unknown as Record<string, Method>)['close'] as Method;
    replace(
      t,
      'close',
      () =>
        async function (this: unknown) {
          await real.call(this);
          throw new Error('the disk is odd');
        },
    );
    await assert.rejects(store.close(), said('close', location));
    await assert.rejects(store.close(), said('close', location), 'it is not closed twice');
    await assert.rejects(store.write([frame(1)], undefined), { code: UNAVAILABLE, message: /it is closed/ });
    await assert.rejects(store.read(1), { code: UNAVAILABLE, message: /it is closed/ });
    assert.throws(() => store.readSync(1), { code: UNAVAILABLE, message: /it is closed/ });
  });
});
