/** What each command does: it is refused, or it becomes events, and something to be seen once they are durable. */
import {
  AttemptEndedError,
  DuplicateJobError,
  flattenError,
  IllegalTransitionError,
  JobNotFoundError,
  type FlatError,
  type HoldfastError,
} from '../errors.ts';
import { decideFailure } from '../job/decide.ts';
import type { JobEvent, Noted } from '../job/event.ts';
import { isFinal, nextState } from '../job/machine.ts';
import type { ActorRef } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../log/log.ts';
import type {
  Change,
  DispatcherMessage,
  JobEnd,
  JournalMessage,
  RunnerMessage,
  SchedulesMessage,
  Verdict,
} from './messages.ts';
import type { Dependencies } from './dependencies.ts';
import { eventOf } from './changes.ts';
import { createFamilies } from './families.ts';
import { noteDown } from './notes.ts';
import type { Pending } from './pending.ts';
import type { QueueBook } from './queue-book.ts';
import type { Rates } from './rates.ts';
import { createIntake, type Rest } from './intake.ts';
import { refusalOf } from './refusal.ts';
import type { Retention } from './retention.ts';
import { createStart } from './starts.ts';
import type { Waiters } from './waiters.ts';

export interface CommandParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly retention: Retention;
  readonly waiters: Waiters;
  readonly dependencies: Dependencies;
  readonly book: QueueBook;
  readonly rates: Rates;
  readonly dispatcher: ActorRef<DispatcherMessage>;
  readonly runner: ActorRef<RunnerMessage>;
  readonly schedules: ActorRef<SchedulesMessage>;
  /** The slots of jobs of whose end they want to hear. */
  readonly watched: Set<number>;
  readonly listSlice: number;
  readonly createId: () => string;
  /** Whether the engine is to end: nothing is started any more. */
  readonly isClosing: () => boolean;
  /** Whether the disk is full: no new jobs are taken, and none is started. */
  readonly isFull: () => boolean;
  /** Adds an event to the open frame and applies it; returns its position. */
  readonly record: (event: JobEvent | Noted) => number;
  /** What the open frame will make visible. */
  readonly pending: () => Pending;
}

/** The messages that are commands. */
export type Command = Extract<
  JournalMessage,
  { kind: 'enqueue' | 'start' | 'save' | 'end' | 'die' | 'cancel' | 'change' | 'note' | 'wait' }
>;
type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

export interface Commands {
  /** Of a command that would take long it does a part, and gives the rest. */
  carryOut(command: Command): Rest | undefined;
  /** Tells those that wait for a job what its new state means for them. */
  settleChildren(slot: number): void;
}

