/** What each command does: it is refused, or it becomes events, and something to be seen once they are durable. */
import { AttemptEndedError, JobNotFoundError, type FlatError } from '../errors.ts';
import type { JobEvent, Noted } from '../job/event.ts';
import { isFinal } from '../job/machine.ts';
import type { ActorRef } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../log/log.ts';
import type { DispatcherMessage, JobEnd, JournalMessage, RunnerMessage, SchedulesMessage } from './messages.ts';
import type { Dependencies } from './dependencies.ts';
import { createChanges } from './changes.ts';
import { Capacity } from './capacity.ts';
import { CancelReasons, createEndings } from './endings.ts';
import { createFamilies, type Families } from './families.ts';
import { noteDown } from './notes.ts';
import type { Pending } from './pending.ts';
import type { QueueBook } from './queue-book.ts';
import type { Rates } from './rates.ts';
import { createIntake, type Rest } from './intake.ts';
import { createRegulate } from './regulation.ts';
import type { Retention } from './retention.ts';
import { createStart } from './starts.ts';
import type { Waiters } from './waiters.ts';

export interface CommandParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly retention: Retention;
  readonly waiters: Waiters;
  readonly dependencies: Dependencies;
  /** How many slots the engine has. */
  readonly concurrency: number;
  readonly book: QueueBook;
  readonly rates: Rates;
  readonly dispatcher: ActorRef<DispatcherMessage>;
  readonly runner: ActorRef<RunnerMessage>;
  readonly schedules: ActorRef<SchedulesMessage>;
  /** The slots of jobs of whose end they want to hear. */
  readonly watched: Set<number>;
  readonly maxCrashes: number;
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
  { kind: 'enqueue' | 'start' | 'save' | 'end' | 'die' | 'cancel' | 'change' | 'note' | 'regulate' | 'wait' }
>;
type CommandOf<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

export interface Commands {
  /** Of a command that would take long it does a part, and gives the rest. */
  carryOut(command: Command): Rest | undefined;
  /** Tells those that wait for a job what its new state means for them. */
  settleChildren(slot: number): void;
  /** A job waits, perhaps for nothing any more. */
  readonly waits: Families['waits'];
}

export function createCommands(parts: CommandParts): Commands {
  const { clock, waiters, dispatcher, runner, record, pending } = parts;
  const { table } = parts.log;
  const families = createFamilies({ ...parts, table, ended });
  const { settleChildren } = families;
  const capacity = new Capacity(table, parts.book);
  const changed = createChanges({ ...parts, table }, { ...families, waits });
  const start = createStart({ ...parts, table, waits });
  const regulate = createRegulate({ ...parts, table });
  const drop = (slot: number) => cancelOne(slot, 'Its queue was full, and it was the oldest that waited there.');
  const intake = createIntake({ ...parts, table, capacity, waits, drop });
  const cancelReasons = new CancelReasons();
  const end = createEndings({ ...parts, table, capacity, intake, cancelReasons, waits, ended });

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
      case 'regulate':
        regulate(command);
        break;
      case 'wait':
        wait(command);
        break;
    }
    return undefined;
  }

  function waits(slot: number): void {
    capacity.add(slot);
    families.waits(slot);
  }

  function save({ slot, token, checkpoint, settle }: CommandOf<'save'>): void {
    if (table.tokenOf(slot) !== token) {
      settle.reject(new AttemptEndedError('save'));
      return;
    }
    record({ kind: 'checkpointed', slot, at: clock.now(), checkpoint });
    pending().answer(settle, undefined);
  }

  function die({ slot, order, why, problem }: CommandOf<'die'>): void {
    if (table.stateOf(slot) !== 'waiting' || table.orderOf(slot) !== order) return;
    const error: FlatError = { name: 'Error', message: problem };
    record({ kind: 'died', slot, at: clock.now(), why, error: JSON.stringify(error) });
    dispatcher.tell({ kind: 'gone', slot });
    ended(slot, { state: 'dead', reason: why, error });
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

  return { carryOut, settleChildren, waits: families.waits };
}
