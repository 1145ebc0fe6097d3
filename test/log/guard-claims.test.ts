/** Who has a folder, by the files in it alone: those of this process, of others that run, and of some that do not. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, test, type TestContext } from 'node:test';
import { claimFolder, holderOf, isNameOfRunning, isOwnerFile, processName } from '../../src/log/guard.ts';
import { temporaryFolder } from './temporary-folder.ts';

const STARTED_AT = performance.timeOrigin;
const IN_USE = { code: 'HOLDFAST_IN_USE' };
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
/** No system gives out a process id of so many digits. */
const NOBODY = 999_999_999;
/** The process that started this one runs for as long. */
const SOMEBODY = process.ppid;

/** A folder with files that say that these processes have it, or had. */
async function folderOf(t: TestContext, ...pids: readonly number[]) {
  const folder = await temporaryFolder(t);
  const { ino } = await stat(folder, { bigint: true });
  const names = pids.map((pid) => `owner.${pid}.77.${ino}`);
  for (const name of [...names, 'witness']) await writeFile(path.join(folder, name), '');
  return { folder, ino, names, ours: `owner.${processName(STARTED_AT)}.${ino}` };
}

describe('a folder is held', () => {
  test('by nobody when it is empty, or only killed processes had it', async (t) => {
    for (const pids of [[], [NOBODY, process.pid]]) {
      const { folder } = await folderOf(t, ...pids);
      assert.equal(await holderOf(folder, STARTED_AT), undefined);
    }
  });

  test('by this process while it has claimed it', async (t) => {
    const { folder } = await folderOf(t, SOMEBODY);
    const claim = await claimFolder(folder, STARTED_AT);
    assert.equal(await holderOf(folder, STARTED_AT), 'this process');
    await claim.release();
    assert.equal(await holderOf(folder, STARTED_AT), `process ${SOMEBODY}`);
  });

  test('by another thread, when its file is there and nobody here knows of it', async (t) => {
    const { folder, ours } = await folderOf(t, SOMEBODY);
    await writeFile(path.join(folder, ours), '');
    assert.equal(await holderOf(folder, STARTED_AT), 'another thread of this process');
    await assert.rejects(claimFolder(folder, STARTED_AT), { ...IN_USE, message: /another thread of this process/ });
    await rm(path.join(folder, ours));
    const claim = await claimFolder(folder, STARTED_AT);
    assert.deepEqual((await readdir(folder)).includes(ours), true, 'what was refused left nothing claimed');
    await claim.release();
  });

  test('by a process that runs, whoever else had it, but not by one that has another copy of it', async (t) => {
    const { folder, ino } = await folderOf(t, NOBODY, SOMEBODY);
    assert.equal(await holderOf(folder, STARTED_AT), `process ${SOMEBODY}`);
    const copy = await folderOf(t);
    await writeFile(path.join(copy.folder, `owner.${SOMEBODY}.77.${ino}`), '');
    assert.equal(await holderOf(copy.folder, STARTED_AT), undefined);
  });

  test('by nobody when it is not there', async (t) => {
    const { folder } = await folderOf(t);
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    await symlink(path.join(folder, 'loop'), path.join(folder, 'loop'));
    for (const name of ['missing', 'file/below', 'loop']) {
      const expected = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'folder', message: /an existing folder/ };
      await assert.rejects(holderOf(path.join(folder, name), STARTED_AT), expected, name);
      await assert.rejects(claimFolder(path.join(folder, name), STARTED_AT), expected, name);
    }
    await assert.rejects(holderOf(file, STARTED_AT), { ...UNAVAILABLE, message: /cannot read the folder / });
    await assert.rejects(claimFolder(file, STARTED_AT), { ...UNAVAILABLE, message: /cannot claim the folder / });
    const long = path.join(folder, 'x'.repeat(300));
    await assert.rejects(holderOf(long, STARTED_AT), { ...UNAVAILABLE, message: /cannot find / });
  });
});

