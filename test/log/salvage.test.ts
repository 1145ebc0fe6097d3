/** What is made of frames of which some are gone: all that can be proved, nothing else unnamed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTRY_SPACES } from '../../src/job/entries.ts';
import type { Carried, JobEvent, LogEvent, Noted } from '../../src/job/event.ts';
import { carriedOf } from '../../src/log/carried.ts';
import { readFrame, sequenceOf, type Frame } from '../../src/log/frame.ts';
import { readJobNow } from '../../src/log/history.ts';
import type { Log } from '../../src/log/log.ts';
import { salvage, type MissingFrames } from '../../src/log/salvage.ts';
import { carried, enqueued, NOW, openLog, rowsOf } from '../support/log.ts';
import { LogDriver } from '../support/log-driver.ts';
import { chained } from './whole-folder.ts';

interface Made {
  readonly log: Log;
  readonly frames: readonly Frame[];
  /** Every job as it would be carried. */
  readonly truth: ReadonlyMap<string, Carried>;
}

async function make(seed: number): Promise<Made> {
  const driver = await LogDriver.open({ seed, slackBytes: 3_000, mostJobs: 25 });
  for (let n = 0; n < 600; n++) {
    driver.act();
    if (driver.pick(4) === 0) await driver.commit();
  }
  await driver.commit();
  const log = await openLog(driver.frames);
  const truth = new Map<string, Carried>();
  for (const [slot, row] of rowsOf(log.table)) {
    const { home, history } = readJobNow(log, slot);
    truth.set(row.id, carriedOf(0, row, home, history, NOW));
  }
  return { log, truth, frames: [...driver.frames].map(([sequence, bytes]) => readFrame(bytes, sequence)) };
}

/** What is missing of `frames`: those trimmed by a mark that is missing itself count as missing too, and stand before them. */
function missingFrom(frames: readonly Frame[], missing: readonly MissingFrames[]): MissingFrames[] {
  return missing.filter(({ to }) => to >= (frames[0]?.sequence ?? 0));
}

function essence({ slot: _slot, at: _at, ...job }: Carried): Omit<Carried, 'slot' | 'at'> {
  return job;
}

const valuesOf = (entries: readonly Noted[]): Map<string, string> =>
  new Map(entries.map(({ space, name, value }) => [`${space}/${name}`, value]));
const valuesIn = ({ table }: Log): Map<string, string> =>
  new Map(
    ENTRY_SPACES.flatMap((space) =>
      Array.from(table.entries.in(space), ({ name, value }): [string, string] => [`${space}/${name}`, value]),
    ),
  );

