/** What the schedules and the commands about them say to each other. */
import type { Run } from '../job/admit.ts';
import type { Judged, Skip } from '../job/judge.ts';
import type { Definition, Progress } from '../job/schedule.ts';
import type { JobTable } from '../job/table.ts';
import type { ActorRef, Mailbox } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { JournalMessage, SchedulesMessage, Settle } from './messages.ts';

export interface ScheduleParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly mailbox: Mailbox<SchedulesMessage>;
  readonly journal: ActorRef<JournalMessage>;
  readonly watched: Set<number>;
  /** When missed runs may be made up, in monotonic ms: some time after the engine opened or the machine woke. */
  readonly settledAt: () => number;
  readonly isClosing: () => boolean;
  readonly isFull: () => boolean;
}

/** A schedule as it will be when the journal has recorded what it was told. */
export interface Held {
  readonly definition: Definition;
  readonly progress: Progress;
}

/** What a look at a schedule, or a command, has come to. */
export interface Change {
  readonly definition?: Definition;
  readonly progress: Progress;
  readonly runs?: readonly Run[];
  /** What happened, besides skips and runs: a word, and more about it. */
  readonly what?: string;
  readonly detail?: unknown;
  readonly skips?: readonly Skip[];
  readonly payload?: { readonly text: string | undefined } | undefined;
  readonly settle?: Settle<void>;
}

export interface ScheduleKeeper {
  find(name: string): Held | undefined;
  /** Judges it up to now, so that what follows concerns only what comes after. */
  judged(held: Held): Judged;
  change(name: string, before: Held | undefined, change: Change): void;
  remove(name: string, settle: Settle<void>): void;
  /** It is looked at in this turn. */
  look(name: string): void;
  readonly now: () => number;
  readonly isFull: () => boolean;
}
