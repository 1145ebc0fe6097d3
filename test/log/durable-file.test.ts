import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { syncFile, syncFolder, systemCode, unavailable, writeDurably } from '../../src/log/durable-file.ts';
import { openIn, temporaryFolder } from './temporary-folder.ts';

const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };

test('a file that is put in place is whole, for this user alone, and replaces what was there', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'file');
  await writeFile(`${file}.new`, 'left by a process that was killed, and longer');
  for (const text of ['first', 'second and longer', '3']) {
    await writeDurably(file, Buffer.from(text));
    assert.equal(await readFile(file, 'utf8'), text);
  }
  assert.deepEqual(await readdir(folder), ['file']);
  assert.deepEqual(await openIn(folder), []);
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o077, 0);
});

test('a file that cannot be put in place is told with its path', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'missing', 'file');
  await assert.rejects(writeDurably(file, Buffer.from('x')), (error: Error) => {
    assert.equal(systemCode(error), UNAVAILABLE.code);
    assert.ok(error.message.includes(`cannot write ${file}: `), error.message);
    assert.equal(systemCode(error.cause), 'ENOENT');
    return true;
  });
  await mkdir(path.join(folder, 'taken'));
  await writeFile(path.join(folder, 'taken', 'x'), '');
  await assert.rejects(writeDurably(path.join(folder, 'taken'), Buffer.from('x')), UNAVAILABLE);
});

test('a folder and a file can be made durable, unless they are missing', async (t) => {
  const folder = await temporaryFolder(t);
  await syncFolder(folder);
  const file = path.join(folder, 'file');
  await assert.rejects(syncFolder(file), { code: 'ENOENT' });
  await assert.rejects(syncFile(file), { code: 'ENOENT' });
  await writeFile(file, 'x');
  await syncFile(file);
  assert.deepEqual(await openIn(folder), []);
});

test(
  'a folder need not be made durable where the system cannot do it',
  {
    skip: process.platform !== 'linux',
  },
  async () => {
    await syncFolder('/proc');
  },
);

test('only an error of the system has a code', () => {
  assert.equal(systemCode(Object.assign(new Error('no'), { code: 'ENOENT' })), 'ENOENT');
  for (const other of [
    { code: 'ENOENT' },
    Object.assign(new Error('no'), { code: 7 }),
    new Error('no'),
    null,
    'ENOENT',
  ]) {
    assert.equal(systemCode(other), undefined);
  }
});

test('what the system refuses is said in words, and what it says otherwise is passed on', () => {
  const because = (code: string): string =>
    unavailable('write /f', Object.assign(new Error(`${code}: said by the system`), { code })).message;
  assert.match(because('ENOSPC'), /cannot write \/f: the disk is full/);
  assert.match(because('EACCES'), /the rights of this user do not allow it/);
  assert.match(because('EROFS'), /read-only/);
  assert.match(because('ESTRANGE'), /ESTRANGE: said by the system/);
  assert.match(unavailable('write /f', 'thrown').message, /thrown/);
});
