/** The parts of a folder: which of them are ours, in what order they come into being, and what is said of others. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { type ClaimedFolder, enterFolder, prepareFolder, syncDatabase } from '../../src/log/folder.ts';
import { processName } from '../../src/log/guard.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { openWitness } from '../../src/log/witness.ts';
import { frame } from './store-laws.ts';
import { FACTS } from './storage-process.ts';
import { openIn, temporaryFolder } from './temporary-folder.ts';

const DAMAGED = { code: 'HOLDFAST_DAMAGED' };
const INVALID = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'folder' };
const UNAVAILABLE = { code: 'HOLDFAST_STORE_UNAVAILABLE' };
const KEEP = { durability: 'os', createIfMissing: false } as const;
const PARTS = ['holdfast.json', 'log', 'witness'];

/** A new folder that is entered. */
async function made(t: TestContext): Promise<{ folder: string; entered: ClaimedFolder }> {
  const folder = path.join(await temporaryFolder(t), 'jobs');
  const entered = await enterFolder(folder, FACTS);
  t.after(() => entered.release());
  return { folder, entered };
}

describe('a path is refused', () => {
  test('with what it is instead of a folder', async (t) => {
    const parent = await temporaryFolder(t);
    await writeFile(path.join(parent, 'file'), '');
    await symlink('nowhere', path.join(parent, 'gone'));
    await symlink('loop', path.join(parent, 'loop'));
    const known: [string, string][] = [
      ['file', 'a file'],
      ['file/jobs', 'a path that leads through a file'],
      ['gone', 'a link that leads nowhere'],
      ['loop', 'a link that leads to itself'],
    ];
    for (const [name, what] of known) {
      const given = path.join(parent, name);
      const message = new RegExp(`${given} to be a folder.*${what}`);
      await assert.rejects(enterFolder(given, FACTS), { ...INVALID, message });
    }
    const long = path.join(parent, 'x'.repeat(300));
    await assert.rejects(enterFolder(long, FACTS), { ...UNAVAILABLE, message: /cannot read the folder / });
    for (const given of ['', 'a\0b', 7]) {
      await assert.rejects(enterFolder(given as string, FACTS), { ...INVALID, message: /the path of a folder/ });
    }
  });

  test('when it holds what is not ours, whatever else it holds', async (t) => {
    const ours = [
      'log',
      'witness',
      'reserve',
      'witness.new',
      'holdfast.json.new',
      'creating.1.2',
      'owner.999999999.2.3',
    ];
    for (const foreign of [...ours.map((name) => `${name}x`), ...ours.map((name) => `x${name}`), 'reserve.new']) {
      const folder = await temporaryFolder(t);
      for (const name of [...ours, foreign]) await writeFile(path.join(folder, name), '');
      const message = new RegExp(`${folder} to be empty or made by holdfast.*a folder that holds ${foreign}`);
      await assert.rejects(enterFolder(folder, FACTS), { ...INVALID, message });
      assert.equal((await readdir(folder)).length, ours.length + 1);
    }
  });
});

describe('a folder', () => {
  test('is prepared by who has claimed it, once', async (t) => {
    const folder = await temporaryFolder(t);
    const first = await prepareFolder(folder, FACTS);
    const { identity, ...places } = first;
    assert.deepEqual(identity, { format: 1, id: FACTS.id, createdAt: FACTS.createdAt });
    assert.deepEqual(
      { ...places, identityPath: path.join(folder, 'holdfast.json') },
      {
        ...{ path: folder, isNew: true, identityPath: path.join(folder, 'holdfast.json') },
        ...{ logPath: path.join(folder, 'log'), witnessPath: path.join(folder, 'witness') },
        reservePath: path.join(folder, 'reserve'),
      },
    );
    assert.deepEqual(await readdir(folder), PARTS);
    assert.deepEqual(await openIn(folder), [], 'nothing of it is open');
    assert.deepEqual(
      { ...(await prepareFolder(folder, { ...FACTS, id: 'f'.repeat(32) })) },
      { ...first, isNew: false },
    );
    assert.deepEqual(await openIn(folder), []);
  });

  test('is of its user alone, and so is what is being made in it', async (t) => {
    const { folder } = await made(t);
    if (process.platform !== 'win32') assert.equal((await stat(path.join(folder, 'log'))).mode & 0o777, 0o700);
  });

  test('is made also where the same process was once interrupted', async (t) => {
    const folder = await temporaryFolder(t);
    const unfinished = path.join(folder, `creating.${processName(FACTS.processStartedAt)}`);
    await mkdir(unfinished);
    await writeFile(path.join(unfinished, 'MANIFEST-000001'), 'half');
    assert.equal((await prepareFolder(folder, FACTS)).isNew, true);
    assert.deepEqual(await readdir(folder), PARTS);
  });

  test('whose log is a link that leads nowhere is damaged, and nothing is made in its place', async (t) => {
    const folder = await temporaryFolder(t);
    const where = path.join(folder, 'log');
    await symlink('nowhere/at/all', where);
    await assert.rejects(prepareFolder(folder, FACTS), { ...DAMAGED, where });
    assert.deepEqual(await readdir(folder), ['log']);
  });

  test('without its identity is not taken for a new one when it has been used', async (t) => {
    const { folder, entered } = await made(t);
    await rm(path.join(folder, 'holdfast.json'));
    const where = path.join(folder, 'holdfast.json');
    const witness = await openWitness(entered.witnessPath);
    await witness.write(7, 1);
    await witness.close();
    const seen = 'it is missing, but the witness saw frame 7';
    await assert.rejects(prepareFolder(folder, FACTS), { ...DAMAGED, where, what: seen });
    const store = await openLevelStore(entered.logPath, KEEP);
    await store.write([frame(3), frame(4)], undefined);
    await store.close();
    const has = 'it is missing, but the log has frames from 3';
    await assert.rejects(prepareFolder(folder, FACTS), { ...DAMAGED, where, what: has });
    assert.deepEqual(await openIn(folder), []);
  });

  test('is swept of what killed processes were making, and of nothing else', async (t) => {
    const { folder, entered } = await made(t);
    const running = `creating.${process.ppid}.5`;
    for (const name of [running, 'creating.999999999.5', 'creating.999999999', 'xcreating.999999999.5']) {
      await mkdir(path.join(folder, name));
      await writeFile(path.join(folder, name, 'file'), '');
    }
    await entered.sweep();
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.includes('creating')),
      ['creating.999999999', running, 'xcreating.999999999.5'].sort(),
    );
    await rm(folder, { recursive: true });
    await assert.rejects(entered.sweep(), UNAVAILABLE);
  });

  test('has a rival in another process that has its file there', async (t) => {
    const { folder, entered } = await made(t);
    assert.equal(await entered.hasRival(), false);
    const { ino } = await stat(folder, { bigint: true });
    await writeFile(path.join(folder, `owner.${process.ppid}.5.${ino}`), '');
    assert.equal(await entered.hasRival(), true);
  });
});

test('a database is made durable file by file, but for its lock; one that went meanwhile is passed over', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(path.join(folder, '000005.ldb'), 'x');
  await symlink('gone', path.join(folder, '000003.log'));
  await mkdir(path.join(folder, 'LOCK'));
  await syncDatabase(folder);
  await mkdir(path.join(folder, 'lost'));
  await assert.rejects(syncDatabase(folder), { code: 'EISDIR' });
  await assert.rejects(syncDatabase(path.join(folder, 'missing')), { code: 'ENOENT' });
  assert.deepEqual(await openIn(folder), []);
});