describe('salvage', () => {
  test('of a whole log gives every job as it is, in order, and names nothing', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { frames, truth, log } = await make(seed);
      const { jobs, uncertain, entries, uncertainEntries, lost, missing } = salvage(
        frames,
        log.witnessed.sequence,
        NOW,
      );
      assert.deepEqual(
        { uncertain, uncertainEntries, lost, missing },
        { uncertain: [], uncertainEntries: [], lost: [], missing: [] },
      );
      assert.deepEqual(valuesOf(entries), valuesIn(log));
      assert.deepEqual(
        new Map(jobs.map((job) => [job.id, essence(job)])),
        new Map([...truth].map(([id, job]) => [id, essence(job)])),
      );
      const orders = jobs.map(({ order }) => order);
      assert.deepEqual(
        orders,
        orders.toSorted((a, b) => a - b),
      );
      assert.deepEqual(
        jobs.map(({ slot }) => slot),
        jobs.map((_job, n) => n),
      );
    }
  });

  test('of a log with gaps gives jobs as they are, or names them', async () => {
    let uncertainCount = 0;
    let lostCount = 0;
    let entryCount = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const { frames, truth, log } = await make(seed);
      const from = seed % frames.length;
      const gap = new Set(frames.slice(from, from + 1 + (seed % 7)).map(({ sequence }) => sequence));
      const left = frames.filter(({ sequence }) => !gap.has(sequence));
      const { jobs, uncertain, entries, uncertainEntries, lost, missing } = salvage(left, log.witnessed.sequence, NOW);
      const [first, last] = [Math.min(...gap), Math.max(...gap)];
      const unsure = new Set(uncertainEntries.map(({ space, name }) => `${space}/${name}`));
      const held = valuesIn(log);
      for (const [key, value] of valuesOf(entries)) {
        if (!unsure.has(key)) assert.equal(held.get(key), value, `seed ${seed}: ${key}`);
        else entryCount++;
      }
      assert.deepEqual(missingFrom(frames, missing), [{ from: first, to: last }], `seed ${seed}`);
      const named = new Set([...uncertain, ...lost].map(({ id }) => id));
      for (const job of jobs) {
        const was = truth.get(job.id);
        // One that had been forgotten may be back, if that record is missing; and one that had ended before it was revived.
        const hasEnded = ['completed', 'cancelled', 'dead'].includes(job.state);
        if (named.has(job.id) || (hasEnded && sequenceOf(job.order) < last)) continue;
        assert.deepEqual(was && essence(was), essence(job), `seed ${seed}`);
      }
      const there = new Set(jobs.map(({ id }) => id));
      for (const [id, job] of truth) {
        const wasWhollyInGap = sequenceOf(job.order) <= last;
        assert.ok(there.has(id) || named.has(id) || wasWhollyInGap, `seed ${seed}: ${id}`);
      }
      uncertainCount += uncertain.length;
      lostCount += lost.length;
    }
    assert.ok(uncertainCount > 50 && lostCount > 5, `${uncertainCount} uncertain, ${lostCount} lost`);
    assert.ok(entryCount > 50, `${entryCount} uncertain entries`);
  });

  test('of a log without its end names every job that had not ended', async () => {
    const { frames, log } = await make(3);
    const left = frames.slice(0, -2);
    const { jobs, uncertain, missing } = salvage(left, log.witnessed.sequence, NOW);
    const end = left.at(-1)?.sequence ?? 0;
    assert.deepEqual(missingFrom(frames, missing), [{ from: end + 1, to: end + 2 }]);
    const open = jobs.filter(({ state }) => state === 'waiting' || state === 'running');
    assert.deepEqual(new Set(uncertain.map(({ id }) => id)), new Set(open.map(({ id }) => id)));
    assert.ok(open.length > 0);
  });

  test('of nothing is nothing', () => {
    assert.deepEqual(salvage([], 0, NOW), {
      ...{ jobs: [], uncertain: [], entries: [], uncertainEntries: [] },
      ...{ lost: [], missing: [] },
    });
    assert.deepEqual(salvage([], 7, NOW).missing, [{ from: 1, to: 7 }]);
  });
});

/** What is made of a log with one event in each frame, of which some frames are lost. */
function without(lost: readonly number[], events: readonly LogEvent[]) {
  const frames = chained(events.map((event) => [event]));
  return salvage(
    frames.filter(({ sequence }) => !lost.includes(sequence)),
    events.length,
    NOW,
  );
}

