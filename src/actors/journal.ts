/**
 * The journal: the one actor that changes jobs. For each command it decides (`commands.ts`), applies the event to the
 * table at once, and adds it to the open frame. The other actors work on the applied state freely, since the log's order guarantees
 * that what is durable is a prefix. Only what the outside can see waits for its frame to be durable: an answer, a
 * started handler, an end that a runner may forget.
 *
 * There is one commit at a time. Whatever is decided while it is under way goes into the next, so the groups grow with
 * the load by themselves. When a commit is rejected its outcome is unknown: the journal stops, and whoever supervises
 * it makes a new one from a replay of the store.
 */
import { IllegalTransitionError, UnknownOutcomeError } from '../errors.ts';
import { decideCrash } from '../job/decide.ts';
import { isAboutJob, type Closed, type JobEvent, type Noted, type Opened } from '../job/event.ts';
import { isFinal, nextState } from '../job/machine.ts';
import type { ActorRef, Mailbox, Turns } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../log/log.ts';
import type { Trimmer } from '../log/trim.ts';
import { createCommands } from './commands.ts';
import type { Rest } from './intake.ts';
import type { Dependencies } from './dependencies.ts';
import {
  refuseAll,
  type DispatcherMessage,
  type Hold,
  type JournalMessage,
  type RunnerMessage,
  type SchedulesMessage,
  type Start,
} from './messages.ts';
import { Pending } from './pending.ts';
import type { QueueBook } from './queue-book.ts';
import type { Rates } from './rates.ts';
import type { Retention } from './retention.ts';
import type { Throughput } from './throughput.ts';
import type { Waiters } from './waiters.ts';

export interface JournalParts {
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
  readonly trimmer: Trimmer;
  readonly retention: Retention;
  readonly dependencies: Dependencies;
  readonly throughput: Throughput;
  readonly concurrency: number;
  readonly book: QueueBook;
  readonly rates: Rates;
  readonly mailbox: Mailbox<JournalMessage>;
  readonly dispatcher: ActorRef<DispatcherMessage>;
  readonly runner: ActorRef<RunnerMessage>;
  readonly schedules: ActorRef<SchedulesMessage>;
  /** The slots of jobs of whose end the schedules want to hear. */
  readonly watched: Set<number>;
  /** Outlives the journal: who waits for the end of a job still does so after a recovery. */
  readonly waiters: Waiters;
  readonly maxCrashes: number;
  /** Whether the engine is to end: nothing is started any more. */
  readonly isClosing: () => boolean;
  /** Whether the disk is full: no new jobs are taken, and none is started. */
  readonly isFull: () => boolean;
  /** Gives a new ULID. */
  readonly listSlice: number;
  readonly createId: () => string;
  /** Called after each commit, when everything it made visible has been told. */
  readonly onCommitted: () => void;
  /** Called once when a commit was rejected: its outcome is unknown and the journal has stopped. */
  readonly onLost: (error: unknown) => void;
}

export interface Journal {
  /**
   * Begins the life of this engine on the log, or goes on with it after a recovery. An attempt that is found running
   * goes on if `isAlive` knows it. One of an earlier process was ended by its death. One of this process was never handed
   * to the runner, since the commit that started it was rejected: that is done now, and those starts are returned.
   */
  resume(how: {
    /** Where the log ended when this engine first opened it. */
    readonly bornAt: number;
    readonly isAlive: (token: number) => boolean;
    /** The moment of the newest event in the log. */
    readonly newestAt: number;
    /** What an attempt of this job takes up. */
    readonly holdOf: (slot: number) => Hold;
  }): readonly Start[];
  /** No commit begins any more. Everything not yet durable is answered with `error`. */
  stop(error: Error): void;
}

