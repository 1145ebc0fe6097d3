/** What is said of a folder that is whole, and of one that is not: every word of it, and nothing else. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe, test, type TestContext } from 'node:test';
import type { LogEvent } from '../../src/job/event.ts';
import type { Frame } from '../../src/log/frame.ts';
import { claimFolder } from '../../src/log/guard.ts';
import { verify, type Finding } from '../../src/log/verify.ts';
import { carried, enqueued, NOW } from '../support/log.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { chained, folderOf } from './whole-folder.ts';

const started = (slot: number): LogEvent => ({ kind: 'started', slot, at: NOW, starts: 1 });
/** Three jobs, one of which is gone. */
const JOBS: readonly LogEvent[][] = [
  [enqueued(0), enqueued(1)],
  [started(0)],
  [{ kind: 'completed', slot: 0, at: NOW, result: '7' }],
  [{ kind: 'removed', slot: 0, at: NOW }, enqueued(2)],
];

async function found(folder: string): Promise<{ damage: readonly Finding[]; notes: readonly Finding[]; jobs: number }> {
  const { isSound, damage, notes, jobs } = await verify(folder);
  assert.equal(isSound, damage.length === 0);
  // The frames were written without an engine, which would have made one.
  const [reserve] = notes.filter(({ what }) => what === 'there is no reserve');
  assert.deepEqual(reserve, { where: path.join(folder, 'reserve'), what: 'there is no reserve' });
  return { damage, notes: notes.filter((note) => note !== reserve), jobs };
}

async function logOf(folder: string): Promise<string> {
  const name = (await readdir(path.join(folder, 'log'))).find((candidate) => candidate.endsWith('.log'));
  return path.join(folder, 'log', name ?? '');
}

/** A folder in which only these frames are left. */
async function damageIn(t: TestContext, frames: readonly Frame[], expected: readonly Finding[]): Promise<void> {
  const { damage, jobs } = await found(await folderOf(t, frames));
  assert.deepEqual(damage, expected);
  assert.equal(jobs, 0);
}

describe('a folder that is whole', () => {
  test('is sound, and its frames and jobs are counted', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    await writeFile(path.join(folder, 'reserve'), '');
    assert.deepEqual(await verify(folder), {
      ...{ folder, isSound: true, damage: [], notes: [], frames: 4, jobs: 2 },
    });
  });

  test('may be empty', async (t) => {
    assert.deepEqual(await found(await folderOf(t, [])), { damage: [], notes: [], jobs: 0 });
  });

  test('is read with word of how far that is: its files, and every thousandth job', async (t) => {
    const many = Array.from({ length: 1_001 }, (_, slot) => enqueued(slot, { payload: undefined }));
    const folder = await folderOf(t, chained([many.slice(0, 500), many.slice(500)]));
    const told: unknown[] = [];
    await verify(folder, { onProgress: (progress) => told.push(progress) });
    assert.deepEqual(told.slice(-2), [
      { step: 'jobs', done: 0, total: 1_001 },
      { step: 'jobs', done: 1_000, total: 1_001 },
    ]);
    assert.deepEqual(told[0], { step: 'files', done: 0, total: told.length - 2 });
  });

  test('may hold what killed processes left, which is named', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const left = ['creating.7.8', 'holdfast.json.new', 'owner.999999999.8.9', 'witness.new'];
    for (const name of left) await writeFile(path.join(folder, name), '');
    for (const name of ['xcreating.7.8', 'creating.7.8x', 'x.new.y']) await writeFile(path.join(folder, name), '');
    const { damage, notes } = await found(folder);
    assert.deepEqual(damage, []);
    const what = 'left behind by a process that was killed';
    const byName = notes.toSorted((a, b) => (a.where < b.where ? -1 : 1));
    assert.deepEqual(
      byName,
      left.map((name) => ({ where: path.join(folder, name), what })),
    );
  });

  test('may end in a write that was cut off, which is a note', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const file = await logOf(folder);
    const { length } = await readFile(file);
    await appendFile(file, Buffer.from([1, 2, 3, 4, 200, 0, 1, 9]));
    const { damage, notes } = await found(folder);
    assert.deepEqual(damage, []);
    assert.deepEqual(notes, [{ where: `${file}, byte ${length}`, what: 'the file ends in the middle of a record' }]);
  });
});

describe('no folder', () => {
  test('is what is missing, or no path at all', async (t) => {
    const missing = path.join(await temporaryFolder(t), 'missing');
    for (const folder of [missing, '', undefined, 7]) {
      await assert.rejects(verify(folder as string), { code: 'HOLDFAST_INVALID_ARGUMENT', field: 'folder' });
    }
    await assert.rejects(verify(''), { message: /the path of a folder/ });
  });

  test('is looked at while an engine has it', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const claim = await claimFolder(folder, performance.timeOrigin);
    await assert.rejects(verify(folder), { code: 'HOLDFAST_IN_USE', folder });
    await claim.release();
    assert.deepEqual((await found(folder)).damage, []);
  });
});

