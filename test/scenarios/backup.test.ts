// A copy of a folder that is in use: it is whole, it is of one moment, and it opens.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { defineJob, open, restore, verify } from '../../src/index.ts';
import { latch, openTestEngine } from '../support/engine.ts';

async function newFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-backup-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a backup made while jobs come and run is sound, has all that was accepted before, and opens', async (t) => {
  const gate = latch();
  const holds = defineJob({ type: 'holds', run: () => gate.promise });
  const works = defineJob<number, number>({ type: 'works', run: (n) => n });
  const { jobs } = await openTestEngine(t, { jobs: [holds, works], keep: { completed: { count: Infinity } } });
  const folder = await newFolder(t);
  const running = await jobs.enqueue(holds, undefined, { unique: 'k' });
  const done = await jobs.enqueue(works, 7);
  await done.result();
  const before = await jobs.enqueueAll(Array.from({ length: 300 }, (_, n) => ['nobody', { n, text: 'x'.repeat(500) }]));
  let isOver = false;
  const meanwhile = (async () => {
    while (!isOver) await jobs.enqueue('nobody', { text: 'y'.repeat(300) });
  })();
  const report = await jobs.backup(join(folder, 'copy'));
  isOver = true;
  await meanwhile;
  gate.open();
  assert.equal(report.path, join(folder, 'copy'));
  assert.ok(report.frames > 3 && report.bytes > 150_000);
  const { isSound, damage, jobs: counted } = await verify(report.path);
  assert.deepEqual([isSound, damage], [true, []]);
  assert.ok(counted >= 302);

  const copy = await open(report.path, { jobs: [works] });
  try {
    for (const { id } of before) assert.equal((await copy.get(id))?.state, 'waiting');
    assert.equal(await copy.wait(done.id), 7);
    const view = await copy.get(running.id);
    assert.deepEqual([view?.state, view?.starts, view?.unique], ['waiting', 1, 'k']);
  } finally {
    await copy.close();
  }
});

test('a backup is restored into a new folder, and is left as it was', async (t) => {
  const works = defineJob<number, number>({ type: 'works', run: (n) => n });
  const jobs = await open(':memory:', { jobs: [works] });
  const folder = await newFolder(t);
  const { id } = await jobs.enqueue(works, 5);
  await jobs.wait(id);
  const backup = join(folder, 'backup');
  await jobs.backup(backup);
  await jobs.close();
  const report = await restore(backup, { to: join(folder, 'restored') });
  const [restored, again] = [await open(report.path, { jobs: [works] }), await open(backup, { jobs: [works] })];
  assert.equal(await restored.wait(id), 5);
  assert.equal(await again.wait(id), 5, 'the backup opens as well, beside the other');
  await assert.rejects(restore(backup, { to: join(folder, 'third') }), { code: 'HOLDFAST_IN_USE' });
  await restored.close();
  await again.close();
});

test('a backup is refused where something is, and leaves nothing behind when it fails', async (t) => {
  const { jobs, folder } = await openTestEngine(t);
  const place = await newFolder(t);
  await jobs.enqueue('nobody');
  await writeFile(join(place, 'something'), '');
  await assert.rejects(jobs.backup(place), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'to' });
  await assert.rejects(jobs.backup(''), { field: 'to' });
  await assert.rejects(jobs.backup(join(folder, 'inside')), { field: 'to' });
  await assert.rejects(jobs.backup(join(place, 'something', 'below')), { code: 'HOLDFAST_INVALID_ARGUMENT' });
  assert.deepEqual(await readdir(place), ['something']);
});

test('a damaged backup is not restored', async (t) => {
  const { jobs } = await openTestEngine(t);
  const folder = await newFolder(t);
  await jobs.enqueue('nobody', 'x'.repeat(2_000));
  const backup = join(folder, 'backup');
  await jobs.backup(backup);
  const files = (await readdir(join(backup, 'log'))).filter((name) => /\.(log|ldb)$/.test(name));
  for (const name of files) {
    const bytes = await readFile(join(backup, 'log', name));
    if (bytes.length < 500) continue;
    bytes[400] = (bytes[400] as number) ^ 1;
    await writeFile(join(backup, 'log', name), bytes);
  }
  await assert.rejects(restore(backup, { to: join(folder, 'restored') }), { code: 'HOLDFAST_DAMAGED' });
  assert.deepEqual(await readdir(folder), ['backup']);
  await assert.rejects(restore(backup, {} as never), { code: 'HOLDFAST_DAMAGED' });
});
