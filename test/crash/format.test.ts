/** A folder of a newer version of the library is refused by name, and not one byte of it is changed. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import { open, repair, verify } from '../../src/index.ts';
import { FORMAT_VERSION } from '../../src/log/frame.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { filesIn } from './harm.ts';
import { readViews } from './read-folder.ts';

const OPTIONS = { keepAlive: false, reserveBytes: 0 } as const;

async function closedFolder(t: TestContext): Promise<string> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-format-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const folder = path.join(base, 'jobs');
  await using engine = await open(folder, OPTIONS);
  for (let n = 0; n < 5; n++) await engine.enqueue('nobody', { n });
  return folder;
}

/** LevelDB tidies its own files when it is opened, so for a newer frame only the other files can be compared. */
function contentOf(folder: string, isOurs: (name: string) => boolean = () => true): Record<string, string> {
  const names = filesIn(folder).filter(isOurs);
  return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name)).toString('base64')]));
}

async function assertRefused(folder: string): Promise<void> {
  const refusal = { code: 'HOLDFAST_FORMAT', message: /reads up to 1/ };
  for (const onDamage of ['refuse', 'salvage'] as const) {
    await assert.rejects(open(folder, { ...OPTIONS, onDamage }), refusal, `with onDamage '${onDamage}'`);
  }
}

test('a folder that says it is of a newer format is refused and left as it is', async (t) => {
  const folder = await closedFolder(t);
  const file = path.join(folder, 'holdfast.json');
  const whole = readFileSync(file);
  writeFileSync(file, JSON.stringify({ format: 2, id: 'of another kind' }));
  const before = contentOf(folder);
  await assertRefused(folder);
  assert.equal((await verify(folder)).isSound, false);
  await assert.rejects(repair(folder, { to: `${folder}.repaired` }), { code: 'HOLDFAST_FORMAT' });
  assert.deepEqual(contentOf(folder), before);
  writeFileSync(file, whole);
  assert.equal((await readViews(folder)).length, 5);
});

test('a frame of a newer format stops the start; it is neither skipped nor taken for damage, nor salvaged away', async (t) => {
  const folder = await closedFolder(t);
  const location = path.join(folder, 'log');
  const store = await openLevelStore(location, { durability: 'disk', createIfMissing: false });
  const frames = [];
  for await (const chunk of store.scan()) frames.push(...chunk);
  const last = frames.at(-1);
  assert.ok(last !== undefined);
  const newer = Buffer.from(last.bytes);
  newer.writeUInt8(FORMAT_VERSION + 1, 7);
  newer.writeUInt32LE(crc32(newer.subarray(4)), 0);
  await store.write([{ sequence: last.sequence + 1, bytes: newer }], undefined);
  await store.close();
  const isOurs = (name: string): boolean => !name.startsWith('log/');
  const before = contentOf(folder, isOurs);
  await assertRefused(folder);
  assert.equal((await verify(folder)).isSound, false);
  await assert.rejects(repair(folder, { to: `${folder}.repaired` }), { code: 'HOLDFAST_FORMAT' });
  assert.deepEqual(contentOf(folder, isOurs), before);
  const again = await openLevelStore(location, { durability: 'disk', createIfMissing: false });
  const kept = [];
  for await (const chunk of again.scan()) kept.push(...chunk);
  await again.close();
  assert.deepEqual(
    kept.map(({ sequence }) => sequence),
    [...frames.map(({ sequence }) => sequence), last.sequence + 1],
  );
});
