/**
 * The schedules: makes the jobs of nominal times when they come, and decides what becomes of those that were missed
 * (`job/judge.ts`, `job/admit.ts`). All it knows is stored: what a schedule says and how far it has come are entries of
 * the log, and the journal records a job and the progress that goes with it in one commit. So a kill leaves both or
 * neither, and no nominal time is lost or kept twice.
 *
 * A heap holds the moment at which each schedule is to be looked at next; there is one alarm. Whatever wakes it (a time
 * that has come, an opening, sleep, a clock that jumped) leads to the same look.
 */
import { NONE } from '../schedule-options.ts';
import { admit, type Admitted, type Run } from '../job/admit.ts';
import { judge, nextDue, type Judged } from '../job/judge.ts';
import { isFinal } from '../job/machine.ts';
import { decodeDefinition, decodeProgress, type Definition, type Progress } from '../job/schedule.ts';
import { Heap, Places } from '../kernel/heap.ts';
import { refuseAll, type NoteMessage, type Settle, type SchedulesMessage } from './messages.ts';
import { isMadeUp, occurrenceJob } from './occurrence-job.ts';
import { carryOutSchedule } from './schedule-commands.ts';
import type { Change, Held, ScheduleKeeper, ScheduleParts } from './schedule-keeper.ts';
import { notesOf, wakeOf } from './schedule-notes.ts';

/** How many are looked at, and taken in, before others get their turn. */
const LOOK_SLICE = 64;
const LOAD_SLICE = 2_000;
const MOST_RUNS = 50;
/** How often a schedule is looked at again whose jobs cannot be taken. */
const AGAIN_MS = 60_000;
/** Runs that are made up are spread, so that the host does not choke: by so much for each schedule, and in all. */
const SPREAD_MS = 20;
const LONGEST_SPREAD_MS = 30_000;
const NOBODY: Settle<void> = { resolve: () => undefined, reject: () => undefined };

