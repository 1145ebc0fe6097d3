/** Whether there is room: on a disk whose free bytes a test says, with a reserve that is only a number. */
import assert from 'node:assert/strict';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { describe, test, type TestContext } from 'node:test';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { roomIn, type RoomState } from '../../src/log/room.ts';

const MIB = 1024 * 1024;
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
const FULL = Object.assign(new Error('write'), { code: 'ENOSPC' });

/** 8 MiB are reserved, and as much is free as the test says. */
function make(t: TestContext, freeBytes = 100 * MIB) {
  const disk = { freeBytes, problem: undefined as Error | undefined, looks: 0 };
  const { statfs } = promises;
  const standIn = async () => {
    disk.looks++;
    if (disk.problem !== undefined) throw disk.problem;
    return { bavail: disk.freeBytes / 512, bsize: 512 };
  };
  promises.statfs = standIn as unknown as typeof statfs;
  syncBuiltinESMExports();
  t.after(() => {
    promises.statfs = statfs;
    syncBuiltinESMExports();
  });
  const reserve = {
    size: 8 * MIB,
    isThere: true,
    async ensure() {
      reserve.isThere ||= disk.freeBytes >= 2 * reserve.size;
      return reserve.isThere;
    },
    async giveUp() {
      const wasThere = reserve.isThere;
      reserve.isThere = false;
      return wasThere;
    },
  };
  const clock = createFakeClock();
  const room = roomIn('/jobs', reserve, clock);
  t.after(() => room.close());
  const changes: RoomState[] = [];
  room.onChange((state) => changes.push(state));
  return { disk, reserve, clock, room, changes };
}

describe('the room on a disk', () => {
  test('is enough, low or full, by what is free beside the reserve', async (t) => {
    const { disk, room, changes, clock } = make(t);
    assert.equal(room.state, 'enough');
    const known: [number, RoomState][] = [
      [16 * MIB, 'enough'],
      [16 * MIB - 512, 'low'],
      [MIB, 'low'],
      [MIB - 512, 'full'],
      // What was full must have more again.
      [MIB, 'full'],
      [2 * MIB - 512, 'full'],
      [2 * MIB, 'low'],
      [16 * MIB, 'enough'],
    ];
    for (const [freeBytes, state] of known) {
      disk.freeBytes = freeBytes;
      await room.look();
      assert.equal(room.state, state, `${freeBytes} bytes`);
    }
    assert.deepEqual(changes, ['low', 'full', 'low', 'enough'], 'each change is told once');
    assert.ok(clock.nextAlarmInMs > 0);
  });

  test('is low without a reserve, however much is free', async (t) => {
    const { reserve, room } = make(t);
    reserve.isThere = false;
    reserve.ensure = () => Promise.resolve(false);
    await room.look();
    assert.equal(room.state, 'low');
  });

  test('is looked at when a mebibyte was written, and not before', async (t) => {
    const { disk, clock, room } = make(t);
    room.wrote(MIB - 1);
    await clock.settle();
    assert.equal(disk.looks, 0);
    room.wrote(1);
    await clock.settle();
    assert.equal(disk.looks, 1);
    room.wrote(MIB - 1);
    await clock.settle();
    assert.equal(disk.looks, 1, 'it counts from the last look');
    room.wrote(1);
    room.wrote(MIB);
    await clock.settle();
    assert.equal(disk.looks, 2, 'there is one look at a time');
    room.wrote(0);
    await clock.settle();
    assert.equal(disk.looks, 3, 'what was written during a look counts for the next');
  });

  test('is looked at once when several ask at the same time', async (t) => {
    const { disk, room } = make(t);
    await Promise.all([room.look(), room.look()]);
    assert.equal(disk.looks, 1);
    await room.look();
    assert.equal(disk.looks, 2);
  });

  test('is looked at every second while the disk is full, until it is not', async (t) => {
    const { disk, clock, room, changes } = make(t, 0);
    await room.look();
    for (let second = 1; second <= 3; second++) {
      await clock.pass(999);
      assert.equal(disk.looks, second);
      await clock.pass(1);
      assert.equal(disk.looks, second + 1);
    }
    clock.jump(3_600_000);
    await clock.settle();
    assert.equal(disk.looks, 4, 'the clock on the wall does not count');
    disk.freeBytes = 100 * MIB;
    await clock.pass(1_000);
    assert.deepEqual(changes, ['full', 'enough']);
    assert.equal(clock.nextAlarmInMs, Infinity);
  });

  test('stays what it was when nobody can look, and a full one is looked at again', async (t) => {
    const { disk, clock, room, changes } = make(t, 0);
    await room.look();
    disk.problem = Object.assign(new Error('gone'), { code: 'EIO' });
    await assert.rejects(room.look(), { ...UNAVAILABLE, message: /cannot look at the disk of \/jobs/ });
    await clock.pass(2_000);
    assert.equal(disk.looks, 4);
    disk.problem = undefined;
    disk.freeBytes = 100 * MIB;
    await clock.pass(1_000);
    assert.deepEqual(changes, ['full', 'enough']);
    disk.problem = new Error('gone');
    room.wrote(MIB);
    await clock.settle();
    assert.equal(clock.nextAlarmInMs, Infinity);
  });
});

