/** What a stream of events does while the log under it cannot be read: it fails, is replaced, trimmed or at its end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOVED, UNTOLD, type LogEvent } from '../../src/job/event.ts';
import type { Frame } from '../../src/log/frame.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { streamEvents } from '../../src/log/stream.ts';
import { enqueued, NOW, openLog } from '../support/log.ts';

const FAILED = { message: 'the disk reports an error' };

/** A log of three jobs, each enqueued in a frame of its own, and a stream that has told of the first. */
async function readerOf() {
  const frames: MemoryFrames = new Map();
  const site = {
    log: await openLog(frames, 0),
    ...{ isReplacing: false, isEnded: false, isStopped: false },
    waiting: 0,
    announce: () => undefined as unknown,
  };
  const commit = async (event: LogEvent): Promise<void> => {
    site.log.record(event);
    await site.log.commit();
  };
  for (const slot of [0, 1, 2]) await commit(enqueued(slot));
  const parts = {
    log: () => site.log,
    nextCommit: () => {
      site.waiting++;
      return new Promise<void>((resolve) => (site.announce = resolve));
    },
    isReplacing: () => site.isReplacing,
    isEnded: () => site.isEnded,
    isStopped: () => site.isStopped,
  };
  const events = streamEvents(parts, 0, ({ id }) => id);
  assert.deepEqual((await events.next()).value, ['job:0']);
  const reopened = (): Promise<Log> => openLog(frames, 0);
  return { site, events, commit, reopened };
}

/** The next reading of a frame does this, those after it are as ever. */
function readsOnce(log: Log, how: () => Promise<Frame | undefined>): void {
  const readFrame = log.readFrame.bind(log);
  log.readFrame = () => {
    log.readFrame = readFrame;
    return how();
  };
}

const fail = (): Promise<never> => Promise.reject(new Error(FAILED.message));
const find = (): Promise<undefined> => Promise.resolve(undefined);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a stream whose log cannot be read', () => {
  test('tells why, if nothing is done about it', async () => {
    const { site, events } = await readerOf();
    readsOnce(site.log, fail);
    await assert.rejects(events.next(), FAILED);
  });

  for (const [name, how] of [
    ['fails', fail],
    ['does not find its frame', find],
  ] as const) {
    test(`and ${name} waits while the log is replaced, and goes on in the next one`, async () => {
      const { site, events, reopened } = await readerOf();
      site.isReplacing = true;
      readsOnce(site.log, how);
      const next = events.next();
      for (let n = 0; n < 5; n++) await turn();
      assert.equal(site.waiting, 1);
      site.log = await reopened();
      site.isReplacing = false;
      site.announce();
      assert.deepEqual((await next).value, ['job:1']);
      assert.deepEqual((await events.next()).value, ['job:2']);
    });

    test(`and ${name} ends when nothing comes any more`, async () => {
      const { site, events } = await readerOf();
      site.isEnded = true;
      readsOnce(site.log, how);
      assert.deepEqual(await events.next(), { done: true, value: undefined });
    });
  }

  test('because it was replaced meanwhile goes on in the next one at once', async () => {
    const { site, events, reopened } = await readerOf();
    const next = await reopened();
    readsOnce(site.log, () => {
      site.log = next;
      return fail();
    });
    assert.deepEqual((await events.next()).value, ['job:1']);
    assert.equal(site.waiting, 0);
  });

  test('because its frame was trimmed looks at once where the log begins now', async () => {
    const { site, events } = await readerOf();
    readsOnce(site.log, find);
    assert.deepEqual((await events.next()).value, ['job:1']);
    assert.equal(site.waiting, 0);
  });
});

test('a stream that is stopped while it reads tells nothing of what it read', async () => {
  const { site, events } = await readerOf();
  const readFrame = site.log.readFrame.bind(site.log);
  site.log.readFrame = async (sequence) => {
    const frame = await readFrame(sequence);
    site.isStopped = true;
    return frame;
  };
  assert.deepEqual(await events.next(), { done: true, value: undefined });
});

test('a stream speaks of schedules and queues, but not of what the log only moves or keeps for itself', async () => {
  const { events, commit } = await readerOf();
  await events.next();
  await events.next();
  const noted = { kind: 'noted', at: NOW, space: 'queue', name: 'mail', detail: undefined, value: '{}' } as const;
  for (const what of [MOVED, UNTOLD]) await commit({ ...noted, what });
  await commit({ ...noted, what: 'paused' });
  await commit(enqueued(9));
  assert.equal((await events.next()).value?.length, 1);
  assert.deepEqual((await events.next()).value, ['job:9']);
});