describe('damage', () => {
  test('is told of what says which folder it is', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const file = path.join(folder, 'holdfast.json');
    await writeFile(file, '{"format":9}');
    const newer = (await found(folder)).damage;
    assert.deepEqual([newer.length, newer[0]?.where], [1, 'holdfast.json']);
    assert.match(newer[0]?.what ?? '', /\b9\b.*\b1\b/);
    await writeFile(file, '{');
    assert.deepEqual((await found(folder)).damage, [{ where: file, what: 'it is not readable as JSON' }]);
    await rm(file);
    assert.deepEqual(await found(folder), { damage: [{ where: file, what: 'it is missing' }], notes: [], jobs: 2 });
    await mkdir(file);
    await assert.rejects(verify(folder), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
  });

  test('is told of a witness that is missing, and of frames that only it has seen', async (t) => {
    const frames = chained(JOBS);
    const short = await folderOf(t, frames.slice(0, 2), frames[3]);
    const missing = 'the frames 3 to 4 are missing from the end of the log';
    const { damage, jobs } = await found(short);
    assert.deepEqual([damage, jobs], [[{ where: path.join(short, 'log'), what: missing }], 2]);
    const witness = path.join(short, 'witness');
    await rm(witness);
    assert.deepEqual((await found(short)).damage, [{ where: witness, what: 'the witness of the log is missing' }]);
  });

  test('is told of a frame that is not the one that was witnessed, also behind the end', async (t) => {
    const frames = chained(JOBS);
    const folder = await folderOf(t, frames, { sequence: 3, chain: 5 });
    const what = 'frame 3 is not the one that was there when the log was witnessed';
    assert.deepEqual((await found(folder)).damage, [{ where: path.join(folder, 'log'), what }]);
  });

  test('is told of frames that are missing in the middle, and the jobs are not counted then', async (t) => {
    const [first, , , last] = chained(JOBS) as [Frame, Frame, Frame, Frame];
    const what = 'the frames 2 to 3 before it are missing';
    await damageIn(t, [first, last], [{ where: 'frame 4 of the log', what }]);
  });

  test('is told of a frame of another log', async (t) => {
    const [first] = chained([[enqueued(7)]]) as [Frame];
    const rest = chained(JOBS).slice(1);
    const what = 'it does not continue the frame before it';
    await damageIn(t, [first, ...rest], [{ where: 'frame 2 of the log', what }]);
  });

  test('is told of a record that cannot be true', async (t) => {
    const what = "a job that is waiting is 'completed' there";
    const frames = chained([[enqueued(0)], [{ kind: 'completed', slot: 0, at: NOW, result: undefined }]]);
    await damageIn(t, frames, [{ where: 'frame 2 of the log', what }]);
  });

  test('is told of bytes in a file, with their place', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const file = await logOf(folder);
    const bytes = await readFile(file);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const { damage } = await found(folder);
    assert.deepEqual(damage[0], { where: `${file}, byte 0`, what: 'bytes whose checksum does not match' });
  });

  test('is told of a log that is not there at all', async (t) => {
    const folder = await folderOf(t, chained(JOBS));
    const location = path.join(folder, 'log');
    await rename(location, `${folder}.away`);
    assert.deepEqual((await found(folder)).damage, [
      { where: location, what: 'the folder of the log is missing' },
      { where: location, what: 'the frames 1 to 4 are missing from the end of the log' },
    ]);
  });
});

describe('what is stored and is not JSON', () => {
  const what = 'a part of it is not the JSON that was stored';
  const BODIES: Record<string, readonly LogEvent[]> = {
    payload: [enqueued(0, { payload: 'not' })],
    checkpoint: [enqueued(0), started(0), { kind: 'checkpointed', slot: 0, at: NOW, checkpoint: 'not' }],
    result: [enqueued(0), started(0), { kind: 'completed', slot: 0, at: NOW, result: 'not' }],
    reason: [enqueued(0), { kind: 'cancelled', slot: 0, at: NOW, reason: 'not' }],
    report: [enqueued(0), started(0), { kind: 'progressed', slot: 0, at: NOW, report: 'not' }],
    error: [enqueued(0), started(0), { kind: 'failed', slot: 0, at: NOW, dueAt: NOW, error: 'not' }],
  };
  for (const [part, events] of Object.entries(BODIES)) {
    test(`is damage of its job: the ${part}`, async (t) => {
      const folder = await folderOf(t, chained([events, [enqueued(1)]]));
      assert.deepEqual(await found(folder), { damage: [{ where: 'the job job:0', what }], notes: [], jobs: 2 });
    });
  }

  test('is damage of what stands beside the jobs, by its name', async (t) => {
    const noted = { kind: 'noted', at: NOW, space: 'schedule', what: 'changed', detail: undefined } as const;
    const events: LogEvent[] = [
      { ...noted, name: 'nightly', value: 'not' },
      { ...noted, name: 'hourly', value: '{}' },
      carried(0, { history: '{"createdAt":1,"errors":[]}' }),
    ];
    const folder = await folderOf(t, chained([events]));
    assert.deepEqual((await found(folder)).damage, [{ where: 'the schedule nightly', what }]);
  });
});
