/** What is found out about a database before LevelDB may touch it. Nothing is ever written. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { checkDatabase } from '../../src/log/level-check.ts';
import { isVacant, requireDatabase } from '../../src/log/level-files.ts';
import { keyOf, sequenceOfKey } from '../../src/log/level-key.ts';
import type { Witnessed } from '../../src/log/witness.ts';
import { content, fixed64, handle, logOf, sized, TableBytes, varint } from './level-bytes.ts';
import { temporaryFolder } from './temporary-folder.ts';

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };

/** A frame of which only the chain value counts here. */
function frame(chain: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt32LE(chain, 0);
  return bytes;
}

function write(version: number, key: Uint8Array, value: Buffer | undefined): Buffer {
  const head = Buffer.concat([fixed64(version), Buffer.from([1, 0, 0, 0, value === undefined ? 0 : 1])]);
  return Buffer.concat([head, sized(Buffer.from(key)), ...(value === undefined ? [] : [sized(value)])]);
}

/** A log with these frames: the number of each and its chain value, which is ten times the number. */
const logWith = (...sequences: readonly number[]): Buffer =>
  logOf(...sequences.map((sequence) => write(sequence, keyOf(sequence), frame(sequence * 10))));

function tableWith(sequence: number): { bytes: Buffer; largest: Buffer } {
  const largest = Buffer.concat([Buffer.from(keyOf(sequence)), fixed64(sequence * 256 + 1)]);
  const table = new TableBytes();
  const block = table.add(content([[largest, frame(sequence * 10)]]));
  const metaindex = table.add(content([]));
  return { bytes: table.end(metaindex, table.add(content([[largest, handle(block)]]))), largest };
}

/** A database whose table ends with the frame 3, and whose logs are these, by their numbers; it counts from 7 on. */
async function database(t: TestContext, logs: Readonly<Record<number, Buffer>>): Promise<string> {
  const location = await temporaryFolder(t);
  const { bytes, largest } = tableWith(3);
  const edit = [varint(2), varint(7), varint(3), varint(20), varint(7), varint(0), varint(5), varint(bytes.length)];
  await writeFile(path.join(location, 'CURRENT'), 'MANIFEST-000001\n');
  await writeFile(
    path.join(location, 'MANIFEST-000001'),
    logOf(Buffer.concat([...edit, sized(largest), sized(largest)])),
  );
  await writeFile(path.join(location, '000005.ldb'), bytes);
  for (const [number, log] of Object.entries({ 7: Buffer.alloc(0), ...logs })) {
    await writeFile(path.join(location, `00000${number}.log`), log);
  }
  return location;
}

const seen = (sequence: number, chain = sequence * 10): Witnessed => ({ sequence, chain });

async function assertDamaged(location: string, witness: Witnessed, where: string, what: string): Promise<void> {
  const before = await readdir(location);
  await assert.rejects(checkDatabase(location, witness), { ...DAMAGED, where: path.join(location, where), what });
  assert.deepEqual(await readdir(location), before);
}

describe('a database is let through to LevelDB', () => {
  test('when it goes as far as was witnessed, or farther, in its logs or its tables', async (t) => {
    const location = await database(t, { 7: logWith(4, 5) });
    for (const witness of [seen(0), seen(1), seen(4), seen(5)]) await checkDatabase(location, witness);
    const tableOnly = await database(t, {});
    // What stands in a table is not read here, so its chain value is not known.
    for (const witness of [seen(0), seen(3), seen(3, 1), seen(2, 1)]) await checkDatabase(tableOnly, witness);
  });

  test('when an end was cut off behind all that was witnessed', async (t) => {
    for (const length of [1, 20, 60]) {
      const log = Buffer.concat([logWith(4, 5), logWith(6).subarray(0, length)]);
      await checkDatabase(await database(t, { 7: log }), seen(5));
    }
  });

  test('whatever lies in files that it would not read', async (t) => {
    const location = await database(t, { 6: Buffer.alloc(50, 9), 7: logWith(4) });
    await writeFile(path.join(location, '000002.ldb'), 'left over');
    await checkDatabase(location, seen(4));
    await assertDamaged(location, seen(5), '', 'the frames 5 to 5 are missing from the end of the log');
  });
});

