import assert from 'node:assert/strict';
import { type FileHandle, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  createWitness,
  missingTail,
  openWitness,
  readWitness,
  Witness,
  type Witnessed,
} from '../../src/log/witness.ts';
import { temporaryFolder } from './temporary-folder.ts';

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
const NOTHING = { sequence: 0, chain: 0 };

async function newWitness(t: TestContext): Promise<{ file: string; witness: Witness }> {
  const file = path.join(await temporaryFolder(t), 'witness');
  await createWitness(file);
  const witness = await openWitness(file);
  t.after(() => witness.close());
  return { file, witness };
}

async function newestIn(file: string): Promise<Witnessed> {
  const witness = await openWitness(file);
  await witness.close();
  return witness.newest;
}

/** The file after each of these writes. */
async function filesAfter(t: TestContext, writes: readonly Witnessed[]): Promise<{ file: string; contents: Buffer[] }> {
  const { file, witness } = await newWitness(t);
  const contents: Buffer[] = [];
  for (const { sequence, chain } of writes) {
    await witness.write(sequence, chain);
    contents.push(await readFile(file));
  }
  return { file, contents };
}

/** A witness in memory, on a disk that can refuse to make anything durable. */
function onFakeDisk() {
  const file = new Uint8Array(8192);
  const places: number[] = [];
  const disk = { isBroken: false, syncs: 0, closes: 0 };
  const handle = {
    async read(bytes: Uint8Array) {
      bytes.set(file);
      return { bytesRead: file.length };
    },
    async write(bytes: Uint8Array, _offset: number, _length: number, at: number) {
      places.push(at);
      file.set(bytes, at);
    },
    async datasync() {
      if (disk.isBroken) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
      disk.syncs++;
    },
    async close() {
      disk.closes++;
    },
  };
  return { disk, places, witness: new Witness('/witness', handle as unknown as FileHandle, { turn: 1, ...NOTHING }) };
}

