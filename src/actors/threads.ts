/** The threads of an engine: at most so many at once, counting those that are still dying. */
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../kernel/clock.ts';
import type { RunOrder } from '../protocol.ts';
import { MOST_READY, StartsAhead } from './starts-ahead.ts';
import { Run, type RunOwner, type ThreadListener, type ThreadRun } from './thread-run.ts';
import { Thread, type ThreadOwner } from './thread.ts';

export type { ThreadListener, ThreadRun } from './thread-run.ts';

export interface ThreadsOptions {
  /** How many threads there may be at once. */
  readonly max: number;
  /** Paces progress and log messages, and retires idle threads. */
  readonly clock: Clock;
  /** A thread that had nothing to do for so long is ended, ms. @default Infinity */
  readonly idleMs?: number;
  /** Of V8 in each thread. They do not contain every way of running out of memory. */
  readonly resourceLimits?: ResourceLimits | undefined;
}

/**
 * Slots for attempts on threads. Threads start when they are needed, stay for the next attempt, and keep the process
 * alive only while an attempt runs. What an attempt does in its thread cannot touch the next one: a thread that is not
 * as clean as before is replaced first.
 */
export interface Threads {
  readonly size: number;
  /** Slots that are neither busy nor dying. */
  readonly free: number;
  /** How many attempts there should be beyond the number of threads, to lie ready; none before anything has run. */
  readonly ahead: number;
  /**
   * Begins when a thread is there, which may be after one that dies idle is gone, or after others have ended.
   *
   * @throws when there are many more attempts than threads; asking `free` or `ahead` first is the caller's part
   */
  run(order: RunOrder, listener: ThreadListener): ThreadRun;
  /** Called when `free` grew. */
  onFree: (() => void) | undefined;
  /** Ends all threads, and the attempts on them with `ThreadLostError`. Resolves when all threads are gone. */
  close(): Promise<void>;
}

/** The pace at which threads may send another window of progress and log messages, ms. */
const WINDOW_MS = 50;
/**
 * What lies ready is looked at so often, ms, as long as anything does. What has been seen twice there waits again, if there
 * are more attempts than threads: others may be more urgent by now, and it should not be called running for long.
 */
const READY_MS = 50;

