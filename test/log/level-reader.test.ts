/** The reader that does not open LevelDB, held against LevelDB itself; and what it does with bytes that are damaged. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { Level } from 'level';
import { crc32c, unmasked } from '../../src/log/crc32c.ts';
import { readBlocks } from '../../src/log/level-blocks.ts';
import { readBatch, type LevelEntry } from '../../src/log/level-entries.ts';
import { readManifest } from '../../src/log/level-manifest.ts';
import { readEntries, surveyDatabase, type Survey } from '../../src/log/level-survey.ts';
import { readTable, tableProblem } from '../../src/log/level-table.ts';
import { decompressed } from '../../src/log/snappy.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface Database extends Level<Buffer, Buffer> {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

const { random } = createFakeClock({ seed: 5 });
const pick = (below: number): number => Math.floor(random() * below);

function keyOf(n: number): Buffer {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(n));
  return key;
}

/** Values that compress well, badly, not at all; small ones and large ones. */
function valueOf(n: number): Buffer {
  const length = n % 50 === 0 ? pick(200_000) : pick(2_000);
  if (n % 3 === 0) return Buffer.alloc(length, `${n} is a number, and `);
  return Buffer.from(Array.from({ length }, (_, at) => (n % 3 === 1 ? (at % 7) * n : pick(256))));
}

/** A database with tables of several levels, deletions, and a log; gives what is in it. */
async function fill(location: string, count: number): Promise<Map<string, Buffer>> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer', writeBufferSize: 64 * 1024 } as const;
  const level = new Level(location, options) as unknown as Database;
  await level.open();
  for (let n = 1; n <= count; n++) {
    const batch = level.batch();
    batch.put(keyOf(n), valueOf(n));
    if (n % 20 === 0) for (let gone = n - 15; gone < n - 8; gone++) batch.del(keyOf(gone));
    await batch.write();
    if (n === Math.floor(count / 2)) await level.compactRange(keyOf(0), keyOf(n));
  }
  const content = new Map<string, Buffer>();
  for await (const [key, value] of level.iterator()) content.set(key.toString('hex'), value);
  await level.close();
  return content;
}

/** The newest version of every key. */
async function contentOf(survey: Survey): Promise<{ content: Map<string, Buffer>; problems: string[] }> {
  const newest = new Map<string, { version: number; value: Buffer | undefined }>();
  const problems = survey.problems.map(({ what }) => what);
  for (const file of survey.files) {
    if (!file.isLive) continue;
    for await (const item of readEntries(file)) {
      if (item.kind === 'problem') {
        problems.push(item.what);
        continue;
      }
      const { key, version, value } = item.entry;
      const known = newest.get(key.toString('hex'));
      if (known === undefined || known.version < version) newest.set(key.toString('hex'), { version, value });
    }
  }
  const content = new Map<string, Buffer>();
  for (const [key, { value }] of [...newest].sort()) if (value !== undefined) content.set(key, value);
  return { content, problems };
}

test('CRC-32C is that of the standard, in one go and in parts', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  const bytes = Buffer.from(Array.from({ length: 300 }, () => pick(256)));
  for (let cut = 0; cut <= 300; cut += 7) {
    assert.equal(crc32c(bytes, cut, 300, crc32c(bytes, 0, cut)), crc32c(bytes), `cut at ${cut}`);
  }
  const crc = crc32c(bytes);
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  assert.equal(unmasked(masked), crc);
});

test('a database reads as LevelDB reads it, to the byte, with nothing wrong', async (t) => {
  const location = path.join(await temporaryFolder(t), 'db');
  const content = await fill(location, 1_500);
  const survey = await surveyDatabase(location);
  assert.ok(survey.files.filter(({ kind }) => kind === 'table').length > 2);
  const read = await contentOf(survey);
  assert.deepEqual(read.problems, []);
  assert.deepEqual([...read.content.keys()], [...content.keys()]);
  for (const [key, value] of content) assert.ok(read.content.get(key)?.equals(value), key);
});