describe('room is made', () => {
  test('of the reserve when the disk is full, and it is over when the reserve is back', async (t) => {
    const { disk, reserve, clock, room, changes } = make(t);
    disk.freeBytes = 3 * MIB;
    assert.equal(await room.make(FULL), true);
    assert.deepEqual([room.state, reserve.isThere], ['full', false]);
    await clock.pass(1_000);
    assert.equal(room.state, 'full', 'three are free, but they are those of the reserve');
    disk.freeBytes = 16 * MIB;
    await clock.pass(1_000);
    assert.deepEqual([room.state, reserve.isThere], ['enough', true]);
    assert.deepEqual(changes, ['full', 'enough']);
  });

  test('once: without a reserve there is none to make, and the disk is full all the same', async (t) => {
    const { disk, reserve, clock, room } = make(t);
    reserve.isThere = false;
    disk.freeBytes = 2 * MIB;
    assert.equal(await room.make(FULL), false);
    assert.equal(room.state, 'full');
    await clock.pass(1_000);
    assert.equal(room.state, 'low', 'nothing was given up that would have to come back');
  });

  test('whatever the failure says it with, and however deep it lies', async (t) => {
    const says: unknown[] = [
      Object.assign(new Error('write'), { code: 'EDQUOT' }),
      new Error('IO error: /jobs/log/000005.log: No space left on device'),
      new Error('IO error: Disk quota exceeded'),
      new Error('There is not enough space on the disk.'),
      new Error('the store failed', { cause: new Error('it refused', { cause: FULL }) }),
    ];
    for (const failure of says) {
      const { room } = make(t);
      assert.equal(await room.make(failure), true, String(failure));
    }
  });

  test('of nothing for any other failure while there is room', async (t) => {
    const loop: Error = new Error('it goes round');
    loop.cause = loop;
    for (const failure of [new Error('the disk reports an error'), 'No space left on device', undefined, loop]) {
      const { reserve, room } = make(t, MIB);
      assert.equal(await room.make(failure), false);
      assert.deepEqual([room.state, reserve.isThere], ['enough', true]);
    }
  });

  test('for any failure when hardly anything is free', async (t) => {
    const { room } = make(t, MIB - 512);
    assert.equal(await room.make(new Error('the disk reports an error')), true);
    assert.equal(room.state, 'full');
  });
});

test('a room that is closed is looked at no more, and nobody hears of it', async (t) => {
  const { disk, clock, room, changes } = make(t, 0);
  await room.look();
  room.close();
  assert.equal(clock.nextAlarmInMs, Infinity);
  room.wrote(MIB);
  disk.freeBytes = 100 * MIB;
  await room.look();
  await clock.settle();
  assert.deepEqual([disk.looks, changes], [1, ['full']]);
  await room.make(FULL);
  assert.equal(clock.nextAlarmInMs, Infinity);
  assert.deepEqual(changes, ['full']);
});
