// Attempts that lie ready for a thread behind the one that it runs.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MOST_READY } from '../../src/actors/starts-ahead.ts';
import { Run } from '../../src/actors/thread-run.ts';
import { Thread } from '../../src/actors/thread.ts';
import type { Threads } from '../../src/actors/threads.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { handler, order, resultOf, start, type Watched, threadsFor } from '../support/threads.ts';

const ECHO = handler('echo.js');
const LEAVES = handler('leaves.js');
const STOPS = handler('stops.js');
/** What a test waits for comes in milliseconds; without an end of its own a broken one would wait for ever. */
const SOON = { timeout: 20_000 };

interface Seen {
  readonly thread: number;
}

/** Each thread has the modules and has run something quick. Time stands still, so that nothing lies ready for too long. */
async function warm(options: Parameters<typeof threadsFor>[0] = { max: 1 }): Promise<Threads> {
  const threads = threadsFor({ clock: createFakeClock(), ...options });
  for (const module of [ECHO, LEAVES, ECHO, ECHO]) {
    const each = Array.from({ length: threads.size }, () => start(threads, order(module, 'nothing')));
    await Promise.all(each.map(({ released }) => released));
  }
  return threads;
}

/** Begins one that goes on until it is asked to stop, or killed. */
async function busy(threads: Threads, way: string): Promise<Watched> {
  const watched = start(threads, order(STOPS, way));
  await watched.next('progress');
  return watched;
}

const unexpected = (): never => assert.fail('was told something that did not happen');
const kindsOf = ({ told }: Watched): string[] => told.map(({ kind }) => kind);

/** The result of one that was started before. */
async function result({ outcome }: Watched): Promise<unknown> {
  const ended = await outcome;
  assert.ok(ended.ok, JSON.stringify(ended));
  return JSON.parse(ended.result ?? 'null');
}

async function codeOf({ outcome }: Watched): Promise<string | undefined> {
  const ended = await outcome;
  return ended.ok ? 'none' : ended.error.code;
}

test('none is to lie ready before something has run', SOON, async () => {
  const threads = threadsFor({ max: 2 });
  assert.equal(threads.ahead, 0);
  await resultOf(threads, order(ECHO));
  assert.ok(threads.ahead >= 2, `${threads.ahead}`);
  await threads.close();
  assert.equal(threads.ahead, 0);
});

test(
  'they run in the order in which they came, and the time of each begins when the one before is over',
  SOON,
  async () => {
    const threads = await warm();
    const told: string[] = [];
    const all = Array.from({ length: 1 + MOST_READY }, (_, n) => {
      return new Promise<void>((released) => {
        threads.run(order(ECHO, n), {
          ...{ progress: unexpected, log: unexpected, request: unexpected, loading: unexpected },
          loaded: () => told.push(`${n} begins`),
          ended: (outcome) => told.push(`${n} gives ${outcome.ok ? outcome.result : 'nothing'}`),
          released: () => released(),
        });
      });
    });
    await Promise.all(all);
    assert.deepEqual(
      told,
      Array.from(all, (_, n) => [`${n} begins`, `${n} gives ${n}`])
        .flat()
        .sort(byPlace),
    );

    function byPlace(one: string, other: string): number {
      const [here, there] = [Number.parseInt(one), Number.parseInt(other)];
      // Its end comes before the begin of the next.
      return here - there || Number(one.includes('gives')) - Number(other.includes('gives'));
    }
  },
);

for (const way of ['waits', 'loops']) {
  test(
    `one that lies ready behind a handler that ${way} ends at once when it is asked to stop, and is not begun`,
    SOON,
    async () => {
      const threads = await warm();
      const first = await busy(threads, way);
      const second = start(threads, order(STOPS, 'ignores'));
      const third = start(threads, order(ECHO, 'third'));
      second.run.abort({ kind: 'cancelled' });
      assert.deepEqual(kindsOf(second), ['ended', 'released']);
      assert.equal(await codeOf(second), 'HOLDFAST_JOB_CANCELLED');
      assert.deepEqual(kindsOf(third), []);
      first.run.abort({ kind: 'cancelled' });
      assert.equal(await result(third), 'third');
      assert.deepEqual(kindsOf(second), ['ended', 'released']);
    },
  );
}

test('an abort reaches the one that runs also when others were begun and ended before it', SOON, async () => {
  const threads = await warm();
  const [, , last] = ['first', 'second']
    .map((text) => start(threads, order(ECHO, text)))
    .concat(start(threads, order(STOPS, 'loops')));
  await last?.next('progress');
  last?.run.abort({ kind: 'cancelled' });
  assert.ok(last !== undefined);
  assert.deepEqual(await result(last), {
    name: 'JobCancelledError',
    message: 'The job 01ARZ3NDEKTSV4RRFFQ69G5FAV was cancelled.',
  });
});

