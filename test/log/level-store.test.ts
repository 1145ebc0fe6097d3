import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Level } from 'level';
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';
import { inProcess } from './storage-process.ts';
import { all, assertFrames, filled, frame, numbers, range, storeLaws } from './store-laws.ts';
import { temporaryFolder } from './temporary-folder.ts';

storeLaws('a store on disk', async (t) => {
  const location = await temporaryFolder(t);
  return () => openLevelStore(location, { durability: 'os', createIfMissing: true });
});

storeLaws('a store on disk that fsyncs', async (t) => {
  const location = await temporaryFolder(t);
  return () => openLevelStore(location, { durability: 'disk', createIfMissing: true });
});

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };
const KEEP = { durability: 'os', createIfMissing: false } as const;
const CREATE = { durability: 'os', createIfMissing: true } as const;

/** A closed database with frames of 64 KiB, all of them in tables. */
async function closedDatabase(t: TestContext, frameCount: number): Promise<string> {
  const location = await temporaryFolder(t);
  const store = await openLevelStore(location, CREATE);
  for (const n of range(1, frameCount + 1)) await store.write([{ sequence: n, bytes: filled(65_536, n) }], undefined);
  await store.close();
  // LevelDB moves what is in its own log into tables when it opens.
  await (await openLevelStore(location, KEEP)).close();
  return location;
}

async function openAndRead(location: string): Promise<number[]> {
  const store = await openLevelStore(location, KEEP);
  try {
    return await numbers(store.scan());
  } finally {
    await store.close();
  }
}

async function fileOf(location: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(location)).find((candidate) => pattern.test(candidate));
  assert.ok(name !== undefined, `there is a file ${String(pattern)}`);
  return path.join(location, name);
}