describe('a database is damaged', () => {
  test('when its end is missing, and what was cut off is named', async (t) => {
    const missing = 'the frames 5 to 6 are missing from the end of the log';
    await assertDamaged(await database(t, { 7: logWith(4) }), seen(6), '', missing);
    const manifest = await database(t, { 7: logWith(4) });
    const file = path.join(manifest, 'MANIFEST-000001');
    const { length } = await readFile(file);
    await writeFile(file, Buffer.concat([await readFile(file), logWith(9).subarray(0, 9)]));
    await checkDatabase(manifest, seen(4));
    await assertDamaged(manifest, seen(6), `MANIFEST-000001, byte ${length}`, missing);
  });

  test('when nothing at all is there and something was witnessed', async (t) => {
    const location = await temporaryFolder(t);
    await writeFile(path.join(location, 'CURRENT'), 'MANIFEST-000001\n');
    await writeFile(path.join(location, 'MANIFEST-000001'), logOf(Buffer.concat([varint(3), varint(2)])));
    await checkDatabase(location, seen(0));
    await assertDamaged(location, seen(2), '', 'the frames 1 to 2 are missing from the end of the log');
  });

  test('when another frame has the number that was witnessed, also when more come behind it', async (t) => {
    const what = 'frame 4 is not the one that was there when the log was witnessed';
    for (const log of [logWith(4), logWith(4, 5)]) {
      await assertDamaged(await database(t, { 7: log }), seen(4, 77), '', what);
    }
  });

  test('when a table is not as it was written, a file is missing or of another size', async (t) => {
    const location = await database(t, { 7: logWith(4) });
    const table = path.join(location, '000005.ldb');
    const bytes = await readFile(table);
    await writeFile(table, Buffer.from(bytes).fill(9, 0, 1));
    const what = 'a block cannot be read: its checksum does not match';
    await assertDamaged(location, seen(4), '000005.ldb, byte 0', what);
    await writeFile(table, bytes.subarray(1));
    const size = `it has ${bytes.length - 1} bytes instead of ${bytes.length}`;
    await assertDamaged(location, seen(4), '000005.ldb', size);
    await rm(table);
    await assertDamaged(location, seen(4), '000005.ldb', 'a file is missing');
  });

  test('when something whole stands behind what was cut off or damaged, of the same log or of the next', async (t) => {
    const sum = 'bytes whose checksum does not match';
    const damaged = Buffer.concat([logWith(4), Buffer.alloc(9, 9), logWith(5)]);
    await assertDamaged(await database(t, { 7: damaged }), seen(4), `000007.log, byte ${logWith(4).length}`, sum);
    const cut = 'the file ends in the middle of a record';
    const two = await database(t, { 7: logWith(4).subarray(0, -1), 8: logWith(5) });
    await assertDamaged(two, seen(0), '000007.log, byte 0', cut);
    const both = await database(t, { 7: logWith(4).subarray(0, -1), 8: logWith(5).subarray(0, -1) });
    await checkDatabase(both, seen(3));
  });

  test('but deletions, keys that no frame has, and frames that are none prove nothing', async (t) => {
    const odd = logOf(
      write(1, keyOf(9), undefined),
      write(2, Buffer.from('key'), frame(1)),
      write(3, keyOf(4), Buffer.alloc(3)),
    );
    const location = await database(t, { 7: odd });
    await checkDatabase(location, seen(4));
    await assertDamaged(location, seen(5), '', 'the frames 5 to 5 are missing from the end of the log');
  });
});

test('a folder without a database is refused by name, and is vacant only when it is empty or missing', async (t) => {
  const folder = await temporaryFolder(t);
  const missing = path.join(folder, 'missing');
  assert.deepEqual([await isVacant(folder), await isVacant(missing)], [true, true]);
  const gone = { ...DAMAGED, where: missing, what: 'the folder of the log is missing' };
  await assert.rejects(requireDatabase(missing), gone);
  await assert.rejects(checkDatabase(missing, seen(0)), gone);
  const current = path.join(folder, 'CURRENT');
  await assert.rejects(requireDatabase(folder), { ...DAMAGED, where: current, what: 'the file CURRENT is missing' });
  await writeFile(current, '');
  assert.equal(await isVacant(folder), false);
  await requireDatabase(folder);
  const unavailable = { code: 'HOLDFAST_STORE_UNAVAILABLE', message: /cannot read the folder .*CURRENT/ };
  await assert.rejects(requireDatabase(current), unavailable);
  await assert.rejects(isVacant(current), unavailable);
});

test('the keys of frames sort as their numbers do, and are read back; others are none', () => {
  const numbers = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  const keys = numbers.map((sequence) => Buffer.from(keyOf(sequence)));
  assert.deepEqual(
    keys.toSorted((a, b) => Buffer.compare(a, b)),
    keys,
  );
  assert.deepEqual(keys.map(sequenceOfKey), numbers);
  assert.deepEqual([...keyOf(2 ** 32 + 258)], [0, 0, 0, 1, 0, 0, 1, 2]);
  for (const length of [0, 7, 9]) assert.equal(sequenceOfKey(new Uint8Array(length)), undefined);
  assert.equal(sequenceOfKey(new Uint8Array(8).fill(255)), undefined);
  const inside = new Uint8Array(20).fill(9);
  inside.set(keyOf(77), 5);
  assert.equal(sequenceOfKey(inside.subarray(5, 13)), 77);
});