describe('bytes that are damaged', () => {
  let log: Buffer;
  let table: Buffer;
  let manifest: Buffer;

  before(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-reader-'));
    try {
      await fill(folder, 250);
      const { files } = await surveyDatabase(folder);
      const newest = (kind: string): string =>
        files.filter((file) => file.kind === kind && file.isLive).at(-1)?.path ?? '';
      log = await readFile(newest('log'));
      table = await readFile(newest('table'));
      manifest = await readFile(path.join(folder, (await readFile(path.join(folder, 'CURRENT'), 'utf8')).trim()));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  function flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    const bit = pick(copy.length * 8);
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    return copy;
  }

  test('of a log are told, and everything whole is still read', () => {
    const records = [...readBlocks(log)].map((item) => (item.kind === 'record' ? item.bytes.toString('latin1') : ''));
    const known = new Set(records);
    for (let n = 0; n < 200; n++) {
      const items = [...readBlocks(flipped(log))];
      const found = items.flatMap((item) => (item.kind === 'record' ? [item.bytes.toString('latin1')] : []));
      assert.ok(found.length >= records.length - 1, `${found.length} of ${records.length}`);
      assert.deepEqual(
        found.filter((record) => !known.has(record)),
        [],
      );
      if (found.length < records.length) assert.ok(items.some(({ kind }) => kind === 'problem'));
    }
  });

  test('at the end of a log that was cut anywhere are a cut, and what stands before is read', () => {
    const records = [...readBlocks(log)];
    for (let n = 0; n < 200; n++) {
      const end = pick(log.length);
      const items = [...readBlocks(log.subarray(0, end))];
      const whole = items.filter(({ kind }) => kind === 'record');
      assert.deepEqual(whole, records.slice(0, whole.length));
      for (const item of items) if (item.kind === 'problem') assert.equal(item.isCut, true, `${end}: ${item.what}`);
    }
  });

  test('of a table are told wherever they are, and the other blocks are still read', () => {
    const entries = [...readTable(table)];
    assert.equal(tableProblem(table), undefined);
    assert.ok(entries.length > 10 && entries.every(({ kind }) => kind === 'entry'));
    const known = new Map(entries.flatMap((item) => (item.kind === 'entry' ? [[nameOf(item.entry), item.entry]] : [])));
    const padding = { from: table.length - 48 + 12, to: table.length - 8 };
    for (let n = 0; n < 300; n++) {
      const damaged = flipped(table);
      const at = damaged.findIndex((byte, index) => byte !== table[index]);
      // Nobody reads what fills the footer up.
      if (at >= padding.from && at < padding.to) continue;
      assert.notEqual(tableProblem(damaged), undefined, `byte ${at}`);
      const items = [...readTable(damaged)];
      assert.ok(
        items.some(({ kind }) => kind === 'problem'),
        `byte ${at}`,
      );
      for (const item of items) assert.ok(item.kind === 'problem' || isSame(known.get(nameOf(item.entry)), item.entry));
    }
  });

  /** Of the versions of one key each has a number of its own. */
  function nameOf({ key, version }: LevelEntry): string {
    return `${key.toString('latin1')} ${version}`;
  }

  function isSame(one: LevelEntry | undefined, other: LevelEntry): boolean {
    if (one?.value === undefined || other.value === undefined) return one !== undefined && one.value === other.value;
    return Buffer.compare(one.value, other.value) === 0;
  }

  test('of a MANIFEST are told', () => {
    assert.deepEqual(readManifest(manifest).problems, []);
    for (let n = 0; n < 200; n++) assert.notDeepEqual(readManifest(flipped(manifest)).problems, []);
  });

  test('of any kind never end a reader, nor make it take memory for nothing', () => {
    for (let n = 0; n < 500; n++) {
      const junk = Buffer.from(Array.from({ length: pick(300) }, () => (pick(3) === 0 ? 0xff : pick(256))));
      for (const read of [decompressed, readBatch]) {
        try {
          read(junk);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }
      Array.from(readTable(junk));
      Array.from(readBlocks(junk));
      readManifest(junk);
    }
  });
});

test('Snappy is undone where copies reach into what they write', (t: TestContext) => {
  // 'abc', and then eight bytes that begin three back.
  const bytes = Buffer.from([11, (3 - 1) << 2, 0x61, 0x62, 0x63, ((8 - 4) << 2) | 1, 3]);
  assert.equal(decompressed(bytes).toString(), 'abcabcabcab');
  t.diagnostic('by hand');
  for (const broken of [
    [5, 0, 0x61],
    [3, 0, 0x61],
    [11, 8, 0x61, 0x62, 0x63, 17, 9],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  ]) {
    assert.throws(() => decompressed(Buffer.from(broken)), RangeError);
  }
});