describe('between two records of a job whose neighbours are lost', () => {
  const started = (starts: number): JobEvent => ({ kind: 'started', slot: 0, at: NOW, starts });
  const completed: JobEvent = { kind: 'completed', slot: 0, at: NOW, result: '1' };
  const failed: JobEvent = { kind: 'failed', slot: 0, at: NOW, dueAt: NOW, error: undefined };
  const revived: JobEvent = { kind: 'revived', slot: 0, at: NOW, dueAt: NOW, keepAttempts: true };
  const cancelled: JobEvent = { kind: 'cancelled', slot: 0, at: NOW, reason: undefined };
  const removed: JobEvent = { kind: 'removed', slot: 0, at: NOW };
  const checkpointed: JobEvent = { kind: 'checkpointed', slot: 0, at: NOW, checkpoint: '5' };
  type Case = [sentence: string, events: JobEvent[], lost: number[], left: Partial<Carried>];
  const CASES: Case[] = [
    ['it was started before it ended', [enqueued(0), started(1), completed], [2], { state: 'completed', starts: 1 }],
    [
      'it was interrupted before it was started again',
      [enqueued(0), started(1), failed, started(2)],
      [3],
      { state: 'running', starts: 2, interrupts: 1, attempts: 0 },
    ],
    [
      'it was revived before it was started again',
      [enqueued(0), cancelled, revived, started(1)],
      [3],
      { state: 'running', starts: 1 },
    ],
    [
      'it was revived and started before it ended again',
      [enqueued(0), started(1), completed, revived, started(2), completed],
      [4, 5],
      { state: 'completed', starts: 2 },
    ],
    [
      'it was revived and started before it saved',
      [enqueued(0), cancelled, revived, started(1), checkpointed],
      [3, 4],
      { state: 'running', starts: 1, hasCheckpoint: true },
    ],
    [
      'it was cancelled before it was revived, while it ran',
      [enqueued(0), started(1), completed, revived],
      [3],
      { state: 'waiting', starts: 1, interrupts: 0 },
    ],
    ['it was cancelled before it was revived', [enqueued(0), cancelled, revived], [2], { state: 'waiting', starts: 0 }],
    ['only counts are missing', [enqueued(0), started(1), failed, started(2)], [2, 3], { state: 'running', starts: 2 }],
  ];
  for (const [sentence, events, lost, expected] of CASES) {
    test(`${sentence}, at the least`, () => {
      const { jobs, uncertain } = without(lost, [...events, enqueued(1)]);
      const [job] = jobs as readonly [Carried];
      const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, job[key as keyof Carried]]));
      assert.deepEqual(seen, expected);
      const { id, type, queue, state } = job;
      assert.deepEqual(uncertain, [{ id, type, queue, state, why: 'incomplete' }]);
    });
  }

  test('nothing is uncertain when only others have lost some', () => {
    const { uncertain } = without([2], [enqueued(0), enqueued(1), started(1), completed]);
    assert.deepEqual(uncertain, []);
  });

  test('it ended, if its removal is there: it is gone, and nobody names it', () => {
    for (const lost of [[3], [2, 3]]) {
      const { jobs, uncertain } = without(lost, [enqueued(0), started(1), completed, removed]);
      assert.deepEqual([jobs, uncertain], [[], []]);
    }
  });

  test('it was removed, if its id begins again', () => {
    const events: LogEvent[] = [enqueued(0), removed, enqueued(0, { payload: '2' }), enqueued(1)];
    const { jobs, uncertain } = without([2], events);
    assert.deepEqual(
      jobs.map(({ id, payload }) => [id, payload]),
      [
        ['job:0', '2'],
        ['job:1', '{}'],
      ],
    );
    assert.deepEqual(uncertain, []);
  });

  test('it is one job when it was carried, though the mark that allows it is lost', () => {
    const home = carried(0, { state: 'waiting', payload: '3' });
    const { jobs, uncertain, lost } = without([3], [enqueued(0), home, { kind: 'trimmed', at: NOW, head: 2 }]);
    assert.deepEqual(
      jobs.map(({ id, payload }) => [id, payload]),
      [['job:0', '3']],
    );
    assert.deepEqual(lost, []);
    assert.equal(uncertain[0]?.why, 'outdated');
  });
});

describe('a job whose beginning is lost', () => {
  const started: JobEvent = { kind: 'started', slot: 0, at: NOW, starts: 1 };

  test('is named with the last that is known of it', () => {
    const cancelled: JobEvent = { kind: 'cancelled', slot: 0, at: NOW, reason: undefined };
    assert.deepEqual(without([1], [enqueued(0), started, cancelled]).lost, [
      { id: 'job:0', type: 'email:welcome', queue: 'default', lastEvent: 'cancelled' },
    ]);
  });

  test('is not named when it was removed, or carried later', () => {
    const cancelled: JobEvent = { kind: 'cancelled', slot: 0, at: NOW, reason: undefined };
    const removed: JobEvent = { kind: 'removed', slot: 0, at: NOW };
    assert.deepEqual(without([1], [enqueued(0), cancelled, removed]).lost, []);
    const { jobs, lost } = without([1], [enqueued(0), started, carried(0, { state: 'running', starts: 1 })]);
    assert.deepEqual([jobs.length, lost], [1, []]);
  });
});

test('an entry that was emptied is gone, and one is uncertain only before the last gap', () => {
  const noted = { kind: 'noted', at: NOW, space: 'queue', what: 'changed', detail: undefined } as const;
  const { entries, uncertainEntries } = without(
    [3],
    [
      { ...noted, name: 'a', value: '1' },
      { ...noted, name: 'b', value: '1' },
      enqueued(0),
      { ...noted, name: 'b', value: '' },
      { ...noted, name: 'c', value: '1' },
      { ...noted, name: 'a', space: 'schedule', value: '2' },
    ],
  );
  assert.deepEqual(
    entries.map(({ space, name, value }) => `${space} ${name} ${value}`),
    ['queue a 1', 'queue c 1', 'schedule a 2'],
  );
  assert.deepEqual(uncertainEntries, [{ space: 'queue', name: 'a' }]);
});
