/** Where a log lives: how it is opened, refused, salvaged and given up, with a store that fails when a test says so. */
import assert from 'node:assert/strict';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { StoreDamagedError, StoreUnavailableError } from '../../src/errors.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { holderOf } from '../../src/log/guard.ts';
import { openHome, openMemoryHome, type Home, type HomeOptions } from '../../src/log/home.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { openMemoryStore } from '../../src/log/memory-store.ts';
import type { OpenLog } from '../../src/log/open-log.ts';
import type { Store } from '../../src/log/store.ts';
import { readWitness } from '../../src/log/witness.ts';
import { enqueued, rowsOf } from '../support/log.ts';
import { openIn, temporaryFolder } from './temporary-folder.ts';
import { chained, folderOf } from './whole-folder.ts';

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };
const OPTIONS: HomeOptions = { durability: 'os', cacheBytes: 1 << 20, reserveBytes: 4_096 };
const clock = createFakeClock();
const FRAMES = chained([[enqueued(0)], [enqueued(1)], [enqueued(2)]]);

async function home(
  t: TestContext,
  folder: string,
  given: Partial<HomeOptions> = {},
  openStore?: typeof openLevelStore,
) {
  const opened = await openHome(folder, clock, { ...OPTIONS, ...given }, openStore);
  t.after(() => opened.close().catch(() => undefined));
  return opened;
}

async function newPlace(t: TestContext): Promise<string> {
  return path.join(await temporaryFolder(t), 'jobs');
}

/** Opens the log, counts its jobs, and lets go of it. */
async function jobsIn(place: Home): Promise<number> {
  const { log, close } = await place.open();
  await close();
  return rowsOf(log.table).size;
}

/** Opens the log of a home, which has so many frames, and adds a job to it. */
async function openWithOneMore(place: Home, frameCount: number): Promise<OpenLog> {
  const opened = await place.open();
  assert.equal(opened.frameCount, frameCount);
  opened.log.record(enqueued(frameCount));
  await opened.log.commit();
  await place.witness(opened.log);
  return opened;
}

/** Fails so often before it opens. */
function failing(...failures: readonly Error[]): { opens: string[]; openStore: typeof openLevelStore } {
  const left = [...failures];
  const opens: string[] = [];
  const openStore: typeof openLevelStore = (location, options) => {
    opens.push(`${path.basename(location)} ${options.durability} ${options.createIfMissing}`);
    const failure = left.shift();
    return failure === undefined ? openLevelStore(location, options) : Promise.reject(failure);
  };
  return { opens, openStore };
}

describe('a home in a folder', () => {
  test('opens its log as often as one likes, and has all that was written', async (t) => {
    const folder = await newPlace(t);
    const place = await home(t, folder);
    assert.equal(place.path, folder);
    assert.equal(place.room?.state, 'enough');
    for (let slot = 0; slot < 3; slot++) {
      const { log, close } = await openWithOneMore(place, slot);
      assert.deepEqual(await readWitness(path.join(folder, 'witness')), log.witnessed);
      await close();
    }
    assert.equal((await stat(path.join(folder, 'reserve'))).size, 4_096);
    assert.equal(place.salvaged, undefined);
    assert.equal(await holderOf(folder, clock.processStartedAt), 'this process');
    await place.close();
    assert.equal(await holderOf(folder, clock.processStartedAt), undefined);
    assert.deepEqual(await openIn(folder), []);
  });

  test('opens the store as it was told to, and never makes one', async (t) => {
    for (const durability of ['disk', 'os'] as const) {
      const { opens, openStore } = failing();
      const place = await home(t, await newPlace(t), { durability }, openStore);
      const { log, close } = await place.open();
      log.record(enqueued(0));
      await log.commit();
      await place.witness(log);
      await close();
      assert.deepEqual(opens, [`log ${durability} false`]);
    }
  });

  test('is swept when it is open, of what killed processes left', async (t) => {
    const folder = await folderOf(t, FRAMES);
    await writeFile(path.join(folder, 'owner.999999999.5.7'), '');
    const place = await home(t, folder);
    assert.equal(await jobsIn(place), 3);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('owner.999999999')),
      [],
    );
  });

  test('is given up when it cannot be entered or opened', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const failure = new Error('no');
    const { openStore } = failing(failure);
    const place = await home(t, folder, {}, openStore);
    await assert.rejects(place.open(), failure);
    assert.equal(await jobsIn(place), 3, 'the next attempt counts');
    await place.close();
    await writeFile(path.join(folder, 'witness'), '');
    await assert.rejects(home(t, folder), DAMAGED);
    assert.equal(await holderOf(folder, clock.processStartedAt), undefined);
  });
});

