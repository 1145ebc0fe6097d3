// An end that is not clean is not called so: the mark in the log says that nothing was running.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Threads } from '../../src/actors/threads.ts';
import { openEngine } from '../../src/engine.ts';
import { flattenError } from '../../src/errors.ts';
import { defineJob } from '../../src/index.ts';
import { clockOn, createFakeClock } from '../../src/kernel/fake-clock.ts';
import { openMemoryStore, type MemoryFrames } from '../../src/log/memory-store.ts';
import { replay } from '../../src/log/replay.ts';
import { checkOpenOptions, type OpenOptions } from '../../src/options.ts';
import { latch } from '../support/engine.ts';
import { memoryHome } from '../support/life.ts';
import { StoreGate } from '../support/store-gate.ts';

/** A thread whose handler never ends by itself; when it is ended, it says so. */
const threads: Threads = {
  size: 1,
  free: 1,
  ahead: 0,
  onFree: undefined,
  run: (_order, listener) => ({
    loading: false,
    abort: () => undefined,
    kill() {
      listener.ended({ ok: false, error: flattenError(new Error('ended')) });
      listener.released(undefined);
    },
  }),
  close: () => Promise.resolve(),
};

/** Whether the log that is left calls its end clean, and how many jobs run in it. */
async function endOf(use: NonNullable<OpenOptions['use']>): Promise<{ wasClosed: boolean; runningCount: number }> {
  const clock = createFakeClock();
  const drive = async (promise: Promise<unknown>): Promise<void> => {
    let isOver = false;
    promise.then(() => (isOver = true)).catch(() => (isOver = true));
    await clock.passUntil(() => isOver, 600_000);
  };
  const frames: MemoryFrames = new Map();
  const job = defineJob({ type: 'threaded', worker: new URL('file:///never.js') });
  const settings = checkOpenOptions({ jobs: [job], use, grace: '20s' });
  const engine = await openEngine({
    home: memoryHome(frames, new StoreGate()),
    clock: clockOn(clock),
    settings,
    threads,
  });
  await engine.enqueue(job);
  await drive(engine.close({ drain: 0 }));
  const { wasClosed, log } = await replay(openMemoryStore(frames), 0);
  return { wasClosed, runningCount: log.table.runningCount };
}

test('an engine that lets go of all attempts marks a clean end', async () => {
  assert.deepEqual(await endOf([]), { wasClosed: true, runningCount: 0 });
});

test('an engine that has to end before an attempt does marks no clean end', async () => {
  const never = latch();
  const goesOn = (_payload: unknown, _context: unknown, next: () => Promise<unknown>): Promise<unknown> =>
    next().catch(() => never.promise);
  assert.deepEqual(await endOf([goesOn]), { wasClosed: false, runningCount: 1 });
});