test(
  'an abort that comes when the one before has ended, and the next was not begun yet, is kept for it',
  SOON,
  async () => {
    const threads = await warm();
    const first = start(threads, order(handler('ends-and-blocks.js')));
    const second = start(threads, order(STOPS, 'waits'));
    await first.outcome;
    second.run.abort({ kind: 'cancelled' });
    assert.equal(await codeOf(second), 'HOLDFAST_JOB_CANCELLED');
  },
);

test('none finds the async context that one before it has set', SOON, async () => {
  const threads = await warm();
  const first = await busy(threads, 'waits');
  const behind = ['a', 'b', 'c', 'd'].map((tenant) => start(threads, order(handler('tenants.js'), tenant)));
  first.run.abort({ kind: 'cancelled' });
  assert.deepEqual(await Promise.all(behind.map(result)), [null, null, null, null]);
});

test('a thread that runs one has room for another, unless that is handed much', SOON, async () => {
  const none = (): void => undefined;
  const owner = { read: none, idle: none, gone: none, ran: none, returned: none, freed: none };
  const listener = { progress: none, log: none, request: none, ended: none, released: none };
  const thread = new Thread(owner, undefined);
  thread.hand(new Run(order(STOPS, 'ignores'), listener, { withdraw: () => false, released: none, freed: none }, 0));
  assert.equal(thread.hasRoom(order(ECHO, 'little'), 1), true);
  assert.equal(thread.hasRoom(order(ECHO, 'x'.repeat(100_000)), 1), false);
  assert.equal(thread.hasRoom(order(ECHO, 'little'), 0), false);
  thread.kill('the test is over');
  await thread.exited;
});

test('when the one that runs is killed, those behind it run on another thread', SOON, async () => {
  const threads = await warm();
  const first = await busy(threads, 'ignores in a loop');
  const behind = [1, 2, 3].map((n) => start(threads, order(ECHO, n)));
  first.run.kill();
  assert.equal(await codeOf(first), 'HOLDFAST_THREAD_LOST');
  assert.deepEqual(await Promise.all(behind.map(result)), [1, 2, 3]);
  await Promise.all(behind.map(({ released }) => released));
  assert.equal(threads.free, 1);
});

test('one that lies ready is killed alone', SOON, async () => {
  const threads = await warm();
  const first = await busy(threads, 'waits');
  const second = start(threads, order(ECHO, 2));
  second.run.kill();
  assert.deepEqual(kindsOf(second), ['ended', 'released']);
  assert.equal(await codeOf(second), 'HOLDFAST_THREAD_LOST');
  first.run.abort({ kind: 'cancelled' });
  assert.equal(await codeOf(first), 'HOLDFAST_JOB_CANCELLED');
});

test('a kill that comes when the next one was begun kills nobody', SOON, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-ahead-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const threads = await warm();
  const before = await resultOf(threads, order(LEAVES, 'nothing'));
  const mark = join(folder, 'mark');
  const first = start(threads, order(ECHO, 'first'));
  const second = start(threads, order(handler('marks.js'), mark));
  // Their orders are sent; and what the thread says of the first one's end is not read.
  await Promise.resolve();
  while (!existsSync(mark)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  first.run.kill();
  assert.equal(await result(first), 'first');
  assert.equal(await result(second), 'marked');
  assert.deepEqual(await resultOf(threads, order(LEAVES, 'nothing')), before);
});

for (const way of ['exits with 3', 'throws where nobody catches']) {
  test(`a handler that ${way} hurts none of those that lie ready behind it`, SOON, async () => {
    const threads = await warm();
    const first = start(threads, order(handler('breaks.js'), way));
    const behind = [1, 2, 3].map((n) => start(threads, order(ECHO, n)));
    assert.equal((await first.outcome).ok, false);
    assert.deepEqual(await Promise.all(behind.map(result)), [1, 2, 3]);
  });
}

for (const way of [
  'an interval',
  'a patched JSON',
  'a rejection that nobody awaits',
  'an exit that comes as soon as it is over',
]) {
  test(`behind an attempt that leaves ${way} those that lie ready go to a clean thread`, SOON, async () => {
    const threads = await warm();
    // So that all of them stand in its line when it comes to them.
    const before = await busy(threads, 'waits');
    const first = start(threads, order(LEAVES, way));
    const behind = [1, 2].map(() => start(threads, order(LEAVES, 'nothing')));
    before.run.abort({ kind: 'cancelled' });
    const { thread } = (await result(first)) as Seen;
    for (const watched of behind) {
      assert.notEqual(((await result(watched)) as Seen).thread, thread);
      assert.equal(await watched.released, undefined);
    }
  });
}