describe('a damaged home', () => {
  test('is refused, and its store is closed again', async (t) => {
    const short = await folderOf(t, FRAMES, { sequence: 4, chain: 1 });
    const what = 'the frames 4 to 4 are missing from the end of the log';
    const place = await home(t, short);
    for (let n = 0; n < 2; n++) {
      await assert.rejects(place.open(), { ...DAMAGED, where: path.join(short, 'log'), what });
    }
    // Its files are whole and its frames are not: only the replay can tell.
    const [one, , three] = FRAMES;
    const gap = await folderOf(
      t,
      [one, three].filter((frame) => frame !== undefined),
    );
    const other = await home(t, gap);
    for (let n = 0; n < 2; n++) await assert.rejects(other.open(), { ...DAMAGED, where: 'frame 2 of the log' });
  });

  test('is salvaged at its opening when that is asked for, whatever is damaged', async (t) => {
    const short = await folderOf(t, FRAMES, { sequence: 4, chain: 1 });
    const noWitness = await folderOf(t, FRAMES);
    await rm(path.join(noWitness, 'witness'));
    for (const folder of [short, noWitness]) {
      const place = await home(t, folder, { onDamage: 'salvage' });
      assert.equal(await jobsIn(place), 3);
      assert.deepEqual([place.path, place.salvaged?.to, place.salvaged?.jobs], [folder, folder, 3]);
      assert.equal(await jobsIn(place), 3);
      await place.close();
    }
  });

  test('is not salvaged twice, nor once the engine has been open', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const damage = new StoreDamagedError({ what: 'no', where: 'there' });
    const twice = await home(t, folder, { onDamage: 'salvage' }, failing(damage, damage).openStore);
    await assert.rejects(twice.open(), damage);
    assert.equal(twice.salvaged?.jobs, 3);
    await twice.close();
    const { openStore } = failing();
    let isBroken = false;
    const later = await home(t, folder, { onDamage: 'salvage' }, (...given) => {
      return isBroken ? Promise.reject(damage) : openStore(...given);
    });
    assert.equal(await jobsIn(later), 3);
    isBroken = true;
    await assert.rejects(later.open(), damage);
    assert.equal(later.salvaged, undefined);
  });

  test('is not salvaged for what is no damage', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const failure = new StoreUnavailableError('the disk reports an error');
    const place = await home(t, folder, { onDamage: 'salvage' }, failing(failure).openStore);
    await assert.rejects(place.open(), failure);
    assert.equal(place.salvaged, undefined);
  });

  test('may be what another process is writing: LevelDB is asked then', async (t) => {
    const folder = await folderOf(t, FRAMES, { sequence: 4, chain: 1 });
    const rival = path.join(folder, `owner.${process.ppid}.5.${(await stat(folder)).ino}`);
    await writeFile(rival, '');
    const { opens, openStore } = failing(new StoreUnavailableError('another process has it'));
    const place = await home(t, folder, {}, openStore);
    await assert.rejects(place.open(), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
    assert.equal(opens.length, 1);
    // Its lock is ours now: the replay, and the witness, have the last word.
    await assert.rejects(place.open(), { ...DAMAGED, where: path.join(folder, 'log') });
    await rm(rival);
    await assert.rejects(place.open(), DAMAGED);
    assert.equal(opens.length, 2);
  });
});

describe('a home on a full disk', () => {
  const full = new StoreUnavailableError('it failed', { cause: Object.assign(new Error('no'), { code: 'ENOSPC' }) });

  test('gives its reserve up, so that it can be opened', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const first = await home(t, folder);
    assert.equal(await jobsIn(first), 3);
    await first.close();
    const { opens, openStore } = failing(full);
    const place = await home(t, folder, {}, openStore);
    assert.equal(await jobsIn(place), 3);
    assert.equal(opens.length, 2);
  });

  test('is not opened when there was no reserve', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const { opens, openStore } = failing(full);
    const place = await home(t, folder, {}, openStore);
    await assert.rejects(place.open(), full);
    assert.equal(opens.length, 1);
    assert.equal(place.room?.state, 'full');
  });

  test('makes room when it is asked to, once', async (t) => {
    const folder = await folderOf(t, FRAMES);
    const place = await home(t, folder);
    await jobsIn(place);
    assert.equal(await place.makeRoom(new Error('something else')), false);
    assert.equal(await place.makeRoom(full), true);
    assert.equal((await readdir(folder)).includes('reserve'), false);
    assert.equal(await place.makeRoom(full), false);
  });
});

test('a home in memory keeps its log as long as it is open', async () => {
  const place = await openHome(':memory:', clock, OPTIONS);
  assert.equal(place.path, ':memory:');
  for (let slot = 0; slot < 3; slot++) await (await openWithOneMore(place, slot)).close();
  assert.equal(await place.makeRoom(new Error('no')), false);
  await place.close();
  await assert.rejects(place.open(), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  let closes = 0;
  const scan = (): never => {
    throw new Error('no');
  };
  const store: Store = { ...openMemoryStore(), scan, close: async () => void closes++ };
  const broken = openMemoryHome(OPTIONS, () => store);
  await assert.rejects(broken.open(), { message: 'no' });
  assert.equal(closes, 1, 'a log that cannot be read lets its store go');
});
