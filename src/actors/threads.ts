/** The threads of an engine: at most so many at once, counting those that are still dying. */
import type { ResourceLimits } from 'node:worker_threads';
import { flattenError, ThreadLostError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RunOrder } from '../protocol.ts';
import { Run, type ThreadListener, type ThreadRun } from './thread-run.ts';
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
  /**
   * Begins when a thread is there, which may be after one that dies idle is gone.
   *
   * @throws when there are as many attempts as threads; asking first is the caller's part
   */
  run(order: RunOrder, listener: ThreadListener): ThreadRun;
  /** Called when `free` grew. */
  onFree: (() => void) | undefined;
  /** Ends all threads, and the attempts on them with `ThreadLostError`. Resolves when all threads are gone. */
  close(): Promise<void>;
}

/** The pace at which threads may send another window of progress and log messages, ms. */
const WINDOW_MS = 50;

export function openThreads({ max, clock, idleMs = Infinity, resourceLimits }: ThreadsOptions): Threads {
  const threads = new Set<Thread>();
  const idleSince = new Map<Thread, number>();
  /** Attempts whose slot is taken for a moment more by a thread that had none and is dying of what an earlier one left. */
  const waiting: Run[] = [];
  /** Attempts that were begun, or wait for that, and have not given their slot back. */
  let held = 0;
  let closed = false;
  let pacing = false;

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
    refused(run) {
      if (closed) end(run, 'the engine closed');
      else begin(run);
    },
    freed() {
      if (closed) return;
      const next = face.free > 0 ? waiting.shift() : undefined;
      if (next !== undefined) begin(next);
      face.onFree?.();
    },
  };

  /** The one that has the module; else the one that was busy last, so that the others may retire. */
  function takeIdle(module: string): Thread | undefined {
    let taken: Thread | undefined;
    for (const thread of idleSince.keys()) {
      if (thread.isIdle && (thread.modules.has(module) || taken?.modules.has(module) !== true)) taken = thread;
    }
    if (taken !== undefined) idleSince.delete(taken);
    return taken;
  }

  function begin(run: Run): void {
    if (run.killed) return end(run, 'it was killed');
    let thread = takeIdle(run.order.module);
    try {
      thread ??= new Thread(owner, resourceLimits);
    } catch (error) {
      // The slot was never taken, so it is free at once; but whoever asked for it has to get his run first.
      queueMicrotask(() => end(run, 'it could not be started', error));
      return;
    }
    threads.add(thread);
    thread.begin(run);
  }

  function end(run: Run, problem: string, cause?: unknown): void {
    run.end({ ok: false, error: flattenError(new ThreadLostError(problem, { cause })) });
    run.release(undefined);
    owner.freed();
  }

  const face: Threads = {
    size: max,
    get free() {
      let busy = 0;
      for (const thread of threads) if (!thread.isIdle) busy += 1;
      return closed ? 0 : max - busy;
    },
    onFree: undefined,
    run(order, listener) {
      if (closed || held >= max) throw new Error(`No thread is free (${max} at most); ask \`free\` before \`run\`.`);
      held += 1;
      const run = new Run(order, listener, () => (held -= 1));
      if (face.free > 0) begin(run);
      else waiting.push(run);
      return run;
    },
    async close() {
      closed = true;
      pace.clear();
      retire.clear();
      for (const run of waiting.splice(0)) end(run, 'the engine closed');
      for (const thread of threads) thread.kill('the engine closed');
      await Promise.all(Array.from(threads, (thread) => thread.exited));
    },
  };
  return face;
}
