/** What several processes make of one folder, some of which are killed or may not write to it. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { enterFolder } from '../../src/log/folder.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { FACTS, inProcess } from './storage-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KEEP = { durability: 'os', createIfMissing: false } as const;
const PARTS = ['holdfast.json', 'log', 'witness'];

test('a folder this user may not write to is told with its path', { skip: process.platform === 'win32' }, async (t) => {
  const parent = await temporaryFolder(t);
  await chmod(parent, 0o555);
  const made = path.join(parent, 'jobs');
  for (const folder of [parent, made]) {
    // The superuser may write everywhere, so this is asked by somebody who may not.
    const { told } = await inProcess(t, 'enter', folder, { asNobody: true });
    assert.equal(told.code, 'HOLDFAST_STORE_UNAVAILABLE', told.message);
    assert.ok(told.message?.includes(folder), told.message);
  }
  assert.deepEqual(await readdir(parent), []);
});

test('a creation that was interrupted by SIGKILL, at whatever moment, is finished by the next one', async (t) => {
  let finishedCount = 0;
  for (let afterMs = 0; afterMs < 70; afterMs += 7) {
    const folder = path.join(await temporaryFolder(t), 'jobs');
    const creating = await inProcess(t, 'create', folder);
    await passed(afterMs);
    await creating.kill();
    const entered = await enterFolder(folder, FACTS);
    if (!entered.isNew) finishedCount++;
    const store = await openLevelStore(entered.logPath, KEEP);
    await entered.sweep();
    await store.close();
    await entered.release();
    assert.deepEqual((await readdir(folder)).sort(), PARTS);
  }
  t.diagnostic(`${finishedCount} of 10 had been finished before the kill`);
});

test('of several processes that make a folder at once one opens it, and it has one identity', async (t) => {
  for (let round = 0; round < 3; round++) {
    const folder = path.join(await temporaryFolder(t), 'jobs');
    const others = await Promise.all([1, 2, 3, 4].map(() => inProcess(t, 'enter and open', folder)));
    const opened = others.filter(({ told }) => told.ok);
    assert.equal(opened.length, 1, JSON.stringify(others.map(({ told }) => told)));
    for (const { told } of others) if (!told.ok) assert.equal(told.code, 'HOLDFAST_IN_USE', told.message);
    const { id } = JSON.parse(await readFile(path.join(folder, 'holdfast.json'), 'utf8'));
    assert.equal(opened[0]?.told.value, id);
    await Promise.all(others.map((other) => other.kill()));
  }
});