export function createJournal(parts: JournalParts): Journal {
  const { turns, clock, log, trimmer, retention, runner, waiters } = parts;
  const { table } = log;
  const sweepAlarm = clock.alarm('wall', () => parts.mailbox.tell({ kind: 'sweep' }));
  /** What the open frames will make visible, and what the commit under way will. */
  let pending = new Pending();
  let committing: Pending | undefined;
  let isStopped = false;
  /** A commit is told in this turn: who is answered runs before the next one begins, and what they ask for goes into it. */
  let isTelling = false;
  /** The mark of a clean end has been recorded: nothing may come behind it. */
  let hasEnded = false;

  /** What is left of a command that would take long in one go; what came behind it waits for its end. */
  let rest: Rest | undefined;
  let deferred: JournalMessage[] = [];

  parts.mailbox.serve(receiveAll);

  function receiveAll(messages: readonly JournalMessage[]): void {
    let received = 0;
    try {
      for (const message of messages) {
        if (rest === undefined || message.kind === 'rest' || message.kind === 'committed') receive(message);
        else deferred.push(message);
        received++;
      }
    } catch (error) {
      // What was decided before is lost with this journal; those who asked for the rest would never hear of it.
      const lost = new UnknownOutcomeError('a fault of the engine', { cause: error });
      refuseAll(messages.slice(received), lost);
      throw error;
    }
  }
  turns.whenQuiet(commit);
  const { carryOut, settleChildren, waits } = createCommands({ ...parts, record, pending: () => pending });

  function receive(message: JournalMessage): void {
    switch (message.kind) {
      case 'flush':
        pending.answer(message.settle, undefined);
        break;
      case 'close':
        end();
        pending.answer(message.settle, undefined);
        break;
      case 'sweep':
        if (!hasEnded) sweep();
        break;
      case 'committed':
        committed();
        break;
      case 'rest':
        goOn();
        break;
      case 'enqueue':
      case 'start':
      case 'save':
      case 'end':
      case 'die':
      case 'cancel':
      case 'change':
      case 'note':
      case 'regulate':
      case 'wait':
        rest = carryOut(message);
        if (rest !== undefined) parts.mailbox.tell({ kind: 'rest' });
        break;
    }
  }

  /** All that a command does is in one commit; but in between the event loop may serve others. */
  function goOn(): void {
    if (rest?.() === true) {
      parts.mailbox.tell({ kind: 'rest' });
      return;
    }
    rest = undefined;
    const waiting = deferred;
    deferred = [];
    receiveAll(waiting);
  }

  /** The mark says that nothing was running. An attempt whose end could not be recorded in time makes that untrue. */
  function end(): void {
    hasEnded = true;
    if (table.runningCount === 0) record({ kind: 'closed', at: clock.now() });
  }

  /** Adds an event to the open frame and applies it. What may not happen is a fault of ours, not of the caller. */
  function record(event: JobEvent | Noted | Opened | Closed): number {
    if (isAboutJob(event)) {
      const state = table.stateOf(event.slot);
      if (nextState(state, event.kind) === undefined) {
        throw new IllegalTransitionError({
          id: state === 'absent' ? '?' : table.ids.of(event.slot),
          state,
          event: event.kind,
        });
      }
      parts.throughput.note(event, table);
    }
    if (event.kind !== 'removed') return log.record(event);
    parts.dependencies.remove(event.slot, () => log.record(event));
    return 0;
  }

  /** After a recovery: some jobs that are waited for may have ended, or may never have been. */
  function answerWaiters(): void {
    for (const { slot, order } of waiters.all()) {
      const isHere = table.stateOf(slot) !== 'absent' && table.orderOf(slot) === order;
      if (isHere && !isFinal(table.stateOf(slot))) continue;
      if (isHere) waiters.answer({ slot, order }, { found: { slot, order } }, pending);
      else
        for (const settle of waiters.take(slot)) pending.refuse(settle, new UnknownOutcomeError('a wait for a result'));
    }
  }

  function sweep(): void {
    const at = clock.now();
    for (let slot = retention.takeDue(at); slot >= 0; slot = retention.takeDue(at)) {
      // Jobs that wait for it may have come since it ended. When they have ended it will be here again.
      if (!parts.dependencies.isNeeded(slot)) record({ kind: 'removed', slot, at });
    }
    if (retention.dueAt < Infinity) sweepAlarm.set(retention.dueAt);
  }

  function commit(): void {
    const hasWork = log.hasUncommitted || !pending.isEmpty || (trimmer.hasWork && !hasEnded);
    const isFirst = isTelling;
    isTelling = false;
    if (isStopped || committing !== undefined || rest !== undefined || !hasWork) return;
    if (isFirst) {
      turns.again();
      return;
    }
    if (!hasEnded) {
      sweep();
      trimmer.step(clock.now());
    }
    committing = pending;
    pending = new Pending();
    log.commit().then(
      () => {
        parts.mailbox.tell({ kind: 'committed' });
        turns.runNow();
      },
      (error: unknown) => {
        if (!isStopped) parts.onLost(error);
      },
    );
  }

  function committed(): void {
    const visible = committing;
    committing = undefined;
    if (visible === undefined || isStopped) return;
    trimmer.committed();
    isTelling = true;
    visible.release(runner);
    parts.onCommitted();
  }

  return {
    resume({ bornAt, isAlive, newestAt, holdOf }) {
      const at = clock.now();
      // Behind all that is stored, so that the next opening knows of the ids that are given out from here on.
      record({ kind: 'opened', at: Math.max(at, newestAt + 1) });
      // Where its starts are kept when the records of them are trimmed.
      for (const name of parts.rates.queues()) {
        if (table.entries.get('queue', name) !== undefined) continue;
        record({ kind: 'noted', at, space: 'queue', name, what: 'created', detail: undefined, value: '{}' });
      }
      for (const slot of table.running()) {
        const token = table.tokenOf(slot) as number;
        if (isAlive(token)) {
          if (table.isCancelling(slot)) runner.tell({ kind: 'abort', token, reason: { kind: 'cancelled' } });
          continue;
        }
        if (token < bornAt || table.isCancelling(slot)) {
          const { isCancelling, crashes } = table.row(slot);
          record(decideCrash({ slot, isCancelling, crashes, maxCrashes: parts.maxCrashes, now: at }));
          settleChildren(slot);
        } else if (parts.isClosing()) record({ kind: 'interrupted', slot, at, why: 'closing' });
        else pending.starts.push({ slot, order: table.orderOf(slot), token, hold: holdOf(slot) });
      }
      // A parent may have come to another end while its child ran, in the attempt that is over now.
      for (const slot of table.slotsWithParents()) {
        if (table.stateOf(slot) === 'waiting' && parts.dependencies.of(slot) === 'unreachable') waits(slot);
      }
      for (let slot = 0; slot < table.end; slot++) {
        if (isFinal(table.stateOf(slot)) && !retention.has(slot) && !parts.dependencies.isNeeded(slot))
          retention.add(slot);
      }
      answerWaiters();
      // Makes a turn, at the end of which all this is written.
      parts.mailbox.tell({ kind: 'sweep' });
      return [...pending.starts];
    },
    stop(error) {
      isStopped = true;
      sweepAlarm.clear();
      committing?.lose(error);
      pending.lose(error);
      refuseAll(deferred, error);
    },
  };
}
