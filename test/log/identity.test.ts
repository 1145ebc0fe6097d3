import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { readIdentity, writeIdentity } from '../../src/log/identity.ts';
import { temporaryFolder } from './temporary-folder.ts';

const IDENTITY = { format: 1, id: '00112233445566778899aabbccddeeff', createdAt: 1_700_000_000_000 };

async function writtenIdentity(t: TestContext): Promise<{ file: string; whole: Buffer }> {
  const file = path.join(await temporaryFolder(t), 'holdfast.json');
  assert.deepEqual(await writeIdentity(file, IDENTITY), IDENTITY);
  return { file, whole: await readFile(file) };
}

test('an identity is read as it was written, and no other file is left', async (t) => {
  const { file } = await writtenIdentity(t);
  assert.deepEqual(await readIdentity(file), IDENTITY);
  assert.deepEqual(await readdir(path.dirname(file)), ['holdfast.json']);
});

test('a missing identity is none', async (t) => {
  assert.equal(await readIdentity(path.join(await temporaryFolder(t), 'holdfast.json')), undefined);
});

test('one flipped bit of an identity is told or changes nothing', async (t) => {
  const { file, whole } = await writtenIdentity(t);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(file, flipped);
    const seen = await readIdentity(file).catch((error: unknown) => error as Error & { code?: string; where?: string });
    if (!(seen instanceof Error)) assert.deepEqual(seen, IDENTITY, `bit ${bit}`);
    else {
      assert.match(seen.code ?? seen.message, /^HOLDFAST_(DAMAGED|FORMAT)$/, `bit ${bit}`);
      assert.equal(seen.where, file);
    }
  }
});

test('an identity that is cut off anywhere is damage', async (t) => {
  const { file, whole } = await writtenIdentity(t);
  for (let size = 0; size < whole.length - 1; size++) {
    await writeFile(file, whole.subarray(0, size));
    await assert.rejects(readIdentity(file), { code: 'HOLDFAST_DAMAGED', where: file });
  }
});

test('other JSON is damage, and a newer format is told as such whatever else it holds', async (t) => {
  const { file } = await writtenIdentity(t);
  for (const other of ['null', '7', '[]', '{}', '{"format":0}', '{"format":"2"}', '{"format":1.5}', '{"format":1}']) {
    await writeFile(file, other);
    await assert.rejects(readIdentity(file), { code: 'HOLDFAST_DAMAGED', where: file }, other);
  }
  await writeFile(file, '{"format":3,"id":[]}');
  await assert.rejects(readIdentity(file), { code: 'HOLDFAST_FORMAT', where: file, found: 3, supported: 1 });
});

test('an id that is not 128 bits in hexadecimal is refused', async (t) => {
  const folder = await temporaryFolder(t);
  for (const id of ['', 'x'.repeat(32), 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33)]) {
    const writing = writeIdentity(path.join(folder, 'holdfast.json'), { id, createdAt: 1 });
    await assert.rejects(writing, { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'id' });
  }
  assert.deepEqual(await readdir(folder), []);
});
