import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { deflateSync } from 'node:zlib';
import { type Reserve, reserveAt } from '../../src/log/reserve.ts';
import { openIn, temporaryFolder } from './temporary-folder.ts';

const SIZE = 1 << 20;
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };

async function newReserve(t: TestContext, size = SIZE): Promise<{ file: string; reserve: Reserve }> {
  const file = path.join(await temporaryFolder(t), 'reserve');
  return { file, reserve: reserveAt(file, size) };
}

/** Bytes that are really taken from the disk. */
async function takenBytes(file: string): Promise<number> {
  const { blocks, size } = await stat(file);
  return process.platform === 'win32' ? size : blocks * 512;
}

test('a reserve takes real bytes that cannot be compressed', async (t) => {
  const { file, reserve } = await newReserve(t, SIZE + 1000);
  assert.equal(await reserve.ensure(), true);
  assert.equal((await stat(file)).size, SIZE + 1000);
  assert.ok((await takenBytes(file)) >= SIZE + 1000);
  assert.ok(deflateSync(await readFile(file)).length > SIZE);
});

test('a reserve is 8 MiB unless it is told otherwise', async (t) => {
  const file = path.join(await temporaryFolder(t), 'reserve');
  assert.equal(await reserveAt(file).ensure(), true);
  assert.equal((await stat(file)).size, 8 << 20);
});

test('a reserve that is there is left alone', async (t) => {
  const { file, reserve } = await newReserve(t);
  assert.equal(await reserve.ensure(), true);
  const { mtimeMs, ino } = await stat(file);
  assert.equal(await reserve.ensure(), true);
  const after = await stat(file);
  assert.deepEqual([after.mtimeMs, after.ino], [mtimeMs, ino]);
});

test('a reserve that is too short, too long or only a hole is made anew', async (t) => {
  const { file, reserve } = await newReserve(t);
  for (const size of [0, SIZE - 1, SIZE + 1]) {
    await writeFile(file, Buffer.alloc(size, 7));
    assert.equal(await reserve.ensure(), true);
    assert.equal((await stat(file)).size, SIZE);
  }
  await rm(file);
  await writeFile(file, '');
  await truncate(file, SIZE);
  assert.equal(await reserve.ensure(), true);
  assert.ok((await takenBytes(file)) >= SIZE);
});

test('a reserve can be given up, twice, and made again', async (t) => {
  const { file, reserve } = await newReserve(t);
  assert.equal(await reserve.giveUp(), false);
  await reserve.ensure();
  assert.equal(await reserve.giveUp(), true);
  assert.deepEqual(await readdir(path.dirname(file)), []);
  assert.equal(await reserve.giveUp(), false);
  assert.equal(await reserve.ensure(), true);
  assert.equal((await stat(file)).size, SIZE);
});

test('calls that come together are done in their order', async (t) => {
  const { file, reserve } = await newReserve(t);
  assert.deepEqual(await Promise.all([reserve.ensure(), reserve.giveUp(), reserve.ensure(), reserve.ensure()]), [
    true,
    true,
    true,
    true,
  ]);
  assert.equal((await stat(file)).size, SIZE);
  assert.deepEqual(await Promise.all([reserve.giveUp(), reserve.giveUp()]), [true, false]);
});

test('a reserve that would take the last room is not made, and nothing is written', async (t) => {
  const { file, reserve } = await newReserve(t, 2 ** 50);
  assert.equal(await reserve.ensure(), false);
  assert.deepEqual(await readdir(path.dirname(file)), []);
});

test(
  'a disk that is full meanwhile gives no reserve and keeps no part of it',
  {
    skip: process.platform !== 'linux',
  },
  async (t) => {
    const { file, reserve } = await newReserve(t);
    await symlink('/dev/full', file);
    assert.equal(await reserve.ensure(), false);
    assert.deepEqual(await readdir(path.dirname(file)), []);
  },
);

test('any other failure is told', async (t) => {
  const { file, reserve } = await newReserve(t);
  await mkdir(file);
  const told = (doing: string) => ({ ...UNAVAILABLE, message: new RegExp(`cannot ${doing} ${path.dirname(file)}`) });
  await assert.rejects(reserve.ensure(), UNAVAILABLE);
  await assert.rejects(reserve.giveUp(), told('remove'));
  await rm(file, { recursive: true });
  assert.equal(await reserve.ensure(), true, 'a failure does not stop what comes after it');
  await assert.rejects(reserveAt(path.join(file, 'below', 'a', 'file')).ensure(), told('look at'));
  await assert.rejects(reserveAt(path.join(path.dirname(file), 'missing', 'reserve')).ensure(), told('write'));
});

test('a reserve is not kept open, made or not', async (t) => {
  const { file, reserve } = await newReserve(t);
  await reserve.ensure();
  assert.deepEqual(await openIn(path.dirname(file)), []);
});