test('what is slow to close behind one holds the next up, and the thread is kept', SOON, async () => {
  const threads = await warm();
  const both = ['a file that is only just closed', 'nothing'].map((way) => start(threads, order(LEAVES, way)));
  const [first, second] = (await Promise.all(both.map(result))) as Seen[];
  assert.deepEqual(first, second);
});

test('what lies ready behind a loop that reads no message goes to a thread that has nothing to do', SOON, async () => {
  const threads = await warm({ max: 2 });
  const loops = await busy(threads, 'ignores in a loop');
  const waits = await busy(threads, 'waits');
  const ready = [1, 2, 3, 4].map((n) => start(threads, order(ECHO, n)));
  assert.deepEqual(ready.flatMap(kindsOf), []);
  waits.run.abort({ kind: 'cancelled' });
  assert.deepEqual(await Promise.all(ready.map(result)), [1, 2, 3, 4]);
  assert.equal(loops.told.length, 2);
  loops.run.kill();
  await loops.released;
});

test('one whose module its thread has not loads it when it is its turn', SOON, async () => {
  const threads = await warm();
  const first = await busy(threads, 'loops');
  const told: string[] = [];
  const over = new Promise<void>((resolve) => {
    threads.run(order(handler('waits.js'), 1), {
      ...{ progress: unexpected, log: unexpected, request: unexpected },
      loading: () => told.push('loading'),
      loaded: () => told.push('loaded'),
      ended: (outcome) => told.push(outcome.ok ? 'ended' : 'failed'),
      released: () => resolve(),
    });
  });
  assert.deepEqual(told, []);
  first.run.abort({ kind: 'cancelled' });
  await over;
  assert.deepEqual(told, ['loading', 'loaded', 'ended']);
});

test(
  'what lay ready for too long is put back, the newest ones, but as many as there are threads stay',
  SOON,
  async () => {
    const clock = createFakeClock();
    const threads = await warm({ max: 1, clock });
    const first = await busy(threads, 'loops');
    const ready = [1, 2].map((n) => start(threads, order(ECHO, n)));
    clock.advance(50);
    assert.deepEqual(ready.flatMap(kindsOf), []);
    clock.advance(50);
    assert.deepEqual(ready.map(kindsOf), [['putBack'], ['putBack']]);
    assert.equal(threads.ahead, 0);
    first.run.abort({ kind: 'cancelled' });
    await first.released;
    assert.equal(await resultOf(threads, order(ECHO, 'next')), 'next');
  },
);

test('who has a right to a thread waits for it, however long the one before takes to die', SOON, async () => {
  const clock = createFakeClock();
  const threads = await warm({ max: 1, clock, idleMs: 1_000 });
  clock.advance(1_000);
  assert.equal(threads.free, 0, 'it is being ended');
  const next = start(threads, order(ECHO, 'next'));
  for (let round = 0; round < 5; round++) clock.advance(50);
  assert.equal(await result(next), 'next');
  await next.released;
  assert.deepEqual(kindsOf(next), ['loaded', 'ended', 'released']);
});

test('a close ends those that lie ready, and none of them is begun', SOON, async () => {
  const threads = await warm();
  const first = await busy(threads, 'ignores in a loop');
  const ready = [1, 2].map((n) => start(threads, order(STOPS, `${n}`)));
  await threads.close();
  for (const watched of [first, ...ready]) {
    assert.equal(await codeOf(watched), 'HOLDFAST_THREAD_LOST');
    assert.equal(await watched.released, undefined);
  }
});

test('thousands of them pass through, some taken back, and each is told its own end once', SOON, async () => {
  const threads = await warm({ max: 2 });
  const isCancelled = (n: number): boolean => n % 7 === 3;
  const all: Watched[] = [];
  while (all.length < 3_000) {
    const batch = Array.from({ length: 30 }, (_, n) => start(threads, order(ECHO, all.length + n)));
    for (const [n, { run }] of batch.entries()) if (isCancelled(all.length + n)) run.abort({ kind: 'cancelled' });
    all.push(...batch);
    await Promise.all(batch.map(({ released }) => released));
  }
  for (const [n, watched] of all.entries()) {
    const outcome = await watched.outcome;
    assert.ok(
      outcome.ok ? outcome.result === `${n}` : isCancelled(n) && outcome.error.code === 'HOLDFAST_JOB_CANCELLED',
    );
    assert.equal(watched.told.filter(({ kind }) => kind === 'ended' || kind === 'released').length, 2);
  }
});