export function openThreads({ max, clock, idleMs = Infinity, resourceLimits }: ThreadsOptions): Threads {
  const threads = new Set<Thread>();
  const idleSince = new Map<Thread, number>();
  /** Attempts that no thread has: all are busy with as much as they should have, or one that was idle is dying. */
  const waiting: Run[] = [];
  const startsAhead = new StartsAhead();
  /** Attempts that have not given their slot back. */
  let held = 0;
  let closed = false;
  let pacing = false;
  let looking = false;
  /** How often it was looked at what lies ready. */
  let round = 0;

  const pace = clock.alarm('monotonic', () => {
    pacing = false;
    for (const thread of threads) thread.openWindow();
  });
  const retire = clock.alarm('monotonic', () => {
    const now = clock.monotonic();
    for (const [thread, since] of idleSince) {
      if (now - since < idleMs) return retire.set(since + idleMs);
      idleSince.delete(thread);
      thread.kill('it had nothing to do');
    }
  });

  const look = clock.alarm('monotonic', () => {
    looking = false;
    round += 1;
    putBackOld();
    lookLater();
  });

  const runs: RunOwner = {
    withdraw(run) {
      if (run.thread !== undefined) return run.thread.takeBack(run);
      const at = waiting.indexOf(run);
      if (at !== -1) waiting.splice(at, 1);
      return at !== -1;
    },
    released: () => (held -= 1),
    freed: () => owner.freed(),
  };
  const owner: ThreadOwner = {
    read() {
      if (pacing) return;
      pacing = true;
      pace.set(clock.monotonic() + WINDOW_MS);
    },
    idle(thread) {
      idleSince.set(thread, clock.monotonic());
      if (idleMs !== Infinity && idleSince.size === 1) retire.set(clock.monotonic() + idleMs);
    },
    gone(thread) {
      threads.delete(thread);
      idleSince.delete(thread);
    },
    ran: (ms) => startsAhead.ran(ms),
    returned(returned) {
      const gone = returned.filter(({ reason, killed }) => closed || reason !== undefined || killed);
      waiting.unshift(...returned.filter((run) => !gone.includes(run)));
      for (const run of gone) run.drop('the engine closed');
      if (!closed && waiting.length > 0) distribute();
    },
    freed() {
      if (closed) return;
      distribute();
      share();
      face.onFree?.();
    },
  };

  function distribute(): void {
    for (let run = waiting[0]; run !== undefined; run = waiting[0]) {
      let thread = takeIdle(run.order.module);
      if (thread === undefined && threads.size < max) {
        thread = startThread(run);
        if (thread === undefined) continue;
      }
      thread ??= shortestLine(run.order);
      if (thread === undefined) return;
      waiting.shift();
      thread.hand(run);
    }
  }

  /** Undefined when the system gives none: then the attempt is over. */
  function startThread(run: Run): Thread | undefined {
    try {
      const thread = new Thread(owner, resourceLimits);
      threads.add(thread);
      return thread;
    } catch (error) {
      waiting.shift();
      // Whoever asked for it has to get his run first.
      queueMicrotask(() => run.drop('it could not be started', error));
      return undefined;
    }
  }

  function shortestLine(order: RunOrder): Thread | undefined {
    let shortest: Thread | undefined;
    for (const thread of threads) {
      const isShorter = shortest === undefined || thread.ready.length < shortest.ready.length;
      if (isShorter && thread.hasRoom(order, startsAhead.perThread)) shortest = thread;
    }
    return shortest;
  }

  /** What lies ready behind others goes to threads that have nothing to do: half of the longest line, the first ones. */
  function share(): void {
    for (let free = face.free; free > 0 && waiting.length === 0; free--) {
      let longest: Thread | undefined;
      for (const thread of threads) if (thread.ready.length > (longest?.ready.length ?? 0)) longest = thread;
      if (longest === undefined) return;
      const half = longest.ready.slice(0, Math.ceil(longest.ready.length / 2));
      waiting.push(...half.filter((run) => runs.withdraw(run)));
      if (waiting.length === 0) return;
      distribute();
    }
  }

  function allReady(): Run[] {
    return [...Array.from(threads, ({ ready }) => ready).flat(), ...waiting];
  }

  function lookLater(): void {
    if (looking || (waiting.length === 0 && Array.from(threads).every(({ ready }) => ready.length === 0))) return;
    looking = true;
    look.set(clock.monotonic() + READY_MS);
  }

  /** The newest first: as many as there are threads have a right to one. */
  function putBackOld(): void {
    const old = allReady().filter((run) => run.listener.putBack !== undefined && round - run.round >= 2);
    for (const run of old.toReversed()) {
      if (held <= max || !runs.withdraw(run)) continue;
      startsAhead.waitedTooLong();
      run.putBack();
    }
  }

  /** The one that has the module; else the one that was busy last, so that the others may retire. */
  function takeIdle(module: string): Thread | undefined {
    let taken: Thread | undefined;
    for (const thread of idleSince.keys()) {
      if (thread.isIdle && (thread.modules.has(module) || taken?.modules.has(module) !== true)) taken = thread;
    }
    if (taken !== undefined) idleSince.delete(taken);
    return taken;
  }

  const face: Threads = {
    size: max,
    get free() {
      let busy = 0;
      for (const thread of threads) if (!thread.isIdle) busy += 1;
      return closed ? 0 : max - busy;
    },
    get ahead() {
      return closed ? 0 : max * startsAhead.perThread;
    },
    onFree: undefined,
    run(order, listener) {
      if (closed || held >= max * (1 + MOST_READY))
        throw new Error(`No thread is free (${max} at most); ask before \`run\`.`);
      held += 1;
      const run = new Run(order, listener, runs, round);
      waiting.push(run);
      distribute();
      // It has a right to a thread, and has to wait for one that dies.
      if (run.thread === undefined && held <= max) listener.loading?.();
      if (run.thread === undefined || held > max) lookLater();
      return run;
    },
    async close() {
      closed = true;
      for (const alarm of [pace, retire, look]) alarm.clear();
      for (const run of waiting.splice(0)) run.drop('the engine closed');
      for (const thread of threads) thread.kill('the engine closed');
      await Promise.all(Array.from(threads, (thread) => thread.exited));
    },
  };
  return face;
}
