/** How an engine ends: in order, with a deadline, and with a report. Nothing of it is needed for correctness. */
import { setMaxListeners } from 'node:events';
import { refuseAll, type JournalMessage, type SchedulesMessage } from './actors/messages.ts';
import type { Runner } from './actors/runner.ts';
import type { Threads } from './actors/threads.ts';
import type { Waiters } from './actors/waiters.ts';
import type { Rebuilt } from './engine.ts';
import { EngineClosedError } from './errors.ts';
import type { CloseOptions, CloseReport } from './face.ts';
import { durationMs } from './job/duration.ts';
import type { Mailbox, Turns } from './kernel/actor.ts';
import type { Clock } from './kernel/clock.ts';
import type { Supervisor } from './kernel/supervisor.ts';
import type { Home } from './log/home.ts';
import type { Settings } from './options.ts';

export interface ClosingParts {
  readonly clock: Clock;
  readonly home: Home;
  readonly turns: Turns;
  readonly threads: Threads;
  readonly runner: Runner;
  readonly supervisor: Supervisor<Rebuilt>;
  readonly waiters: Waiters;
  readonly mailboxes: { readonly journal: Mailbox<JournalMessage>; readonly schedules: Mailbox<SchedulesMessage> };
  readonly settings: Settings;
  /** Wakes those who follow the events, so that they see the end. */
  readonly announceCommit: () => void;
}

export interface Closing {
  /** Aborts when somebody has asked for the end. */
  readonly signal: AbortSignal;
  /** Whether somebody has asked for the end: nothing new is taken from then on. */
  isBegun(): boolean;
  /** Whether the folder has been let go of. */
  isOver(): boolean;
  begin(options: CloseOptions): Promise<CloseReport>;
}

const DEFAULT_DRAIN_MS = 5_000;

export function closeEngine(parts: ClosingParts): Closing {
  const { clock, runner, supervisor } = parts;
  let report: Promise<CloseReport> | undefined;
  let isOver = false;
  const begun = new AbortController();
  // What hangs on an engine may be as much as the app likes.
  setMaxListeners(0, begun.signal);

  async function close(drainMs: number): Promise<CloseReport> {
    const startedAt = clock.monotonic();
    const before = { ...runner.counts };
    // Nothing is started from now on. The first time waits for the starts that are being written, the second one for
    // the runner to have them.
    await flush();
    await flush();
    await within(drainMs, runner.whenIdle());
    runner.abortAll({ kind: 'interrupted' });
    // A store that fails now keeps ends from becoming durable; they are repeated at the next start.
    if (supervisor.mode === 'up') await within(parts.settings.graceMs + KILL_MS, runner.whenIdle());
    await parts.threads.close();
    await lastWords();
    isOver = true;
    parts.announceCommit();
    await supervisor.stop(new EngineClosedError()).catch(unclosed);
    // Not before: who was to be answered by a commit that is lost now waits again.
    parts.waiters.lose(new EngineClosedError());
    await parts.home.close().catch(unclosed);
    parts.turns.stop();
    clock.stop();
    const { journal, schedules } = parts.mailboxes;
    for (const mailbox of [journal, schedules]) mailbox.close(refuse);
    return {
      completed: runner.counts.ended - before.ended,
      interrupted: runner.counts.interrupted - before.interrupted,
      abandoned: runner.counts.abandoned - before.abandoned,
      durationMs: clock.monotonic() - startedAt,
    };
  }

  /** A handler that was given up may still ask, and what was asked in a recovery may not have been received. */
  function refuse(message: JournalMessage | SchedulesMessage): void {
    refuseAll([message], new EngineClosedError());
  }

  /** What was promised is on the disk already, so that a caller could do nothing about it. */
  function unclosed(error: unknown): void {
    parts.settings.logger?.error({ err: error }, 'the store could not be closed in order');
  }

  /** Waits until all that is recorded is durable; without a store that takes it, not at all. */
  async function flush(): Promise<void> {
    if (supervisor.mode === 'up') await told('flush');
  }

  /** The mark of a clean end, and the witness of it. */
  async function lastWords(): Promise<void> {
    const rebuilt = supervisor.part;
    if (supervisor.mode !== 'up' || rebuilt === undefined || !(await told('close'))) return;
    await parts.home.witness(rebuilt.opened.log).catch((error: unknown) => {
      // The log is whole; only its end goes without a second proof.
      parts.settings.logger?.warn({ err: error }, 'the witness of the log could not be written');
    });
  }

  /** Resolves to whether what was told is durable. */
  function told(kind: 'flush' | 'close'): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = { resolve: () => resolve(true), reject: () => resolve(false) };
      parts.mailboxes.journal.tell({ kind, settle });
    });
  }

  /** Waits for `promise`, but no longer than `ms`. */
  function within(ms: number, promise: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      // Whoever awaits the end shall see it, also where the engine does not keep the process alive.
      const alarm = clock.alarm('monotonic', resolve, true);
      alarm.set(clock.monotonic() + ms);
      promise.then(() => alarm.clear()).then(resolve, reject);
    });
  }

  return {
    signal: begun.signal,
    isBegun: () => report !== undefined,
    isOver: () => isOver,
    begin({ drain }) {
      if (report === undefined) {
        report = close(drain === undefined ? DEFAULT_DRAIN_MS : durationMs(drain, 'drain'));
        begun.abort(new EngineClosedError());
      }
      return report;
    },
  };
}

/** How long a thread may take to be gone after it was told to. */
const KILL_MS = 5_000;
