/** What becomes of a damaged folder: a new one of all that can be proved, and a report of the rest. */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, test, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import type { LogEvent } from '../../src/job/event.ts';
import { sequenceOf, type Frame } from '../../src/log/frame.ts';
import { claimFolder } from '../../src/log/guard.ts';
import { readJobNow } from '../../src/log/history.ts';
import { openLevelStore } from '../../src/log/level-store.ts';
import { repair, type RepairReport } from '../../src/log/repair.ts';
import { replay, type Replayed } from '../../src/log/replay.ts';
import { verify } from '../../src/log/verify.ts';
import { readWitness } from '../../src/log/witness.ts';
import { enqueued, NOW } from '../support/log.ts';
import { chained, folderOf } from './whole-folder.ts';

const INVALID = { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'to' };
const noted = { kind: 'noted', at: NOW, space: 'schedule', what: 'changed', detail: undefined } as const;
const COMMITS: readonly LogEvent[][] = [
  [enqueued(0, { payload: '{"to":"a"}' }), { ...noted, name: 'nightly', value: '{"at":3}' }],
  [enqueued(1)],
  [{ kind: 'started', slot: 0, at: NOW, starts: 1 }],
  [{ kind: 'checkpointed', slot: 0, at: NOW, checkpoint: '5' }, enqueued(2)],
];

/** Repairs the folder beside itself. */
async function repaired(from: string): Promise<RepairReport> {
  return repair(from, { to: `${from}.new` });
}

/** What is in the log of a folder at rest. */
async function contentOf(t: TestContext, folder: string): Promise<Replayed> {
  const store = await openLevelStore(path.join(folder, 'log'), { durability: 'os', createIfMissing: false });
  t.after(() => store.close());
  return replay(store, 1 << 20);
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    if ((await stat(file)).isFile()) content[name] = await readFile(file, 'latin1');
  }
  return content;
}

async function idOf(folder: string): Promise<string> {
  return JSON.parse(await readFile(path.join(folder, 'holdfast.json'), 'utf8')).id as string;
}

describe('a folder that is repaired', () => {
  test('has everything when nothing was damaged, and an id of its own; the other is left as it is', async (t) => {
    const from = await folderOf(t, chained(COMMITS));
    const before = await filesOf(from);
    const report = await repaired(from);
    assert.deepEqual(report, {
      ...{ from, to: `${from}.new`, damage: [], jobs: 3, uncertain: [], entries: 1, uncertainEntries: [] },
      ...{ lost: [], missing: [], frames: 4 },
    });
    assert.deepEqual(await filesOf(from), before);
    assert.notEqual(await idOf(from), await idOf(report.to));
    const { isSound, jobs } = await verify(report.to);
    assert.deepEqual([isSound, jobs], [true, 3]);
    const { log, wasClosed } = await contentOf(t, report.to);
    assert.equal(wasClosed, true);
    const slot = log.table.ids.find('job:0');
    const { home, history } = readJobNow(log, slot);
    assert.deepEqual([home.payload, history.checkpoint, log.table.stateOf(slot)], ['{"to":"a"}', '5', 'running']);
    assert.equal(log.table.entries.get('schedule', 'nightly')?.value, '{"at":3}');
  });

  test('goes on behind all that ever was, and its witness knows how far it goes', async (t) => {
    const frames = chained(COMMITS);
    for (const [from, first] of [
      [await folderOf(t, frames), 5],
      [await folderOf(t, frames.slice(0, 3), { sequence: 10, chain: 1 }), 11],
    ] as const) {
      const { to } = await repaired(from);
      const { log } = await contentOf(t, to);
      assert.equal(log.ledger.head, first);
      assert.deepEqual(await readWitness(path.join(to, 'witness')), log.witnessed);
      assert.equal(log.witnessed.sequence, first);
    }
  });

  test('is made from the frames alone when there is no witness', async (t) => {
    const from = await folderOf(t, chained(COMMITS));
    const witness = path.join(from, 'witness');
    await rm(witness);
    const report = await repaired(from);
    assert.deepEqual(report.damage, [{ where: witness, what: 'the witness of the log is missing' }]);
    assert.deepEqual([report.jobs, report.missing], [3, []]);
    assert.equal((await contentOf(t, report.to)).log.ledger.head, 5);
    const single = await folderOf(t, chained([[enqueued(0)]], 7));
    await rm(path.join(single, 'witness'));
    assert.equal((await contentOf(t, (await repaired(single)).to)).log.ledger.head, 8);
  });

  test('names what is uncertain and what is lost', async (t) => {
    const [, second, third] = chained(COMMITS) as [Frame, Frame, Frame, Frame];
    const from = await folderOf(t, [second, third], { sequence: 4, chain: 0 });
    const { damage, jobs, uncertain, lost, missing, frames } = await repaired(from);
    assert.ok(damage.length > 0);
    assert.deepEqual([jobs, frames], [1, 2]);
    const of = { type: 'email:welcome', queue: 'default' };
    assert.deepEqual(uncertain, [{ id: 'job:1', ...of, state: 'waiting', why: 'outdated' }]);
    assert.deepEqual(lost, [{ id: 'job:0', ...of, lastEvent: 'started' }]);
    assert.deepEqual(missing, [
      { from: 1, to: 1 },
      { from: 4, to: 4 },
    ]);
  });

  test('keeps the order of its jobs, also of more than are written at once', async (t) => {
    const many = Array.from({ length: 1_500 }, (_, slot) => enqueued(slot, { payload: undefined }));
    const from = await folderOf(t, chained([many.slice(0, 500), many.slice(500, 1_000), many.slice(1_000)]));
    const told: unknown[] = [];
    const to = `${from}.new`;
    const report = await repair(from, { to, onProgress: (progress) => told.push(progress) });
    assert.equal(report.jobs, 1_500);
    assert.equal((await repair(to, { to: `${to}.again` })).jobs, 1_500, 'nobody need be told');
    assert.deepEqual(told.at(-1), { step: 'jobs', done: 1_000, total: 1_500 });
    const { log, frameCount } = await contentOf(t, to);
    assert.ok(frameCount > 1);
    const orders = many.map(({ id }) => log.table.orderOf(log.table.ids.find(id)));
    assert.deepEqual(
      orders,
      orders.toSorted((a, b) => a - b),
    );
    assert.equal(sequenceOf(orders[700] as number), 2, 'it is what it was');
  });
});

