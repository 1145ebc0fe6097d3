/** Never two writers: whoever comes second is refused, by whatever way it comes, and costs the first one nothing. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { open } from '../../src/index.ts';
import { killed, openInProcess, openInThread } from './opener.ts';
import { raceOften } from './races.ts';

const IN_USE = 'HOLDFAST_IN_USE';
const OPTIONS = { keepAlive: false, reserveBytes: 65_536 } as const;

function temporaryFolder(t: TestContext): string {
  const base = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'holdfast-two-')));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  return base;
}

test('whoever opens an open folder is refused by every way to it, and the first one keeps its lock', async (t) => {
  const base = temporaryFolder(t);
  const folder = path.join(base, 'jobs');
  await using engine = await open(folder, OPTIONS);
  symlinkSync(folder, path.join(base, 'link'));
  mkdirSync(path.join(base, 'sub'));
  const ways = [folder, `${folder}/`, path.join(base, 'link'), path.relative('.', folder), `${base}/sub/../jobs`];
  for (const way of ways) await assert.rejects(open(way, OPTIONS), { code: IN_USE }, way);
  assert.deepEqual(await openInThread({ folder, tries: 2 }), [IN_USE, IN_USE]);
  // LevelDB loses its lock at a second attempt from the same process; here it must still hold.
  const { child, answer } = await openInProcess({ folder: path.join(base, 'link'), tries: 2 });
  await killed(child);
  assert.deepEqual(answer, [IN_USE, IN_USE]);
  const { id } = await engine.enqueue('nobody');
  assert.equal((await engine.get(id))?.state, 'waiting');
});

test('a folder that somebody works in is never taken for damaged, nor put aside', async (t) => {
  const folder = path.join(temporaryFolder(t), 'jobs');
  const { child } = await openInProcess({ folder, tries: 1, works: true });
  t.after(() => killed(child));
  const { child: second, answer } = await openInProcess({ folder, tries: 60, onDamage: 'salvage' });
  await killed(second);
  assert.deepEqual(new Set(answer), new Set([IN_USE]));
  assert.deepEqual(readdirSync(path.dirname(folder)), ['jobs']);
});

test('of several processes that open a folder at the same moment one gets it, again and again', async () => {
  assert.deepEqual(await raceOften(4, 3), []);
});

test('a killed owner is in nobody’s way, not even when its process id is used again', async (t) => {
  const folder = path.join(temporaryFolder(t), 'jobs');
  const { child } = await openInProcess({ folder, tries: 1 });
  await killed(child);
  // The id of a process that runs, with the start of another one.
  writeFileSync(
    path.join(folder, `owner.${process.ppid}.1234567890123456.${statSync(folder, { bigint: true }).ino}`),
    '',
  );
  await using engine = await open(folder, OPTIONS);
  await engine.enqueue('nobody');
  assert.equal(readdirSync(folder).filter((name) => name.startsWith(`owner.${child.pid}.`)).length, 0);
});
