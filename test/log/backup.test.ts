/** Copies of folders: whole and at their name, or not there at all. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, test, type TestContext } from 'node:test';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { backUp, restore } from '../../src/log/backup.ts';
import type { Frame } from '../../src/log/frame.ts';
import { claimFolder } from '../../src/log/guard.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { makeFolder, requireVacant } from '../../src/log/new-folder.ts';
import { readWitness } from '../../src/log/witness.ts';
import { enqueued } from '../support/log.ts';
import { writesOf } from './replaced-level.ts';
import { openIn, temporaryFolder } from './temporary-folder.ts';
import { chained, folderOf } from './whole-folder.ts';

const INVALID = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'to' };
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
const FRAMES = chained(Array.from({ length: 150 }, (_, slot) => [enqueued(slot)]));
const BYTES = FRAMES.reduce((sum, { bytes }) => sum + bytes.length, 0);

async function numbersIn(folder: string): Promise<number[]> {
  const store = await openLevelStore(path.join(folder, 'log'), { durability: 'os', createIfMissing: false });
  const numbers: number[] = [];
  for await (const chunk of store.scan()) numbers.push(...chunk.map(({ sequence }) => sequence));
  await store.close();
  return numbers;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

async function places(t: TestContext): Promise<{ parent: string; from: string; to: string }> {
  const parent = await temporaryFolder(t);
  const from = path.join(parent, 'jobs');
  await mkdir(from);
  return { parent, from, to: path.join(parent, 'below', 'copy') };
}

describe('a backup', () => {
  test('has all frames, in the writes in which they came, and its witness has seen the last', async (t) => {
    const { from, to } = await places(t);
    const told: number[] = [];
    const chunks = [FRAMES.slice(0, 100), FRAMES.slice(100)];
    const report = await backUp(
      from,
      to,
      () => chunks,
      createFakeClock(),
      (copied) => told.push(copied),
    );
    assert.deepEqual(report, { path: to, frames: 150, bytes: BYTES });
    assert.deepEqual(told, [100, 150]);
    assert.deepEqual(await numbersIn(to), upTo(150));
    const { sequence, chain } = FRAMES.at(-1) as Frame;
    assert.deepEqual(await readWitness(path.join(to, 'witness')), { sequence, chain });
    assert.deepEqual(await readdir(path.dirname(to)), ['copy']);
  });

  test('is on the disk, whatever the log was opened for', async (t) => {
    const { from, to } = await places(t);
    const writes = writesOf(t);
    await backUp(from, to, () => [FRAMES], createFakeClock());
    assert.deepEqual(writes, [{ sync: true }]);
  });

  test('may be of nothing, and be told to nobody', async (t) => {
    const { from, to } = await places(t);
    assert.deepEqual(await backUp(from, to, () => [], createFakeClock()), { path: to, frames: 0, bytes: 0 });
    assert.deepEqual(await readWitness(path.join(to, 'witness')), { sequence: 0, chain: 0 });
    const other = `${to}.2`;
    assert.equal((await backUp(from, other, () => [FRAMES], createFakeClock())).frames, 150);
  });

  test('is not made of frames that do not fit together, and nothing is left of it', async (t) => {
    const { from, to } = await places(t);
    const [one, two, three] = FRAMES as [Frame, Frame, Frame];
    const other = chained([[enqueued(7)], [enqueued(8)]])[1] as Frame;
    const broken = { ...two, bytes: Buffer.from(two.bytes).fill(0, 50, 60) };
    const what = (frame: number): string => `it does not continue frame ${frame}, the one before it`;
    for (const [frames, where, said] of [
      [[one, three], 'frame 3 of the log', what(1)],
      [[one, other], 'frame 2 of the log', what(1)],
      [[one, broken], 'frame 2 of the log', 'its checksum does not match its bytes'],
    ] as const) {
      const backup = backUp(from, to, () => frames.map((frame) => [frame]), createFakeClock());
      await assert.rejects(backup, { code: 'HOLDFAST_DAMAGED', where, what: said });
      assert.deepEqual(await readdir(path.dirname(to)), []);
    }
    // The first may have any number.
    assert.equal((await backUp(from, to, () => [[three]], createFakeClock())).frames, 1);
  });

  test('goes to a path that is free, and nowhere else', async (t) => {
    const { from, to } = await places(t);
    for (const given of ['', undefined, 7]) {
      const backup = backUp(from, given as string, () => [], createFakeClock());
      await assert.rejects(backup, { ...INVALID, message: /the path of a folder/ });
    }
    for (const given of [from, path.join(from, 'copy')]) {
      const backup = backUp(from, given, () => [], createFakeClock());
      await assert.rejects(backup, { ...INVALID, message: /a folder outside of the one that is read/ });
    }
    await mkdir(to, { recursive: true });
    assert.equal((await backUp(from, to, () => [FRAMES], createFakeClock())).frames, 150, 'an empty one is free');
    const taken = { ...INVALID, message: /a folder that is missing or empty/ };
    await assert.rejects(
      backUp(from, to, () => [], createFakeClock()),
      taken,
    );
    assert.equal((await numbersIn(to)).length, 150);
  });
});

describe('a backup is restored', () => {
  test('to a new folder, with word of how far that is', async (t) => {
    const backup = await folderOf(t, FRAMES);
    const to = `${backup}.restored`;
    const told: unknown[] = [];
    const report = await restore(backup, { to, onProgress: (progress) => told.push(progress) });
    assert.deepEqual(report, { path: to, frames: 150, bytes: BYTES });
    assert.deepEqual(await numbersIn(to), upTo(150));
    assert.deepEqual(
      told.slice(-3),
      [64, 128, 150].map((done) => ({ step: 'frames', done, total: 150 })),
    );
    assert.equal((await restore(backup, { to: `${to}.2` })).frames, 150);
    const even = await folderOf(t, FRAMES.slice(0, 64));
    assert.equal((await restore(even, { to: `${even}.restored` })).frames, 64);
  });

  test('but not one that is damaged, in use, or missing', async (t) => {
    const backup = await folderOf(t, FRAMES.slice(0, 3), { sequence: 4, chain: 0 });
    const to = `${backup}.restored`;
    const what = 'the frames 4 to 4 are missing from the end of the log';
    await assert.rejects(restore(backup, { to }), { code: 'HOLDFAST_DAMAGED', where: path.join(backup, 'log'), what });
    const claim = await claimFolder(backup, performance.timeOrigin);
    await assert.rejects(restore(backup, { to }), { code: 'HOLDFAST_IN_USE' });
    await claim.release();
    const missing = `${backup}.missing`;
    await assert.rejects(restore(missing, { to }), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'folder' });
    assert.deepEqual(await readdir(path.dirname(backup)), ['jobs']);
    const whole = await folderOf(t, FRAMES.slice(0, 3));
    for (const options of [undefined, {}]) await assert.rejects(restore(whole, options as { to: string }), INVALID);
  });
});

describe('a new folder', () => {
  test('replaces what was left of another attempt, and has its name when it is whole', async (t) => {
    const parent = await temporaryFolder(t);
    const to = path.join(parent, 'copy');
    await mkdir(`${to}.unfinished`);
    await writeFile(path.join(`${to}.unfinished`, 'letter'), '');
    await makeFolder(to, createFakeClock(), async (store) => {
      assert.deepEqual(await readdir(parent), ['copy.unfinished']);
      await store.write([FRAMES[0] as Frame], undefined);
    });
    assert.deepEqual(await readdir(parent), ['copy']);
    assert.deepEqual((await readdir(to)).sort(), ['holdfast.json', 'log', 'witness']);
    if (process.platform !== 'win32') assert.equal((await stat(to)).mode & 0o777, 0o700);
    assert.deepEqual(await openIn(parent), []);
    const claim = await claimFolder(to, createFakeClock().processStartedAt);
    await claim.release();
  });

  test('is not there when it could not be filled, and says why', async (t) => {
    const parent = await temporaryFolder(t);
    const to = path.join(parent, 'copy');
    const failing = makeFolder(to, createFakeClock(), () => Promise.reject(new Error('no more')));
    await assert.rejects(failing, { ...UNAVAILABLE, message: new RegExp(`cannot make ${to}: no more`) });
    assert.deepEqual([await readdir(parent), await openIn(parent)], [[], []]);
    await writeFile(path.join(parent, 'file'), '');
    const below = path.join(parent, 'file', 'copy');
    await assert.rejects(
      makeFolder(below, createFakeClock(), () => Promise.resolve()),
      { ...UNAVAILABLE, message: /cannot make / },
    );
  });

  test('does not take the place of one that came meanwhile', async (t) => {
    const parent = await temporaryFolder(t);
    const to = path.join(parent, 'copy');
    const made = makeFolder(to, createFakeClock(), async () => {
      await mkdir(to);
      await writeFile(path.join(to, 'letter'), '');
    });
    await assert.rejects(made, { ...UNAVAILABLE, message: new RegExp(`cannot make ${to}`) });
    assert.deepEqual([await readdir(parent), await readdir(to)], [['copy'], ['letter']]);
  });

  test('may be one that is missing or empty, but no file, and nothing that cannot be read', async (t) => {
    const { parent, from } = await places(t);
    await requireVacant(from, path.join(parent, 'missing'));
    await requireVacant(from, `${from}.2`);
    await mkdir(`${from}.2`);
    await requireVacant(from, `${from}.2`);
    await writeFile(path.join(parent, 'file'), '');
    await assert.rejects(requireVacant(from, path.join(parent, 'file')), {
      ...{ ...INVALID, message: /missing or empty/ },
    });
    await symlink('loop', path.join(parent, 'loop'));
    const unreadable = { ...UNAVAILABLE, message: /cannot read the folder / };
    await assert.rejects(requireVacant(from, path.join(parent, 'loop')), unreadable);
    await rm(path.join(parent, 'loop'));
  });
});
