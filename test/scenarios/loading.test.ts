// Between a durable start and the call of its handler: what the attempt needs is read first, or its module is loaded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ThreadListener, Threads } from '../../src/actors/threads.ts';
import { flattenError, ThreadLostError } from '../../src/errors.ts';
import { defineJob, type OpenOptions } from '../../src/index.ts';
import { openMovedEngine, storyOf, type MovedEngine } from '../support/engine.ts';

let starts: string[] = [];
const job = defineJob({ type: 'job', run: (name: string) => void starts.push(name) });
const OPTIONS: OpenOptions = { jobs: [job], cacheBytes: 0, concurrency: 1, grace: '5s' };

/** A job that is durably started, and whose records are being read and do not come. */
async function startedAndUnread(site: MovedEngine): Promise<string> {
  starts = [];
  const { id } = await site.jobs.enqueue(job, 'first', { delay: '1m' });
  // With no memory to speak of, the next frame pushes the job's own one out.
  await site.jobs.enqueue('nobody');
  site.gate.reads.hold();
  await site.clock.pass(60_000);
  await site.gate.reads.arrival();
  return id;
}

test('what is not in memory is read, and then the handler is called', async (t) => {
  const site = await openMovedEngine(t, OPTIONS);
  const id = await startedAndUnread(site);
  assert.deepEqual(starts, []);
  site.gate.reads.release();
  await site.jobs.wait(id);
  assert.deepEqual(starts, ['first']);
});

test('a job that is cancelled while its records are read never reaches its handler, and its slot is free again', async (t) => {
  const site = await openMovedEngine(t, OPTIONS);
  const id = await startedAndUnread(site);
  const result = assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'enough' });
  assert.equal(await site.jobs.cancel(id, 'enough'), true);
  site.gate.reads.release();
  await result;
  await (await site.jobs.enqueue(job, 'second')).result();
  assert.deepEqual(starts, ['second']);
});

test('if the records do not come within the grace either, the job is cancelled all the same', async (t) => {
  const site = await openMovedEngine(t, OPTIONS);
  const id = await startedAndUnread(site);
  const result = assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  await site.jobs.cancel(id);
  await site.clock.pass(5_000);
  await result;
  site.gate.reads.release();
  await (await site.jobs.enqueue(job, 'second')).result();
  assert.deepEqual(starts, ['second']);
});

test('an engine that closes while records are read calls no handler, and the job runs next time', async (t) => {
  const site = await openMovedEngine(t, OPTIONS);
  const id = await startedAndUnread(site);
  const closing = site.jobs.close({ drain: 0 });
  await site.clock.settle();
  site.gate.reads.release();
  await site.drive(closing);
  assert.deepEqual(starts, []);
  const jobs = await site.restart();
  await jobs.wait(id);
  assert.deepEqual(starts, ['first']);
  assert.deepEqual([(await jobs.get(id))?.attempts, (await jobs.get(id))?.interrupts], [0, 1]);
});

test('records that cannot be read cost no attempt: the log is opened anew, and the handler is called once', async (t) => {
  const site = await openMovedEngine(t, OPTIONS);
  const id = await startedAndUnread(site);
  const result = site.jobs.wait(id);
  site.gate.refuseNextRead();
  site.gate.reads.release();
  await site.clock.pass(1_000);
  await result;
  assert.deepEqual(starts, ['first']);
  assert.deepEqual(await storyOf(site.jobs, id), ['enqueued', 'started', 'completed']);
});

test('a write that is refused while records are read leads to one call of the handler', async (t) => {
  for (const isReadLost of [true, false]) {
    const site = await openMovedEngine(t, OPTIONS);
    const id = await startedAndUnread(site);
    const result = site.jobs.wait(id);
    site.gate.refuseNext('lost');
    await assert.rejects(site.jobs.enqueue('nobody'), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
    if (isReadLost) site.gate.refuseNextRead();
    await site.clock.pass(1_000);
    site.gate.reads.release();
    await site.clock.pass(1_000);
    await result;
    assert.deepEqual(starts, ['first']);
  }
});

/** Threads that do what the test says: no module ever loads by itself. */
function scriptedThreads() {
  const listeners: ThreadListener[] = [];
  const log: string[] = [];
  const threads: Threads = {
    size: 1,
    free: 1,
    ahead: 0,
    onFree: undefined,
    run(_order, listener) {
      listeners.push(listener);
      listener.loading?.();
      return {
        loading: true,
        abort: (reason) => void log.push(`asked: ${reason.kind}`),
        kill() {
          log.push('killed');
          listener.ended({ ok: false, error: flattenError(new ThreadLostError('it was killed')) });
          listener.released(undefined);
        },
      };
    },
    close: () => Promise.resolve(),
  };
  return { threads, listeners, log };
}

test('a module that is loaded just after the job was cancelled does not lengthen its grace', async (t) => {
  const { threads, listeners, log } = scriptedThreads();
  const slow = defineJob({ type: 'slow', worker: '/nowhere.js', timeout: '1h' });
  const site = await openMovedEngine(t, { jobs: [slow], grace: '5s' }, { threads });
  const { id } = await site.jobs.enqueue(slow);
  await site.clock.settle();
  await site.jobs.cancel(id);
  await site.clock.settle();
  assert.deepEqual(log, ['asked: cancelled']);
  listeners[0]?.loaded?.();
  await site.clock.pass(4_999);
  assert.deepEqual(log, ['asked: cancelled']);
  await site.clock.pass(1);
  assert.deepEqual(log, ['asked: cancelled', 'killed']);
  await assert.rejects(site.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
});

test('a module that never loads is ended after half a minute, whatever the timeout of the attempt', async (t) => {
  const { threads, log } = scriptedThreads();
  const slow = defineJob({ type: 'slow', worker: '/nowhere.js', timeout: 'none', retry: { attempts: 1 } });
  const site = await openMovedEngine(t, { jobs: [slow] }, { threads });
  const { id } = await site.jobs.enqueue(slow);
  await site.clock.pass(29_999);
  assert.deepEqual(log, []);
  await site.clock.pass(1);
  assert.deepEqual(log, ['killed']);
  await assert.rejects(site.jobs.wait(id), { reason: 'exhausted' });
});
