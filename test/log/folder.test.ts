import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { type ClaimedFolder, enterFolder, prepareFolder } from '../../src/log/folder.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { openWitness } from '../../src/log/witness.ts';
import { FACTS } from './storage-process.ts';
import { frame, numbers } from './store-laws.ts';
import { temporaryFolder } from './temporary-folder.ts';

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };
const INVALID = { code: 'HOLDFAST_INVALID_ARGUMENT' };
const KEEP = { durability: 'os', createIfMissing: false } as const;
const PARTS = ['holdfast.json', 'log', 'witness'];

async function enter(t: TestContext, folder: string): Promise<ClaimedFolder> {
  const entered = await enterFolder(folder, FACTS);
  t.after(() => entered.release());
  return entered;
}

/** A whole folder that nobody has open, with frames in its log. */
async function madeFolder(t: TestContext, frameCount = 3): Promise<string> {
  const folder = path.join(await temporaryFolder(t), 'jobs');
  const entered = await enterFolder(folder, FACTS);
  if (frameCount > 0) await writeFrames(entered.logPath, frameCount);
  await entered.release();
  return folder;
}

async function writeFrames(logPath: string, count: number): Promise<void> {
  const store = await openLevelStore(logPath, KEEP);
  await store.write(
    Array.from({ length: count }, (_, index) => frame(index + 1)),
    undefined,
  );
  await store.close();
}