describe('a claim', () => {
  test('is refused a second time in this process, and is known by the folder and not by its name alone', async (t) => {
    const { folder } = await folderOf(t);
    const claim = await claimFolder(folder, STARTED_AT);
    const moved = `${folder}.moved`;
    await assert.rejects(claimFolder(folder, STARTED_AT), { ...IN_USE, message: /in this process/ });
    await rename(folder, moved);
    t.after(() => rm(moved, { recursive: true, force: true }));
    await rm(path.join(moved, (await readdir(moved)).find(isOwnerFile) ?? ''));
    await assert.rejects(claimFolder(moved, STARTED_AT), { ...IN_USE, message: /in this process/ });
    assert.equal(await holderOf(moved, STARTED_AT), 'this process');
    await mkdir(folder);
    await assert.rejects(claimFolder(folder, STARTED_AT), { ...IN_USE, message: /in this process/ });
    assert.equal(await holderOf(folder, STARTED_AT), 'this process');
    await claim.release();
    await (await claimFolder(moved, STARTED_AT)).release();
  });

  test('has a rival in a process that runs, and in no other', async (t) => {
    for (const [pids, hasRival] of [
      [[], false],
      [[NOBODY], false],
      [[process.pid], false],
      [[NOBODY, SOMEBODY], true],
    ] as const) {
      const { folder } = await folderOf(t, ...pids);
      const claim = await claimFolder(folder, STARTED_AT);
      assert.equal(await claim.hasRival(), hasRival, String(pids));
      await claim.release();
    }
  });

  test('sweeps what killed processes left, and what came along with a copy', async (t) => {
    const { folder, ino, ours, names } = await folderOf(t, NOBODY, process.pid, SOMEBODY);
    const others = [`owner.${SOMEBODY}.77.${ino + 1n}`, `owner.${NOBODY}.77`, `xowner.${NOBODY}.77.${ino}`, 'owner.1'];
    for (const name of others) await writeFile(path.join(folder, name), '');
    const claim = await claimFolder(folder, STARTED_AT);
    await claim.sweep();
    assert.deepEqual((await readdir(folder)).sort(), [ours, names[2], ...others.slice(1), 'witness'].sort());
    await claim.release();
    await claim.release();
    assert.deepEqual((await readdir(folder)).sort(), [names[2], ...others.slice(1), 'witness'].sort());
  });

  test('is a file of this user alone', async (t) => {
    const { folder, ours } = await folderOf(t);
    const claim = await claimFolder(folder, STARTED_AT);
    const { mode, size } = await stat(path.join(folder, ours));
    assert.equal(size, 0);
    if (process.platform !== 'win32') assert.equal(mode & 0o777, 0o600);
    assert.equal(claim.path, folder);
    await claim.release();
  });

  test('that cannot be removed says so, and the folder can be claimed again when it is gone', async (t) => {
    const { folder, ours } = await folderOf(t);
    const claim = await claimFolder(folder, STARTED_AT);
    const file = path.join(folder, ours);
    await rm(file);
    await mkdir(file);
    await assert.rejects(claim.release(), { ...UNAVAILABLE, message: /cannot remove / });
    await rm(file, { recursive: true });
    await (await claimFolder(folder, STARTED_AT)).release();
  });

  test('of a folder that is gone is given up all the same', async (t) => {
    const { folder } = await folderOf(t);
    const claim = await claimFolder(folder, STARTED_AT);
    await rm(folder, { recursive: true });
    await assert.rejects(claim.hasRival(), { ...UNAVAILABLE, message: /cannot read the folder / });
    await claim.release();
    await mkdir(folder);
    await (await claimFolder(folder, STARTED_AT)).release();
  });

  test('is refused where this user may not write', { skip: process.getuid?.() === 0 }, async (t) => {
    const { folder } = await folderOf(t);
    await chmod(folder, 0o500);
    await assert.rejects(claimFolder(folder, STARTED_AT), UNAVAILABLE);
    await chmod(folder, 0o700);
  });
});

describe('a name', () => {
  test('of a process has its id and its beginning, to the microsecond', () => {
    assert.equal(processName(1_700_000_000_123.5), `${process.pid}.1700000000123500`);
  });

  test('is that of a claim or is not', () => {
    assert.equal(isOwnerFile('owner.12.345.678'), true);
    for (const name of ['owner.1.2', 'owner.1.2.3.4', 'xowner.1.2.3', 'owner.1.2.3x', 'owner.a.2.3', 'owner..2.3']) {
      assert.equal(isOwnerFile(name), false, name);
    }
  });

  test('is that of another process which runs or is not', () => {
    assert.equal(isNameOfRunning(`${SOMEBODY}.77`), true);
    for (const name of [`${NOBODY}.77`, processName(STARTED_AT), `${process.pid}.1`, '', `${SOMEBODY}`]) {
      assert.equal(isNameOfRunning(name), false, name);
    }
    for (const name of [`x${SOMEBODY}.77`, `${SOMEBODY}.77x`, `${SOMEBODY}.x`]) {
      assert.equal(isNameOfRunning(name), false, name);
    }
  });
});