export function createCommands(parts: CommandParts): Commands {
  const { clock, retention, waiters, dependencies, dispatcher, runner, record, pending } = parts;
  const { table } = parts.log;
  const families = createFamilies({ ...parts, table, ended });
  const { waits, settleChildren } = families;
  const start = createStart({ ...parts, table }, families);
  const intake = createIntake({ ...parts, table, waits });
  /** Why running jobs are to be cancelled; the log knows it too, but it may have forgotten the job before anybody asks. */
  const cancelReasons = new Map<number, string | undefined>();

  function carryOut(command: Command): Rest | undefined {
    switch (command.kind) {
      case 'enqueue':
        return intake.enqueue(command.jobs, command.settle);
      case 'start':
        start(command);
        break;
      case 'save':
        save(command);
        break;
      case 'end':
        end(command);
        break;
      case 'die':
        die(command);
        break;
      case 'change':
        pending().answer(
          command.settle,
          command.ids.map((id) => changed(id, command.change)),
        );
        break;
      case 'cancel':
        cancel(command);
        break;
      case 'note':
        noteDown({ ...parts, table, take: intake.take, cancelOne }, command);
        break;
      case 'wait':
        wait(command);
        break;
    }
    return undefined;
  }

  function save({ slot, token, checkpoint, settle }: CommandOf<'save'>): void {
    if (table.tokenOf(slot) !== token) {
      settle.reject(new AttemptEndedError('save'));
      return;
    }
    record({ kind: 'checkpointed', slot, at: clock.now(), checkpoint });
    pending().answer(settle, undefined);
  }

  function end({ slot, token, verdict, report }: CommandOf<'end'>): void {
    // A late, double or foreign result changes nothing; the runner may forget it all the same.
    if (table.tokenOf(slot) === token) {
      if (report !== undefined) record({ kind: 'progressed', slot, at: clock.now(), report });
      conclude(slot, verdict);
    }
    pending().kept.push(token);
  }

  function conclude(slot: number, verdict: Verdict): void {
    const at = clock.now();
    if (table.isCancelling(slot)) {
      record({ kind: 'cancelled', slot, at, reason: undefined });
      ended(slot, cancelReasons.has(slot) ? { state: 'cancelled', reason: cancelReasons.get(slot) } : undefined);
      cancelReasons.delete(slot);
      return;
    }
    switch (verdict.kind) {
      case 'completed':
        complete(slot, verdict, at);
        break;
      case 'interrupted':
        record({ kind: 'interrupted', slot, at, why: 'closing' });
        waits(slot);
        break;
      case 'failed':
        fail(slot, verdict, at);
        break;
    }
  }

  /** The job and those it wanted to follow its end come into being together, or it has failed. */
  function complete(slot: number, { result, followUps, policy }: Verdict & { kind: 'completed' }, at: number): void {
    const refusal =
      followUps === undefined ? undefined : refusalOf(followUps, table, { isFull: false, at, ending: slot });
    if (refusal !== undefined) {
      fail(slot, { kind: 'failed', error: flattenError(refusal), policy }, at);
      return;
    }
    record({ kind: 'completed', slot, at, result });
    for (const job of followUps ?? []) intake.take(job, at);
    ended(slot, { state: 'completed', result });
  }

  function fail(slot: number, { error, policy }: Verdict & { kind: 'failed' }, now: number): void {
    const attempts = table.attemptsOf(slot);
    const snoozes = table.snoozesOf(slot);
    const event = decideFailure({ slot, error, attempts, snoozes, ...policy, now, random: () => clock.random() });
    record(event);
    if (event.kind === 'died') ended(slot, { state: 'dead', reason: event.why, error });
    else waits(slot);
  }

  function die({ slot, order, why, problem }: CommandOf<'die'>): void {
    if (table.stateOf(slot) !== 'waiting' || table.orderOf(slot) !== order) return;
    const error: FlatError = { name: 'Error', message: problem };
    record({ kind: 'died', slot, at: clock.now(), why, error: JSON.stringify(error) });
    dispatcher.tell({ kind: 'gone', slot });
    ended(slot, { state: 'dead', reason: why, error });
  }

  /** Undefined when it was done, else why not; one that cannot be changed does not keep the others from it. */
  function changed(id: string, change: Change): HoldfastError | undefined {
    const slot = table.ids.find(id);
    if (slot < 0) return new JobNotFoundError(id);
    const event = eventOf(change, slot, clock.now(), isFinal(table.stateOf(slot)));
    const state = table.stateOf(slot);
    if (nextState(state, event.kind) === undefined || (event.kind === 'removed' && !isFinal(state))) {
      return new IllegalTransitionError({ id, state, event: event.kind });
    }
    const isHindered = event.kind === 'removed' ? dependencies.isNeeded(slot) : dependencies.of(slot) === 'unreachable';
    if (isHindered) return new IllegalTransitionError({ id, state, event: event.kind });
    if (event.kind === 'revived' && table.labelled.isTaken(slot, table.typeNumberOf(slot))) {
      return new DuplicateJobError({ key: table.labelled.of(slot)?.unique ?? '', id: undefined });
    }
    if (isFinal(state)) retention.forget(slot);
    record(event);
    if (event.kind === 'removed') return undefined;
    waits(slot);
    settleChildren(slot);
    return undefined;
  }

  function cancel({ id, reason, descendants, settle }: CommandOf<'cancel'>): void {
    const slot = table.ids.find(id);
    if (slot < 0) {
      pending().refuse(settle, new JobNotFoundError(id));
      return;
    }
    const members = descendants ? families.descendants(slot) : [slot];
    for (const member of members) cancelOne(member, reason);
    const state = table.stateOf(slot);
    pending().answer(settle, state === 'running' || state === 'cancelled');
  }

  function cancelOne(slot: number, reason: string | undefined): void {
    const text = reason === undefined ? undefined : JSON.stringify(reason);
    const at = clock.now();
    const state = table.stateOf(slot);
    if (state === 'waiting') {
      record({ kind: 'cancelled', slot, at, reason: text });
      dispatcher.tell({ kind: 'gone', slot });
      ended(slot, { state: 'cancelled', reason });
    } else if (state === 'running' && !table.isCancelling(slot)) {
      record({ kind: 'cancelling', slot, at, reason: text });
      cancelReasons.set(slot, reason);
      const token = table.tokenOf(slot) as number;
      pending().whenDurable(() =>
        runner.tell({ kind: 'abort', token, reason: { kind: 'cancelled', message: reason } }),
      );
    }
  }

  function wait({ id, settle }: CommandOf<'wait'>): void {
    const slot = table.ids.find(id);
    if (slot < 0) pending().refuse(settle, new JobNotFoundError(id));
    else if (isFinal(table.stateOf(slot))) pending().answer(settle, { found: { slot, order: table.orderOf(slot) } });
    else waiters.add(slot, table.orderOf(slot), settle);
  }

  /**
   * A job has reached a final state: tell those who wait for it, and let retention forget what is too much.
   *
   * @param jobEnd undefined when only the log has the reason
   */
  function ended(slot: number, jobEnd?: JobEnd): void {
    const found = { slot, order: table.orderOf(slot) };
    waiters.answer(found, jobEnd === undefined ? { found } : { ended: jobEnd }, pending());
    families.retire(slot);
    settleChildren(slot);
    if (parts.watched.delete(slot)) parts.schedules.tell({ kind: 'ended', slot });
  }

  return { carryOut, settleChildren };
}