export function createSchedules(parts: ScheduleParts): { stop(error: Error): void } {
  const { clock, table, mailbox, journal, watched } = parts;
  const { entries } = table;
  const names: string[] = [];
  const numbers = new Map<string, number>();
  /** Numbers of schedules that were deleted. */
  const free: number[] = [];
  const heap = new Heap(new Places());
  const alarm = clock.alarm('wall', () => mailbox.tell({ kind: 'due' }));
  const settling = clock.alarm('monotonic', () => mailbox.tell({ kind: 'look' }));
  /** Schedules that have missed runs to make up when the engine has settled, by number. */
  const unsettled = new Set<number>();
  /** By slot of the job that has to end first. */
  const waiting = new Map<number, number>();
  const loading = entries.in('schedule');
  /** What the journal was told and has not recorded yet, by name; and the ids of the jobs in it. */
  const told = new Map<string, Held | undefined>();
  const making = new Set<string>();
  /** How many notes that is. They wait while the journal takes a long list, for as many turns as that needs. */
  let unrecorded = 0;
  let isAsked = false;
  /** How many schedules had something to make up when the engine settled. */
  let crowd = 0;

  mailbox.serve((messages) => {
    isAsked = false;
    for (const message of messages) receive(message);
    wind();
  });
  mailbox.tell({ kind: 'load' });

  function receive(message: SchedulesMessage): void {
    switch (message.kind) {
      case 'load':
        load();
        break;
      case 'due':
        break;
      case 'look':
        lookAgain();
        break;
      case 'ended':
        ended(message.slot);
        break;
      case 'flush':
        journal.tell({ kind: 'note', entries: [], settle: message.settle });
        break;
      case 'put':
      case 'pause':
      case 'resume':
      case 'trigger':
      case 'backfill':
      case 'delete':
        carryOutSchedule(keeper, message);
    }
    lookAtDue();
  }

  function load(): void {
    for (let n = 0; n < LOAD_SLICE; n++) {
      const next = loading.next();
      if (next.done === true) return;
      const { name } = next.value;
      if (numbers.has(name)) continue;
      // After a repair it may be lost; the schedule begins anew when somebody sets it again.
      const progress = entries.get('progress', name);
      if (progress !== undefined) wake(numberOf(name), decodeProgress(progress.value).wakeAt ?? Infinity);
    }
    mailbox.tell({ kind: 'load' });
  }

  function numberOf(name: string): number {
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const number = free.pop() ?? names.length;
    names[number] = name;
    numbers.set(name, number);
    return number;
  }

  function wake(number: number, at: number): void {
    heap.remove(number);
    if (at < Infinity) heap.push(number, at, number);
  }

  function lookAtDue(): void {
    if (parts.isClosing()) return;
    for (let n = 0; n < LOOK_SLICE && heap.peekFirst() <= clock.now(); n++) look(heap.pop());
  }

  /** The alarm rings for the next one; what is due already goes on in a turn that may be another one. */
  function wind(): void {
    if (parts.isClosing()) return;
    if (heap.peekFirst() > clock.now()) {
      if (heap.size > 0) alarm.set(heap.peekFirst());
    } else if (!isAsked) {
      isAsked = true;
      mailbox.tell({ kind: 'due' });
    }
    if (unsettled.size > 0) settling.set(parts.settledAt());
  }

  function isSettled(): boolean {
    return clock.monotonic() >= parts.settledAt();
  }

  function lookAgain(): void {
    if (!isSettled()) return;
    crowd = unsettled.size;
    for (const number of unsettled) wake(number, 0);
  }

  function ended(slot: number): void {
    const number = waiting.get(slot);
    waiting.delete(slot);
    if (number !== undefined) wake(number, 0);
  }

  const find = (name: string): Held | undefined => {
    if (told.has(name)) return told.get(name);
    const stored = entries.get('schedule', name);
    const progress = entries.get('progress', name);
    if (stored === undefined || progress === undefined) return undefined;
    return { definition: decodeDefinition(stored.value), progress: decodeProgress(progress.value) };
  };

  const keeper: ScheduleKeeper = {
    find,
    now: () => clock.now(),
    isFull: parts.isFull,
    judged: ({ definition, progress }) => judgedUpTo(definition, progress, clock.now()),
    change,
    remove(name, settle) {
      const entry = { name, what: 'deleted', detail: undefined, value: '' };
      told.set(name, undefined);
      heap.remove(numberOf(name));
      unsettled.delete(numberOf(name));
      free.push(numberOf(name));
      numbers.delete(name);
      note({
        entries: [
          { ...entry, space: 'schedule' },
          { ...entry, space: 'progress' },
        ],
        settle,
      });
    },
    look: (name) => wake(numberOf(name), 0),
  };

  /** A pause that has ended by itself is over from its own moment on. */
  function judgedUpTo({ plan }: Definition, progress: Progress, now: number): Judged {
    const { paused } = progress;
    if (paused === undefined) return judge(plan, progress, now);
    if (paused.until === undefined || paused.until > now) return { progress, skips: [] };
    const before = judge(plan, progress, paused.until, NONE, 'paused');
    const after = judge(plan, { ...before.progress, paused: undefined }, now);
    return { progress: after.progress, skips: [...before.skips, ...after.skips] };
  }

  function look(number: number): void {
    const name = names[number] as string;
    unsettled.delete(number);
    const held = find(name);
    if (held === undefined) return;
    if (parts.isFull()) {
      wake(number, clock.now() + AGAIN_MS);
      return;
    }
    const { definition } = held;
    const judged = keeper.judged(held);
    if (judged.progress.paused !== undefined) {
      wake(number, judged.progress.paused.until ?? Infinity);
      return;
    }
    const admitted = admit(definition.plan, judged.progress, {
      ...{ name, now: clock.now(), isOpen: isOpen(judged.progress), isSettled: isSettled(), most: MOST_RUNS },
      isTaken: (id) => making.has(id) || table.ids.find(id) >= 0,
    });
    const { runs, progress } = admitted;
    const skips = [...judged.skips, ...admitted.skips];
    const isNews = judged.progress !== held.progress || runs.length > 0 || skips.length > 0;
    if (isNews)
      change(name, held, { progress, runs, skips, ...(runs.length + skips.length > 0 ? {} : { what: 'missed' }) });
    wait(number, definition, admitted);
  }

  function isOpen({ last }: Progress): boolean {
    if (last === undefined) return false;
    const slot = table.ids.find(last.id);
    return making.has(last.id) || (slot >= 0 && !isFinal(table.stateOf(slot)));
  }

  function wait(number: number, { plan }: Definition, { progress, waitsFor }: Admitted): void {
    wake(number, waitsFor === 'turn' ? clock.now() : (nextDue(plan, progress) ?? Infinity));
    if (waitsFor === 'settled') unsettled.add(number);
    if (waitsFor !== 'end' || progress.last === undefined) return;
    const slot = table.ids.find(progress.last.id);
    // One that is being made has no slot yet.
    if (slot < 0) wake(number, clock.now());
    else {
      waiting.set(slot, number);
      watched.add(slot);
    }
  }

  function change(name: string, before: Held | undefined, made: Change): void {
    const definition = made.definition ?? (before as Held).definition;
    const { runs = [] } = made;
    const progress = { ...made.progress, wakeAt: wakeOf(definition, made.progress) };
    told.set(name, { definition, progress });
    for (const { id } of runs) making.add(id);
    note({
      entries: notesOf(name, made, progress),
      jobs: runs.map((run) => occurrenceJob(definition, run, made.payload, clock.now(), offsetOf(definition, run))),
      replaced: runs.flatMap(({ cancels }) => cancels ?? []),
      settle: made.settle ?? NOBODY,
    });
  }

  function note(what: Omit<NoteMessage, 'kind' | 'recorded'>): void {
    unrecorded += 1;
    journal.tell({ kind: 'note', ...what, recorded });
  }

  function recorded(): void {
    unrecorded -= 1;
    if (unrecorded > 0) return;
    told.clear();
    making.clear();
  }

  /** Put off by dice, within its jitter; what is made up, also so that not all of it begins at once. */
  function offsetOf({ plan }: Definition, { occurrence, after }: Run): number {
    const isFirst = isMadeUp(occurrence) && after === undefined;
    const spread = isFirst ? Math.min(LONGEST_SPREAD_MS, crowd * SPREAD_MS) : 0;
    const latest = Math.max(spread, occurrence.cause === 'trigger' ? 0 : plan.jitterMs);
    return latest === 0 ? 0 : Math.floor(clock.random() * latest);
  }

  return {
    stop(error) {
      alarm.clear();
      settling.clear();
      mailbox.serve((messages) => refuseAll(messages, error));
    },
  };
}
