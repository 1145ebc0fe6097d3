import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
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
  const { format, id, createdAt } = IDENTITY;
  const whole = { format, id, createdAt, crc32: 'x' };
  const told: [what: string, texts: string[]][] = [
    ['it is not readable as JSON', ['', '{', 'null', '7']],
    [
      'it does not say which folder this is',
      [
        ...['[]', '{}', '{"format":0}', '{"format":"2"}', '{"format":1.5}', '{"format":1}'],
        ...[{ format: 0 }, { format: '1' }, { id: 7 }, { id: `${id}0` }, { id: undefined }, { createdAt: '1' }].map(
          (part) => JSON.stringify({ ...whole, ...part }),
        ),
      ],
    ],
    ['its checksum does not match', [JSON.stringify(whole)]],
  ];
  for (const [what, texts] of told) {
    for (const text of texts) {
      await writeFile(file, text);
      await assert.rejects(readIdentity(file), { code: 'HOLDFAST_DAMAGED', where: file, what }, text);
    }
  }
  await writeFile(file, '{"format":3,"id":[]}');
  await assert.rejects(readIdentity(file), { code: 'HOLDFAST_FORMAT', where: file, found: 3, supported: 1 });
});

test('an id that is not 128 bits in hexadecimal is refused', async (t) => {
  const folder = await temporaryFolder(t);
  for (const id of ['', 'x'.repeat(32), 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33)]) {
    const writing = writeIdentity(path.join(folder, 'holdfast.json'), { id, createdAt: 1 });
    await assert.rejects(writing, {
      ...{ code: 'HOLDFAST_INVALID_ARGUMENT', field: 'id', message: /32 hexadecimal digits/ },
    });
  }
  assert.deepEqual(await readdir(folder), []);
});

test('an identity has the same bytes for ever, its checksum with all its digits', async (t) => {
  const file = path.join(await temporaryFolder(t), 'holdfast.json');
  const id = '0000000000000000000000000000082e';
  await writeIdentity(file, { id, createdAt: IDENTITY.createdAt });
  const text = `{"format":1,"id":"${id}","createdAt":1700000000000,"crc32":"00271f92"}\n`;
  assert.equal(await readFile(file, 'utf8'), text);
});

test('an identity that cannot be read is not taken for a missing one', async (t) => {
  const file = path.join(await temporaryFolder(t), 'holdfast.json');
  await mkdir(file);
  await assert.rejects(readIdentity(file), {
    ...{ code: 'HOLDFAST_STORE_UNAVAILABLE', message: /cannot read .*holdfast\.json/ },
  });
});
