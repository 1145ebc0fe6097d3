import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, test, type TestContext } from 'node:test';
import { type Claim, claimFolder, processName } from '../../src/log/guard.ts';
import { type ClaimedFolder, enterFolder } from '../../src/log/folder.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import type { Store } from '../../src/log/store.ts';
import { FACTS, inProcess, inThread, inThreads, WRITTEN } from './storage-process.ts';
import { all, assertFrames } from './store-laws.ts';
import { temporaryFolder } from './temporary-folder.ts';

const STARTED_AT = performance.timeOrigin;

/** What this process calls its claim of a folder. */
async function ours(folder: string, startedAt = STARTED_AT): Promise<string> {
  const { ino } = await stat(folder, { bigint: true });
  return `owner.${processName(startedAt)}.${ino}`;
}

const IN_THIS_PROCESS = { code: 'HOLDFAST_IN_USE', message: /in this process/ };

async function claim(t: TestContext, folder: string): Promise<Claim> {
  const claimed = await claimFolder(folder, STARTED_AT);
  t.after(() => claimed.release());
  return claimed;
}

describe('a claimed folder is refused in the same thread', () => {
  const SPELLINGS: readonly [name: string, spell: (folder: string, beside: string) => Promise<string>][] = [
    ['as it is', async (folder) => folder],
    ['with a slash behind it', async (folder) => `${folder}/`],
    ['as a relative path', async (folder) => path.relative(process.cwd(), folder)],
    ['by a way round', async (folder) => `${folder}/../${path.basename(folder)}/.`],
    [
      'through a link',
      async (folder, beside) => {
        await symlink(folder, beside);
        return beside;
      },
    ],
    [
      'under its new name, after it was renamed',
      async (folder, beside) => {
        await rename(folder, beside);
        return beside;
      },
    ],
    [
      'when another one has taken its place',
      async (folder, beside) => {
        await rename(folder, beside);
        await mkdir(folder);
        return folder;
      },
    ],
  ];
  for (const [name, spell] of SPELLINGS) {
    test(name, async (t) => {
      const parent = await temporaryFolder(t);
      const folder = path.join(parent, 'jobs');
      await mkdir(folder);
      await claim(t, folder);
      const spelled = await spell(folder, path.join(parent, 'beside'));
      await assert.rejects(claimFolder(spelled, STARTED_AT), IN_THIS_PROCESS);
    });
  }

  test('by another copy of this module', async (t) => {
    const folder = await temporaryFolder(t);
    const address = new URL('../../src/log/guard.js?another', import.meta.url).href;
    const copy = (await import(address)) as { claimFolder: typeof claimFolder };
    assert.notEqual(copy.claimFolder, claimFolder);
    const first = await claim(t, folder);
    await assert.rejects(copy.claimFolder(folder, STARTED_AT), IN_THIS_PROCESS);
    await first.release();
    const second = await copy.claimFolder(folder, STARTED_AT);
    await assert.rejects(claimFolder(folder, STARTED_AT), IN_THIS_PROCESS);
    await second.release();
  });

  test('when several claims begin at once: one gets it', async (t) => {
    const folder = await temporaryFolder(t);
    const claims = await Promise.allSettled(Array.from({ length: 20 }, () => claim(t, folder)));
    assert.equal(claims.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

describe('a folder that is given up', () => {
  test('can be claimed again, and nothing is left in it', async (t) => {
    const folder = await temporaryFolder(t);
    for (let round = 0; round < 3; round++) {
      const claimed = await claim(t, `${folder}/`);
      assert.equal(claimed.path, folder);
      assert.deepEqual(await readdir(folder), [await ours(folder)]);
      await Promise.all([claimed.release(), claimed.release()]);
      await claimed.release();
      assert.deepEqual(await readdir(folder), []);
    }
  });

  test('may be gone by then', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'jobs');
    await mkdir(folder);
    const claimed = await claim(t, folder);
    await rm(folder, { recursive: true });
    await claimed.release();
    await mkdir(folder);
    await claim(t, folder);
  });

  test('is not given up by the second release of an earlier claim', async (t) => {
    const folder = await temporaryFolder(t);
    const first = await claim(t, folder);
    await first.release();
    await claim(t, folder);
    await first.release();
    await assert.rejects(claimFolder(folder, STARTED_AT), IN_THIS_PROCESS);
  });
});

describe('what cannot be claimed leaves nothing claimed', () => {
  test('a folder that is missing, and a file', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'jobs');
    await assert.rejects(claimFolder(folder, STARTED_AT), { code: 'HOLDFAST_INVALID_ARGUMENT', message: /folder/ });
    await mkdir(folder);
    await claim(t, folder);
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(claimFolder(file, STARTED_AT), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
    await rm(file);
    await mkdir(file);
    await claim(t, file);
  });
});

describe('threads of one process', () => {
  test('all have the same name for it, and another process has another', async (t) => {
    const names = [...(await inThreads(t, 3, 'name', '')), await inThread(t, 'name', '')].map(({ told }) => told.value);
    assert.deepEqual(new Set(names), new Set([processName(STARTED_AT)]));
    const other = await inProcess(t, 'name', '');
    assert.notEqual(other.told.value, processName(STARTED_AT));
    assert.equal(other.told.value?.split('.')[0], String(other.pid));
  });

  test('a thread is refused what the main thread has, until it is given up', async (t) => {
    const folder = await temporaryFolder(t);
    const claimed = await claim(t, folder);
    const refused = await inThread(t, 'claim', folder);
    assert.equal(refused.told.code, 'HOLDFAST_IN_USE');
    assert.match(refused.told.message ?? '', /another thread of this process/);
    await claimed.release();
    assert.equal((await inThread(t, 'claim', folder)).told.ok, true);
    await assert.rejects(claimFolder(folder, STARTED_AT), { code: 'HOLDFAST_IN_USE', message: /another thread/ });
  });

  test('of several that claim at the same moment exactly one gets it', async (t) => {
    for (let round = 0; round < 5; round++) {
      const folder = await temporaryFolder(t);
      await writeFile(path.join(folder, `owner.${process.pid}.1.1`), '');
      const threads = await inThreads(t, 4, 'claim', folder);
      assert.deepEqual(threads.map(({ told }) => told.code ?? 'claimed').sort(), [
        'HOLDFAST_IN_USE',
        'HOLDFAST_IN_USE',
        'HOLDFAST_IN_USE',
        'claimed',
      ]);
      await Promise.all(threads.map((thread) => thread.kill()));
    }
  });

  test('what a terminated thread had stays claimed, since nobody can tell that it is gone', async (t) => {
    const folder = await temporaryFolder(t);
    const thread = await inThread(t, 'claim', folder);
    assert.equal(thread.told.ok, true);
    await thread.kill();
    await assert.rejects(claimFolder(folder, STARTED_AT), { code: 'HOLDFAST_IN_USE', message: /another thread/ });
  });

  test('a refused thread does not cost us the lock of LevelDB: another process is refused still', async (t) => {
    const folder = await temporaryFolder(t);
    const { entered, store } = await enterAndOpen(folder);
    await store.write(WRITTEN, undefined);
    await symlink(folder, `${folder}.link`);
    t.after(() => rm(`${folder}.link`));
    for (const spelled of [folder, `${folder}/`, `${folder}.link`]) {
      assert.equal((await inThread(t, 'enter and open', spelled)).told.code, 'HOLDFAST_IN_USE');
      await assert.rejects(enterFolder(spelled, FACTS), { code: 'HOLDFAST_IN_USE' });
      const other = await inProcess(t, 'enter and open', spelled);
      assert.equal(other.told.code, 'HOLDFAST_IN_USE');
      assert.match(other.told.message ?? '', /another process/);
    }
    await store.close();
    await entered.release();
    assert.equal((await inProcess(t, 'enter and open', folder)).told.ok, true);
  });
});

describe('a process that was killed', () => {
  test('leaves its file, which is in nobody’s way and is swept', async (t) => {
    const folder = await temporaryFolder(t);
    const killed = await inProcess(t, 'claim', folder);
    assert.equal(killed.told.ok, true);
    await killed.kill();
    const left = await readdir(folder);
    assert.equal(left.length, 1);
    assert.match(left[0] ?? '', new RegExp(`^owner\\.${killed.pid}\\.\\d+\\.\\d+$`));
    const claimed = await claim(t, folder);
    assert.equal((await readdir(folder)).length, 2);
    await claimed.sweep();
    assert.deepEqual(await readdir(folder), [await ours(folder)]);
    await claimed.sweep();
  });

  test('may have had the process id that is ours now', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(path.join(folder, await ours(folder, STARTED_AT - 0.001)), '');
    const claimed = await claim(t, folder);
    await assert.rejects(claimFolder(folder, STARTED_AT), IN_THIS_PROCESS);
    assert.equal((await inThread(t, 'claim', folder)).told.code, 'HOLDFAST_IN_USE');
    await claimed.sweep();
    assert.deepEqual(await readdir(folder), [await ours(folder)]);
  });

  test('while it had the log open, leaves a log that opens with all that was acknowledged', async (t) => {
    const folder = await temporaryFolder(t);
    const killed = await inProcess(t, 'enter, open and write', folder);
    assert.equal(killed.told.ok, true);
    await assert.rejects(enterAndOpen(folder), { code: 'HOLDFAST_IN_USE', message: /another process/ });
    await killed.kill();
    const { entered, store } = await enterAndOpen(folder);
    assert.equal(entered.isNew, false);
    assertFrames(await all(store.scan()), WRITTEN);
    await entered.sweep();
    assert.equal((await readdir(folder)).filter((name) => name.startsWith('owner.')).length, 1);
    await store.close();
    await entered.release();
  });
});

async function enterAndOpen(folder: string): Promise<{ entered: ClaimedFolder; store: Store }> {
  const entered = await enterFolder(folder, FACTS);
  try {
    return { entered, store: await openLevelStore(entered.logPath, { durability: 'disk', createIfMissing: false }) };
  } catch (error) {
    await entered.release();
    throw error;
  }
}

test('a copy of a claimed folder is a folder of its own, in every thread and process', async (t) => {
  const folder = await temporaryFolder(t);
  const { entered, store } = await enterAndOpen(folder);
  await store.write(WRITTEN, undefined);
  const copies = [1, 2, 3].map((n) => path.join(folder, '..', `${path.basename(folder)}.copy-${n}`)) as [
    string,
    ...string[],
  ];
  t.after(() => Promise.all(copies.map((copy) => rm(copy, { recursive: true, force: true }))));
  for (const copy of copies) await cp(folder, copy, { recursive: true });
  const [here, inAThread, elsewhere] = copies as [string, string, string];
  const copied = await enterAndOpen(here);
  assertFrames(await all(copied.store.scan()), WRITTEN);
  assert.equal(await copied.entered.hasRival(), false);
  await copied.entered.sweep();
  assert.deepEqual(
    (await readdir(here)).filter((name) => name.startsWith('owner.')),
    [await ours(here)],
  );
  assert.equal((await inThread(t, 'enter and open', inAThread)).told.ok, true);
  assert.equal((await inProcess(t, 'enter and open', elsewhere)).told.ok, true);
  for (const opened of [copied, { entered, store }]) {
    await opened.store.close();
    await opened.entered.release();
  }
});

test('the sweep spares a process that is alive and files of others', async (t) => {
  const folder = await temporaryFolder(t);
  const other = await inProcess(t, 'claim', folder);
  assert.equal(other.told.ok, true);
  for (const name of ['owner', 'owner.1', 'owner.1.2', 'owner.1.2.3.4', 'owner.x.1.1', 'witness']) {
    await writeFile(path.join(folder, name), '');
  }
  const claimed = await claim(t, folder);
  const before = await readdir(folder);
  await claimed.sweep();
  assert.deepEqual(await readdir(folder), before);
});
