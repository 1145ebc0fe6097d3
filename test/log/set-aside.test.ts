/** A damaged folder makes way for what could be salvaged of it, and whatever is killed on the way is finished. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { claimFolder, processName } from '../../src/log/guard.ts';
import { finishSetAside, setAside } from '../../src/log/set-aside.ts';
import { verify } from '../../src/log/verify.ts';
import { enqueued } from '../support/log.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { chained, folderOf } from './whole-folder.ts';

const IN_USE = { code: 'HOLDFAST_IN_USE' };
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
const clock = createFakeClock({ seed: 7, startAt: Date.UTC(2026, 6, 1, 12, 30, 5, 7) });
const KEPT = 'jobs.damaged-2026-07-01T12-30-05-007Z';

/** A folder of two jobs whose witness has seen one frame more. */
async function damagedFolder(t: TestContext): Promise<{ folder: string; parent: string }> {
  const folder = await folderOf(t, chained([[enqueued(0)], [enqueued(1)]]), { sequence: 3, chain: 0 });
  return { folder, parent: path.dirname(folder) };
}

async function idOf(folder: string): Promise<string> {
  return JSON.parse(await readFile(path.join(folder, 'holdfast.json'), 'utf8')).id as string;
}

describe('a damaged folder that is set aside', () => {
  test('is kept under another name, and a sound one is in its place', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    const id = await idOf(folder);
    const report = await setAside(folder, clock);
    const keptAt = path.join(parent, KEPT);
    assert.deepEqual([report.from, report.to, report.keptAt, report.jobs], [keptAt, folder, keptAt, 2]);
    assert.deepEqual(report.missing, [{ from: 3, to: 3 }]);
    assert.deepEqual((await readdir(parent)).sort(), ['jobs', KEPT]);
    assert.deepEqual([(await verify(folder)).isSound, (await verify(keptAt)).isSound], [true, false]);
    assert.deepEqual([await idOf(keptAt), (await idOf(folder)) === id], [id, false]);
    for (const name of [folder, keptAt]) assert.ok((await readdir(name)).every((file) => !file.startsWith('owner.')));
  });

  test('may be named through a link, which leads to the sound one then', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    const link = path.join(parent, 'link');
    await symlink(folder, link);
    assert.equal((await setAside(link, clock)).to, folder);
    assert.deepEqual((await readdir(parent)).sort(), ['jobs', KEPT, 'link']);
  });

  test('replaces what another attempt left, and takes over from a process that was killed at it', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    await mkdir(`${folder}.salvaged`);
    await writeFile(path.join(`${folder}.salvaged`, 'half'), '');
    await writeFile(`${folder}.salvaging`, '999999999.5');
    await setAside(folder, clock);
    assert.deepEqual((await readdir(parent)).sort(), ['jobs', KEPT]);
    assert.ok(!(await readdir(folder)).includes('half'));
  });

  test('is left alone while somebody else is at it', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    for (const holder of [`${process.ppid}.5`, processName(clock.processStartedAt)]) {
      await writeFile(`${folder}.salvaging`, holder);
      await assert.rejects(setAside(folder, clock), { ...IN_USE, message: /a process that salvages it/ });
      assert.equal(await readFile(`${folder}.salvaging`, 'utf8'), holder);
    }
    await rm(`${folder}.salvaging`);
    const claim = await claimFolder(folder, clock.processStartedAt);
    await assert.rejects(setAside(folder, clock), IN_USE);
    await claim.release();
    assert.deepEqual(await readdir(parent), ['jobs'], 'nothing is left of the attempts');
    await setAside(folder, clock);
  });

  test('is as it was, and free, when it cannot be done', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    await mkdir(path.join(parent, KEPT));
    await writeFile(path.join(parent, KEPT, 'letter'), '');
    await assert.rejects(setAside(folder, clock), {
      ...UNAVAILABLE,
      message: new RegExp(`cannot put ${folder} aside`),
    });
    assert.equal((await verify(folder)).frames, 2);
    assert.deepEqual((await readdir(parent)).sort(), ['jobs', KEPT, 'jobs.salvaged']);
    await rm(path.join(parent, KEPT), { recursive: true });
    await mkdir(`${folder}.salvaging`);
    await assert.rejects(setAside(folder, clock), IN_USE);
    await rm(`${folder}.salvaging`, { recursive: true });
    await setAside(folder, clock);
    const missing = path.join(parent, 'x'.repeat(250));
    await mkdir(missing);
    // Its name is allowed, and too long with the ending.
    await assert.rejects(setAside(missing, clock), { ...UNAVAILABLE, message: /cannot write .*salvaging/ });
  });

  test('tells by its lock who is at it', async (t) => {
    const { folder } = await damagedFolder(t);
    const setting = setAside(folder, clock);
    let holder = '';
    for (let n = 0; n < 10_000 && holder === ''; n++) {
      holder = await readFile(`${folder}.salvaging`, 'utf8').catch(() => '');
    }
    assert.equal(holder, processName(clock.processStartedAt));
    await setting;
  });
});

describe('what a killed process began', () => {
  test('is finished: the salvaged folder gets its name', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    await rename(folder, `${folder}.salvaged`);
    await finishSetAside(folder);
    assert.deepEqual(await readdir(parent), ['jobs']);
    assert.equal((await verify(folder)).frames, 2);
  });

  test('is finished behind a link, too, in whatever way it names the folder', async (t) => {
    for (const target of ['jobs', 'other/../jobs', 'next']) {
      const { folder, parent } = await damagedFolder(t);
      const link = path.join(parent, 'link');
      await mkdir(path.join(parent, 'other'));
      await symlink(target, link);
      await symlink(folder, path.join(parent, 'next'));
      await rename(folder, `${folder}.salvaged`);
      await finishSetAside(link);
      assert.deepEqual((await readdir(parent)).sort(), ['jobs', 'link', 'next', 'other']);
    }
  });

  test('is nothing when the folder is there, or there is nothing salvaged', async (t) => {
    const { folder, parent } = await damagedFolder(t);
    await mkdir(`${folder}.salvaged`);
    await finishSetAside(folder);
    assert.deepEqual((await readdir(parent)).sort(), ['jobs', 'jobs.salvaged']);
    assert.equal((await verify(folder)).frames, 2);
    const empty = await temporaryFolder(t);
    await finishSetAside(path.join(empty, 'jobs'));
    assert.deepEqual(await readdir(empty), []);
    await writeFile(path.join(empty, 'file'), '');
    await mkdir(path.join(empty, 'file.salvaged'));
    await finishSetAside(path.join(empty, 'file'));
    assert.ok((await stat(path.join(empty, 'file'))).isFile());
  });

  test('that cannot be finished is told', async (t) => {
    const parent = await temporaryFolder(t);
    const folder = path.join(parent, 'jobs');
    await symlink('a/jobs', folder);
    await mkdir(path.join(parent, 'a'));
    await symlink('loop', path.join(parent, 'a', 'jobs.salvaged'));
    await finishSetAside(folder);
    assert.deepEqual(await readdir(path.join(parent, 'a')), ['jobs'], 'a link is moved as it is');
    const long = path.join(parent, 'x'.repeat(250));
    await assert.rejects(finishSetAside(long), { ...UNAVAILABLE, message: /cannot put the salvaged folder at / });
  });
});