/** Everything in the folder and what it holds, to be compared with itself later. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    content[name] = (await stat(file)).isDirectory() ? 'a folder' : await readFile(file, 'latin1');
  }
  return content;
}

async function assertRefused(folder: string, expected: object): Promise<void> {
  const before = await contentOf(folder);
  await assert.rejects(enterFolder(folder, FACTS), expected);
  assert.deepEqual(await contentOf(folder), before, 'nothing was touched');
  await assert.rejects(prepareFolder(folder, FACTS), expected);
  assert.deepEqual(await contentOf(folder), before, 'nothing was touched');
}

describe('a new folder', () => {
  test('is made with all folders on the way, for this user alone, and holds what it should', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'app', 'jobs');
    const entered = await enter(t, `${folder}/`);
    assert.equal(entered.isNew, true);
    assert.equal(entered.path, folder);
    assert.deepEqual(entered.identity, { format: 1, id: FACTS.id, createdAt: FACTS.createdAt });
    const names = (await readdir(folder)).filter((name) => !name.startsWith('owner.'));
    assert.deepEqual(names.sort(), PARTS);
    assert.deepEqual([entered.logPath, entered.witnessPath], [path.join(folder, 'log'), path.join(folder, 'witness')]);
    assert.equal(entered.reservePath, path.join(folder, 'reserve'));
    if (process.platform !== 'win32') assert.equal((await stat(folder)).mode & 0o777, 0o700);
    const { format, id, createdAt } = JSON.parse(await readFile(path.join(folder, 'holdfast.json'), 'utf8'));
    assert.deepEqual({ format, id, createdAt }, entered.identity);
  });

  test('may be an empty folder that is there', async (t) => {
    const folder = await temporaryFolder(t);
    const entered = await enter(t, folder);
    assert.equal(entered.isNew, true);
    const store = await openLevelStore(entered.logPath, KEEP);
    assert.deepEqual(await numbers(store.scan()), []);
    await store.close();
    const witness = await openWitness(entered.witnessPath);
    assert.deepEqual(witness.newest, { sequence: 0, chain: 0 });
    await witness.close();
  });

  test('is the same folder when it is entered again', async (t) => {
    const folder = await madeFolder(t);
    const entered = await enterFolder(folder, { ...FACTS, id: 'f'.repeat(32), createdAt: 1 });
    assert.equal(entered.isNew, false);
    assert.deepEqual(entered.identity, { format: 1, id: FACTS.id, createdAt: FACTS.createdAt });
    await entered.release();
    assert.deepEqual((await readdir(folder)).sort(), PARTS);
  });

  test('is not made with an id that is none', async (t) => {
    const folder = await temporaryFolder(t);
    await assert.rejects(enterFolder(folder, { ...FACTS, id: 'my jobs' }), INVALID);
    assert.equal((await enter(t, folder)).isNew, true);
  });

  test('is refused while it is entered, and given up when entering fails', async (t) => {
    const folder = await temporaryFolder(t);
    const entered = await enter(t, folder);
    await assert.rejects(enterFolder(folder, FACTS), { code: 'HOLDFAST_IN_USE' });
    await entered.release();
    await rm(path.join(folder, 'witness'));
    await assert.rejects(enterFolder(folder, FACTS), DAMAGED);
    await assert.rejects(enterFolder(folder, FACTS), DAMAGED);
  });
});

describe('what is not ours is refused and not touched', () => {
  test('a folder with files of somebody else', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(path.join(folder, 'letter.txt'), 'Dear reader');
    await assertRefused(folder, { ...INVALID, message: new RegExp(`${folder} .*letter\\.txt`) });
  });

  test('a folder of somebody else that has a log too', async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(path.join(folder, 'log'));
    await writeFile(path.join(folder, 'access.conf'), '');
    await assertRefused(folder, INVALID);
  });

  test('a folder of a newer version', async (t) => {
    const folder = await madeFolder(t);
    const identity = { format: 2, shards: ['a', 'b'] };
    await writeFile(path.join(folder, 'holdfast.json'), JSON.stringify(identity));
    await rm(path.join(folder, 'witness'));
    await assertRefused(folder, { code: 'HOLDFAST_FORMAT', found: 2, supported: 1 });
  });
});

describe('a part that is missing is damage with a name, and nothing is made in its place', () => {
  for (const part of ['log', 'log/CURRENT', 'witness']) {
    test(part, async (t) => {
      const folder = await madeFolder(t);
      const lost = path.join(folder, part);
      await rm(lost, { recursive: true });
      await assertRefused(folder, { ...DAMAGED, where: lost });
    });
  }

  test('holdfast.json, when the log has frames', async (t) => {
    const folder = await madeFolder(t);
    const lost = path.join(folder, 'holdfast.json');
    await rm(lost);
    await assert.rejects(enterFolder(folder, FACTS), { ...DAMAGED, where: lost, what: /frames/ });
    assert.deepEqual((await readdir(folder)).sort(), ['log', 'witness']);
    const store = await openLevelStore(path.join(folder, 'log'), KEEP);
    assert.deepEqual(await numbers(store.scan()), [1, 2, 3]);
    await store.close();
  });

  test('holdfast.json, when the log is empty but its witness saw frames', async (t) => {
    const folder = await madeFolder(t, 0);
    const witness = await openWitness(path.join(folder, 'witness'));
    await witness.write(7, 1234);
    await witness.close();
    const lost = path.join(folder, 'holdfast.json');
    await rm(lost);
    await assert.rejects(enterFolder(folder, FACTS), { ...DAMAGED, where: lost, what: /witness/ });
    assert.deepEqual((await readdir(folder)).sort(), ['log', 'witness']);
  });

  test('holdfast.json and the log’s CURRENT', async (t) => {
    const folder = await madeFolder(t);
    await rm(path.join(folder, 'holdfast.json'));
    await rm(path.join(folder, 'log', 'CURRENT'));
    await assertRefused(folder, { ...DAMAGED, where: path.join(folder, 'log', 'CURRENT') });
  });

  test('a witness that is cut off', async (t) => {
    const folder = await madeFolder(t);
    await truncate(path.join(folder, 'witness'), 100);
    await assertRefused(folder, { ...DAMAGED, where: path.join(folder, 'witness') });
  });
});

describe('a path that leads nowhere is told with the path', () => {
  const PATHS: readonly [name: string, code: string, make: (parent: string) => Promise<string>][] = [
    ['nothing', 'HOLDFAST_INVALID_ARGUMENT', async () => ''],
    ['a path with a zero byte', 'HOLDFAST_INVALID_ARGUMENT', async () => 'jobs\0'],
    [
      'a file',
      'HOLDFAST_INVALID_ARGUMENT',
      async (parent) => {
        await writeFile(path.join(parent, 'file'), '');
        return path.join(parent, 'file');
      },
    ],
    [
      'a path through a file',
      'HOLDFAST_INVALID_ARGUMENT',
      async (parent) => {
        await writeFile(path.join(parent, 'file'), '');
        return path.join(parent, 'file', 'jobs');
      },
    ],
    [
      'a link that leads nowhere',
      'HOLDFAST_INVALID_ARGUMENT',
      async (parent) => {
        await symlink(path.join(parent, 'gone'), path.join(parent, 'link'));
        return path.join(parent, 'link');
      },
    ],
    [
      'a link to itself',
      'HOLDFAST_INVALID_ARGUMENT',
      async (parent) => {
        await symlink(path.join(parent, 'loop'), path.join(parent, 'loop'));
        return path.join(parent, 'loop');
      },
    ],
    ['a name that is too long', 'HOLDFAST_STORE_UNAVAILABLE', async (parent) => path.join(parent, 'x'.repeat(300))],
  ];
  for (const [name, code, make] of PATHS) {
    test(name, async (t) => {
      const parent = await temporaryFolder(t);
      const given = await make(parent);
      const before = await readdir(parent);
      await assert.rejects(enterFolder(given, FACTS), (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message);
        if (given.startsWith('/')) assert.ok(error.message.includes(given), error.message);
        return true;
      });
      assert.deepEqual(await readdir(parent), before);
    });
  }

  test('something that is no path at all', async () => {
    for (const given of [undefined, null, 7, {}]) {
      await assert.rejects(enterFolder(given as string, FACTS), INVALID);
    }
  });
});

describe('a creation that was interrupted', () => {
  const STAGES: readonly [name: string, leave: (folder: string) => Promise<void>][] = [
    ['before anything was made', async (folder) => rm(folder, { recursive: true })],
    [
      'while the log was being made',
      async (folder) => {
        await rm(folder, { recursive: true });
        await mkdir(path.join(folder, 'creating.123.456'), { recursive: true });
        await writeFile(path.join(folder, 'creating.123.456', 'MANIFEST-000001'), 'half');
      },
    ],
    [
      'before the witness',
      async (folder) => {
        await rm(path.join(folder, 'holdfast.json'));
        await rm(path.join(folder, 'witness'));
        await writeFile(path.join(folder, 'witness.new'), 'half');
      },
    ],
    [
      'before holdfast.json',
      async (folder) => {
        await rm(path.join(folder, 'holdfast.json'));
        await writeFile(path.join(folder, 'holdfast.json.new'), '{"format":1,');
        await writeFile(path.join(folder, 'owner.123.456.789'), '');
      },
    ],
  ];
  for (const [name, leave] of STAGES) {
    test(`${name} is finished by the next one`, async (t) => {
      const folder = await madeFolder(t, 0);
      await leave(folder);
      const id = 'a'.repeat(32);
      const entered = await enterFolder(folder, { ...FACTS, id });
      t.after(() => entered.release());
      assert.equal(entered.isNew, true);
      assert.equal(entered.identity.id, id);
      await writeFrames(entered.logPath, 2);
      await entered.sweep();
      await entered.release();
      assert.deepEqual((await readdir(folder)).sort(), PARTS);
      assert.equal((await enter(t, folder)).identity.id, id);
    });
  }
});

test('a copy of a folder is a folder of its own', async (t) => {
  const folder = await madeFolder(t);
  const copy = `${folder}.copy`;
  await cp(folder, copy, { recursive: true });
  await enter(t, folder);
  assert.equal((await enter(t, copy)).identity.id, FACTS.id);
});