function flip(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

describe('a witness', () => {
  test('has seen nothing when it is new, and no other file is left', async (t) => {
    const { file, witness } = await newWitness(t);
    assert.deepEqual(witness.newest, NOTHING);
    assert.deepEqual(await readdir(path.dirname(file)), ['witness']);
  });

  test('remembers what was written last, after every write and every opening', async (t) => {
    const { file, witness } = await newWitness(t);
    for (const sequence of [1, 2, 3, 70, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      await witness.write(sequence, 0xfffffff0 + (sequence % 7));
      assert.deepEqual(witness.newest, { sequence, chain: 0xfffffff0 + (sequence % 7) });
      assert.deepEqual(await newestIn(file), witness.newest);
    }
  });

  test('goes by the order of writing, since a repaired log may be shorter than before', async (t) => {
    const { file, witness } = await newWitness(t);
    await witness.write(100, 1);
    await witness.write(90, 2);
    assert.deepEqual(await newestIn(file), { sequence: 90, chain: 2 });
  });

  test('takes writes one after the other, however fast they come', async (t) => {
    const { file, witness } = await newWitness(t);
    await Promise.all([1, 2, 3, 4, 5].map((sequence) => witness.write(sequence, sequence)));
    assert.deepEqual(await newestIn(file), { sequence: 5, chain: 5 });
  });

  test('closes twice, after the writes under way, and takes none then', async (t) => {
    const { file, witness } = await newWitness(t);
    const writing = witness.write(9, 9);
    await Promise.all([witness.close(), witness.close()]);
    await writing;
    for (const late of [witness.write(10, 10), witness.note(10, 10), witness.sync(), witness.reload()]) {
      await assert.rejects(late, { ...UNAVAILABLE, message: /the witness is closed/ });
    }
    assert.deepEqual(await newestIn(file), { sequence: 9, chain: 9 });
  });

  test('keeps the slot before when a write fails, and the next one tries again', async () => {
    const { disk, places, witness } = onFakeDisk();
    await witness.write(1, 1);
    disk.isBroken = true;
    await assert.rejects(witness.write(2, 2), { ...UNAVAILABLE, message: /\/witness: the disk reports an error/ });
    assert.deepEqual(witness.newest, { sequence: 1, chain: 1 });
    disk.isBroken = false;
    await witness.write(3, 3);
    assert.deepEqual(witness.newest, { sequence: 3, chain: 3 });
    assert.deepEqual(places, [0, 4096, 4096]);
    await witness.close();
  });

  test('is noted over and over in one place until that is fsynced, and the slot that is fsynced stays', async () => {
    const { disk, places, witness } = onFakeDisk();
    await witness.write(1, 1);
    await witness.note(2, 2);
    await witness.note(3, 3);
    assert.deepEqual(witness.newest, { sequence: 3, chain: 3 });
    assert.deepEqual([places, disk.syncs], [[0, 4096, 4096], 1]);
    await witness.sync();
    await witness.sync();
    assert.equal(disk.syncs, 2, 'nothing was noted since');
    await witness.note(4, 4);
    await witness.write(5, 5);
    await witness.note(6, 6);
    assert.deepEqual(places.slice(3), [0, 0, 4096]);
    await witness.close();
  });

  test('is as durable as it says when the disk refuses: it fsyncs again', async () => {
    const { disk, places, witness } = onFakeDisk();
    await witness.note(1, 1);
    disk.isBroken = true;
    await assert.rejects(witness.sync(), UNAVAILABLE);
    disk.isBroken = false;
    await witness.note(2, 2);
    await witness.sync();
    assert.deepEqual([places, disk.syncs], [[0, 0], 1]);
    await witness.close();
    await witness.close();
    assert.equal(disk.closes, 1);
  });

  test('that was noted is read by others, and survives the end of the process', async (t) => {
    const { file, witness } = await newWitness(t);
    await witness.note(7, 70);
    assert.deepEqual(await readWitness(file), { sequence: 7, chain: 70 });
    await witness.note(8, 80);
    await witness.close();
    assert.deepEqual(await newestIn(file), { sequence: 8, chain: 80 });
  });

  test('is read again where somebody else has written, and goes on from there', async (t) => {
    const { file, witness } = await newWitness(t);
    const other = await openWitness(file);
    for (const n of [1, 2, 3]) await other.write(n, n * 10);
    await other.close();
    await witness.reload();
    assert.deepEqual(witness.newest, { sequence: 3, chain: 30 });
    await witness.note(4, 40);
    assert.deepEqual(await newestIn(file), { sequence: 4, chain: 40 });
    await writeFile(file, Buffer.alloc(8192));
    await assert.rejects(witness.reload(), DAMAGED);
  });

  test('that was read again is fsynced, so that the next one is noted beside it', async () => {
    const { disk, places, witness } = onFakeDisk();
    await witness.write(1, 1);
    await witness.note(2, 2);
    await witness.reload();
    assert.deepEqual([witness.newest, disk.syncs], [{ sequence: 2, chain: 2 }, 2]);
    await witness.note(3, 3);
    assert.deepEqual(places, [0, 4096, 0]);
    await witness.close();
  });

  test('never grows', async (t) => {
    const { contents } = await filesAfter(
      t,
      Array.from({ length: 9 }, (_, n) => ({ sequence: n + 1, chain: n })),
    );
    assert.deepEqual(new Set(contents.map(({ length }) => length)), new Set([8192]));
  });
});

describe('a damaged witness', () => {
  const WRITES = [
    { sequence: 10, chain: 110 },
    { sequence: 20, chain: 120 },
  ];

  test('falls back to the slot before when a bit of the newest one is flipped', async (t) => {
    const { file, contents } = await filesAfter(t, WRITES);
    const [before, after] = contents as [Buffer, Buffer];
    const newestAt = [0, 4096].find((at) => !before.subarray(at, at + 32).equals(after.subarray(at, at + 32)));
    assert.ok(newestAt !== undefined);
    for (let bit = 0; bit < 32 * 8; bit++) {
      await writeFile(file, flip(after, newestAt * 8 + bit));
      assert.deepEqual(await newestIn(file), WRITES[0]);
    }
  });

  test('is the old one or the new one when a write was torn anywhere', async (t) => {
    const { file, contents } = await filesAfter(t, WRITES);
    const [before, after] = contents as [Buffer, Buffer];
    for (let torn = 0; torn <= 32; torn++) {
      const mixed = Buffer.from(before);
      for (const at of [0, 4096]) after.copy(mixed, at, at, at + torn);
      await writeFile(file, mixed);
      // The last four bytes of a slot are zero in both.
      assert.deepEqual(await newestIn(file), torn < 28 ? WRITES[0] : WRITES[1]);
    }
  });

  test('is written into the slot that is not whole', async (t) => {
    const { file, contents } = await filesAfter(t, WRITES);
    const after = contents[1] as Buffer;
    for (const at of [0, 4096]) {
      await writeFile(file, flip(after, at * 8 + 70));
      const witness = await openWitness(file);
      await witness.write(30, 130);
      await witness.close();
      assert.deepEqual(await newestIn(file), { sequence: 30, chain: 130 });
      const whole = (await readFile(file)).subarray(at, at + 32);
      if (at === 4096) assert.notDeepEqual(whole, after.subarray(at, at + 32));
    }
  });

  test('is damage when neither slot is whole, when it is cut off, and when it is missing', async (t) => {
    const { file, contents } = await filesAfter(t, WRITES);
    await writeFile(file, flip(flip(contents[1] as Buffer, 100), 4096 * 8 + 100));
    await assert.rejects(openWitness(file), { ...DAMAGED, where: file });
    for (const size of [0, 31, 4096, 8191]) {
      await writeFile(file, contents[1] as Buffer);
      await truncate(file, size);
      await assert.rejects(openWitness(file), { ...DAMAGED, where: file }, `${size} bytes`);
    }
    await writeFile(file, Buffer.alloc(8192));
    await assert.rejects(openWitness(file), { ...DAMAGED, where: file, what: 'neither slot of the witness is whole' });
    await rm(file);
    await assert.rejects(openWitness(file), { ...DAMAGED, where: file, what: 'the witness of the log is missing' });
    assert.deepEqual(await readdir(path.dirname(file)), []);
    await mkdir(file);
    await assert.rejects(openWitness(file), { ...UNAVAILABLE, message: /cannot open .*witness/ });
    await assert.rejects(readWitness(file), { ...UNAVAILABLE, message: /cannot read .*witness/ });
  });

  test('is damage when what stands there is something else, though its checksum is right', async (t) => {
    const { file, contents } = await filesAfter(t, WRITES);
    const other = Buffer.from(contents[1] as Buffer);
    for (const at of [0, 4096]) {
      other.write('HFX1', at + 4, 'latin1');
      other.writeUInt32BE(crc32(other.subarray(at + 4, at + 32)), at);
    }
    await writeFile(file, other);
    await assert.rejects(openWitness(file), DAMAGED);
  });
});

test('a log is compared with its witness', () => {
  const seen = { sequence: 10, chain: 77 };
  const GRID: readonly (readonly [Witnessed, Witnessed | undefined, number | undefined, RegExp | undefined])[] = [
    [NOTHING, undefined, undefined, undefined],
    [NOTHING, { sequence: 5, chain: 3 }, undefined, undefined],
    [NOTHING, { sequence: 0, chain: 3 }, undefined, undefined],
    [seen, undefined, undefined, /frames 1 to 10 are missing/],
    [seen, { sequence: 9, chain: 77 }, undefined, /frames 10 to 10 are missing/],
    [seen, { sequence: 4, chain: 77 }, undefined, /frames 5 to 10 are missing/],
    [seen, { sequence: 10, chain: 77 }, undefined, undefined],
    [seen, { sequence: 10, chain: 78 }, undefined, /frame 10 is not the one/],
    [seen, { sequence: 10, chain: 77 }, 78, undefined],
    [seen, { sequence: 11, chain: 1 }, undefined, undefined],
    [seen, { sequence: 11, chain: 1 }, 77, undefined],
    [seen, { sequence: 11, chain: 1 }, 78, /frame 10 is not the one/],
    [seen, { sequence: 11, chain: 1 }, 0, /frame 10 is not the one/],
  ];
  for (const [witness, last, chainAtWitness, expected] of GRID) {
    const told = missingTail(witness, last, chainAtWitness);
    if (expected === undefined) assert.equal(told, undefined);
    else assert.match(told ?? '', expected);
  }
});