describe('a repair is refused', () => {
  test('without a path for the new folder', async (t) => {
    const from = await folderOf(t, chained(COMMITS));
    for (const options of [undefined, {}, { to: '' }, { to: 7 }]) {
      await assert.rejects(repair(from, options as { to: string }), {
        ...{ ...INVALID, message: /the path of a folder/ },
      });
    }
  });

  test('into the damaged folder itself, below it, and into one that holds something', async (t) => {
    const from = await folderOf(t, chained(COMMITS));
    const before = await filesOf(from);
    for (const to of [from, path.join(from, 'new'), path.dirname(from), path.join(from, 'witness')]) {
      await assert.rejects(repair(from, { to }), INVALID, to);
    }
    const file = `${from}.file`;
    await writeFile(file, '');
    await assert.rejects(repair(from, { to: file }), INVALID);
    assert.deepEqual(await filesOf(from), before);
  });

  test('while an engine has the folder', async (t) => {
    const from = await folderOf(t, chained(COMMITS));
    const claim = await claimFolder(from, performance.timeOrigin);
    await assert.rejects(repaired(from), { code: 'HOLDFAST_IN_USE' });
    await claim.release();
    assert.equal((await repaired(from)).jobs, 3);
  });

  test('of what a newer version made, of which half would be thrown away', async (t) => {
    const known = await folderOf(t, chained(COMMITS));
    await writeFile(path.join(known, 'holdfast.json'), '{"format":9}');
    await assert.rejects(repaired(known), { code: 'HOLDFAST_FORMAT', found: 9 });
    const frames = chained(COMMITS);
    const bytes = Buffer.from((frames[2] as Frame).bytes);
    bytes[7] = 9;
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
    const other = await folderOf(t, frames.with(2, { ...(frames[2] as Frame), bytes }));
    await assert.rejects(repaired(other), { code: 'HOLDFAST_FORMAT', found: 9, where: 'frame 3 of the log' });
    for (const folder of [known, other])
      assert.deepEqual(await readdir(path.dirname(folder)), ['jobs'], 'nothing is left of it');
  });
});

test('a folder whose identity is unreadable is repaired all the same', async (t) => {
  const from = await folderOf(t, chained(COMMITS));
  await writeFile(path.join(from, 'holdfast.json'), '{');
  const { damage, jobs } = await repaired(from);
  assert.deepEqual([damage.length, jobs], [1, 3]);
});