describe('a database is made only where nothing is', () => {
  test('in a folder that is missing, on request', async (t) => {
    const location = path.join(await temporaryFolder(t), 'log');
    await (await openLevelStore(location, CREATE)).close();
    assert.deepEqual(await openAndRead(location), []);
  });

  test('never without the request, and then nothing is made at all', async (t) => {
    const folder = await temporaryFolder(t);
    const location = path.join(folder, 'log');
    await assert.rejects(openLevelStore(location, KEEP), { ...DAMAGED, where: location });
    assert.deepEqual(await readdir(folder), []);
    await mkdir(location);
    await assert.rejects(openLevelStore(location, KEEP), { ...DAMAGED, where: path.join(location, 'CURRENT') });
    assert.deepEqual(await readdir(location), []);
  });

  test('a missing CURRENT is damage and wipes nothing, though the request was given', async (t) => {
    const location = await closedDatabase(t, 20);
    const current = path.join(location, 'CURRENT');
    const content = await readFile(current);
    await rm(current);
    const before = await readdir(location);
    for (const options of [KEEP, CREATE]) {
      await assert.rejects(openLevelStore(location, options), { ...DAMAGED, where: current });
    }
    assert.deepEqual(await readdir(location), before);
    await writeFile(current, content);
    assert.deepEqual(await openAndRead(location), range(1, 21));
  });

  test('a file where the folder should be is told', async (t) => {
    const location = path.join(await temporaryFolder(t), 'log');
    await writeFile(location, '');
    await assert.rejects(openLevelStore(location, CREATE), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  });
});

describe('damage is told, with its place', () => {
  const DAMAGES: readonly [name: string, file: RegExp, damage: (file: string) => Promise<void>][] = [
    ['an empty CURRENT', /^CURRENT$/, (file) => truncate(file, 0)],
    ['a CURRENT that leads nowhere', /^CURRENT$/, (file) => writeFile(file, 'MANIFEST-999999\n')],
    ['a CURRENT of other bytes', /^CURRENT$/, (file) => writeFile(file, 'nothing of the kind')],
    ['a missing MANIFEST', /^MANIFEST-/, (file) => rm(file)],
    ['an empty MANIFEST', /^MANIFEST-/, (file) => truncate(file, 0)],
    ['a missing table', /\.ldb$/, (file) => rm(file)],
    ['an empty table', /\.ldb$/, (file) => truncate(file, 0)],
    ['half a table', /\.ldb$/, async (file) => truncate(file, (await stat(file)).size / 2)],
  ];
  for (const [name, file, damage] of DAMAGES) {
    test(name, async (t) => {
      const location = await closedDatabase(t, 40);
      await damage(await fileOf(location, file));
      await assert.rejects(openAndRead(location), (error: Error & { where: string; cause?: unknown }) => {
        assert.equal((error as Error & { code?: string }).code, 'HOLDFAST_DAMAGED', error.message);
        assert.ok(error.where.startsWith(location), error.where);
        assert.ok(error.cause instanceof Error, 'what LevelDB said is kept');
        return true;
      });
    });
  }

  for (const key of ['\0 between the others', 'z behind the others']) {
    test(`a key that no frame has: ${key.slice(1)}`, async (t) => {
      const location = await closedDatabase(t, 1);
      const level = new Level(location, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
      await level.put(key, 'of somebody else');
      await level.close();
      const what = new RegExp(Buffer.from(key).toString('hex'));
      await assert.rejects(openAndRead(location), { ...DAMAGED, where: location, what });
    });
  }

  test('a damaged table is told by reading one frame of it, too', async (t) => {
    const location = await closedDatabase(t, 40);
    const store = await openLevelStore(location, KEEP);
    t.after(() => store.close());
    const tables = (await readdir(location)).filter((name) => name.endsWith('.ldb'));
    for (const table of tables.map((name) => path.join(location, name))) {
      // LevelDB maps its tables into memory: to make one shorter would end this process with SIGBUS.
      await writeFile(table, Buffer.alloc(1 << 20, 0xff), { flag: 'r+' });
    }
    await assert.rejects(store.read(1), DAMAGED);
    assert.throws(() => store.readSync(2), DAMAGED);
    await assert.rejects(all(store.scan()), DAMAGED);
  });
});

test('an opening that fails lets the database go, so that it can be opened once it is whole', async (t) => {
  const location = await closedDatabase(t, 10);
  const table = await fileOf(location, /\.ldb$/);
  const whole = await readFile(table);
  await writeFile(table, Buffer.alloc(whole.length, 0xff));
  await assert.rejects(openLevelStore(location, KEEP), DAMAGED);
  await writeFile(table, whole);
  assert.deepEqual(await openAndRead(location), range(1, 11));
});

test('a scan that is left before the damage is over, whatever was read ahead', async (t) => {
  const location = await closedDatabase(t, 100);
  const table = await fileOf(location, /\.ldb$/);
  const bytes = await readFile(table);
  // The first chunks, of 4, 8 and 16 frames, are whole; the damage is in what is read while the third is worked on.
  await writeFile(table, bytes.fill(0xff, 2_300_000, 5_000_000));
  const store = await openLevelStore(location, KEEP);
  t.after(() => store.close());
  const seen: number[] = [];
  for await (const chunk of store.scan()) {
    seen.push(...chunk.map(({ sequence }) => sequence));
    if (seen.length > 20) break;
  }
  assert.deepEqual(seen, range(1, 29));
  await assert.rejects(all(store.scan()), DAMAGED);
});

test('another process that has it open keeps it', async (t) => {
  const location = await closedDatabase(t, 3);
  const other = await inProcess(t, 'open', location);
  assert.deepEqual(other.told, { ok: true, value: location });
  await assert.rejects(openLevelStore(location, KEEP), { code: 'HOLDFAST_IN_USE', message: /another process/ });
  await other.kill();
  assert.deepEqual(await openAndRead(location), [1, 2, 3]);
});

/** Has the next files LevelDB makes for its own log lie on a device that is full. */
async function fillDisk(location: string): Promise<() => Promise<void>> {
  const newest = Math.max(
    ...(await readdir(location)).map((name) => Number(/^(?:MANIFEST-)?(\d+)/.exec(name)?.[1] ?? 0)),
  );
  const files = range(newest + 1, newest + 50).map((n) => path.join(location, `${String(n).padStart(6, '0')}.log`));
  for (const file of files) await symlink('/dev/full', file);
  return async () => {
    for (const file of files) await rm(file, { force: true });
  };
}

/** Writes frames of 64 KiB until a write is rejected; the numbers of those that were acknowledged. */
async function writeUntilRejected(store: Store): Promise<{ acknowledged: number[]; error: Error & { code?: string } }> {
  const acknowledged: number[] = [];
  for (const n of range(1, 1000)) {
    try {
      await store.write([{ sequence: n, bytes: filled(65_536, n) }], undefined);
      acknowledged.push(n);
    } catch (error) {
      return { acknowledged, error: error as Error };
    }
  }
  throw new Error('no write was rejected');
}

test(
  'after a rejected write the store takes no more, reads on, and has what it acknowledged when opened anew',
  {
    skip: process.platform !== 'linux',
  },
  async (t) => {
    const location = await temporaryFolder(t);
    const store = await openLevelStore(location, { durability: 'disk', createIfMissing: true });
    t.after(() => store.close());
    const giveRoom = await fillDisk(location);

    const { acknowledged, error } = await writeUntilRejected(store);
    assert.equal(error.code, 'HOLDFAST_STORE_UNAVAILABLE');
    assert.match(error.message, /No space left on device/);
    assert.ok(error.cause instanceof Error);
    assert.ok(acknowledged.length > 50, `${acknowledged.length} writes before the disk was full`);

    const next = acknowledged.length + 10;
    for (const again of [next, next + 1]) {
      await assert.rejects(store.write([frame(again)], undefined), (refusal: Error & { code?: string }) => {
        assert.equal(refusal.code, 'HOLDFAST_STORE_UNAVAILABLE');
        assert.match(refusal.message, /a write failed, so it takes no more/);
        assert.ok(refusal.cause instanceof Error);
        return true;
      });
    }
    assert.notEqual(await store.read(1), undefined);
    assert.notEqual(store.readSync(2), undefined);
    assert.deepEqual((await numbers(store.scan())).slice(0, acknowledged.length), acknowledged);

    await store.close();
    await giveRoom();
    const again = await openLevelStore(location, KEEP);
    t.after(() => again.close());
    const kept = await all(again.scan());
    assertFrames(
      kept.slice(0, acknowledged.length),
      acknowledged.map((n) => ({ sequence: n, bytes: filled(65_536, n) })),
    );
  },
);

async function mebibytesIn(location: string): Promise<number> {
  const names = await readdir(location);
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(location, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20;
}

test('the space of dropped frames comes back, as LevelDB alone would never give it', async (t) => {
  const location = await temporaryFolder(t);
  const store = await openLevelStore(location, CREATE);
  t.after(() => store.close());
  const bytes = filled(65_536, 1);
  const alive = 32;
  let head = 1;
  let last = 0;
  const write = async (): Promise<void> => {
    const n = ++last;
    const below = n > 500 ? n - alive + 1 : 1;
    await store.write([{ sequence: n, bytes }], { from: head, below });
    head = below;
  };
  while (last < 500) await write();
  // A scan that is left and not closed would keep all that it might have read.
  for await (const chunk of store.scan()) if (chunk.length > 0) break;
  while (last < 1_600) await write();
  // It is done beside the writes: on a machine that is busy with something else it may take a few more of them.
  while (last < 8_000 && (await mebibytesIn(location)) >= 60) for (let n = 0; n < 100; n++) await write();
  assert.ok((await mebibytesIn(location)) < 60, `${await mebibytesIn(location)} MiB for 2 MiB that are alive`);
  await store.close();
  assert.deepEqual(await openAndRead(location), range(last + 1 - alive, last + 1));
});

test('closing at any moment of a write, a scan and a reclaim ends well', async (t) => {
  const location = await temporaryFolder(t);
  const bytes = filled(65_536, 1);
  let next = 1;
  let head = 1;
  for (let round = 0; round < 10; round++) {
    const store = await openLevelStore(location, CREATE);
    for (let written = 0; written < 40 + round * 7; written++) {
      await store.write([{ sequence: next++, bytes }], next - head > 20 ? { from: head, below: ++head } : undefined);
    }
    const writing = store.write([{ sequence: next++, bytes }], { from: head, below: (head = next - 10) });
    const scanning = all(store.scan()).catch((error: unknown) => {
      assert.equal((error as { code?: string }).code, 'HOLDFAST_STORE_UNAVAILABLE');
    });
    await Promise.all([writing, scanning, store.close()]);
  }
  assert.deepEqual(await openAndRead(location), range(head, next));
});
