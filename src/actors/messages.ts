/** What the actors say to each other. Plain data, but for the `settle` of a caller who waits for an answer. */
import type { FlatError, HoldfastError } from '../errors.ts';
import type { DeathReason, InterruptReason, Noted } from '../job/event.ts';
import type { NewLabels } from '../job/labels.ts';
import type { JobState } from '../job/machine.ts';
import type { Rule } from '../job/calendar.ts';
import type { CatchUp, Plan, Template } from '../job/schedule.ts';
import type { AbortReason } from '../protocol.ts';
import type { RegulateCommand } from './regulation.ts';
import type { Policy } from '../policy.ts';

/** Where an answer goes. Called once. */
export interface Settle<Value> {
  resolve(value: Value): void;
  reject(error: Error): void;
}

/** A job as its caller wants it, checked; the journal gives it its id and its moments. */
export interface NewJob {
  readonly id: string | undefined;
  readonly ifExists: 'reject' | 'return';
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  readonly delayMs: number;
  readonly runAt: number | undefined;
  /** Epoch ms; 0 for none. */
  readonly deadlineAt: number;
  readonly settings: string;
  /** The jobs it waits for, as `encodeEdges` writes them; empty for none. */
  readonly parents: string;
  /** Whose turn it takes in its queue; empty for none. */
  readonly key: string;
  /** What else it is found by; undefined for nothing, as most jobs. */
  readonly labels: NewLabels | undefined;
  readonly payload: string | undefined;
}

/** The ids of the jobs that were asked for. `known`: which of them, by their places, were there before; undefined for none. */
export interface TakenIds extends ReadonlyArray<string> {
  readonly known?: ReadonlySet<number>;
}

/** How an attempt ended. */
export type Verdict =
  | {
      readonly kind: 'completed';
      readonly result: string | undefined;
      readonly followUps: readonly NewJob[] | undefined;
      readonly policy: Policy;
    }
  | { readonly kind: 'failed'; readonly error: FlatError; readonly policy: Policy }
  /** Ended by us; it will run again and it costs nothing, but that whoever ran it died is counted. */
  | { readonly kind: 'interrupted'; readonly why: InterruptReason };

/** How a job ended, for those who wait for it. */
export type JobEnd =
  | { readonly state: 'completed'; readonly result: string | undefined }
  | { readonly state: 'cancelled'; readonly reason: string | undefined }
  | { readonly state: 'dead'; readonly reason: string; readonly error: FlatError | undefined };

/** Where a stored job is found: the slot may be another's later, so the order goes with it. */
export interface Whereabouts {
  readonly slot: number;
  readonly order: number;
}

/** What follows when a wait cannot be answered from memory: the job had ended before. */
export type WaitAnswer = { readonly ended: JobEnd } | { readonly found: Whereabouts };

/** What is done to jobs that do not run. */
export type Change =
  /** Back to waiting: a dead or cancelled job; `attempts` says whether it begins a new series. */
  | { readonly kind: 'revive'; readonly attempts: 'reset' | 'keep' }
  /** A waiting job is due now; a finished one runs again. */
  | { readonly kind: 'retry' }
  /** A waiting job is due now. */
  | { readonly kind: 'promote' }
  /** A finished job is forgotten. */
  | { readonly kind: 'clear' }
  /** A job that does not run is forgotten, if it is in `state`. */
  | { readonly kind: 'delete'; readonly state: JobState | undefined }
  /** A waiting job is to do something else, or at another time; undefined leaves things as they are. */
  | {
      readonly kind: 'update';
      /** The type for which the payload was checked. */
      readonly type: string;
      readonly priority: number | undefined;
      readonly delayMs: number | undefined;
      readonly runAt: number | undefined;
      readonly hasPayload: boolean;
      readonly payload: string | undefined;
    };

/** For each id, in order: undefined when it was done, else why not. */
export type ChangeReport = ReadonlyArray<HoldfastError | undefined>;

/** What is noted of an entry; the journal says when. */
export type Note = Omit<Noted, 'kind' | 'at'>;

/** Something happened to what is stored beside jobs; answered when that is durable. */
export interface NoteMessage {
  readonly kind: 'note';
  readonly entries: readonly Note[];
  /** Jobs that come into being with it, unless their ids are taken. */
  readonly jobs?: readonly NewJob[];
  /** The ids of jobs that these take the place of. */
  readonly replaced?: readonly string[];
  /** Called when it is in the open frame, and so what the table says. */
  readonly recorded?: () => void;
  readonly settle: Settle<void>;
}

export type JournalMessage =
  | { readonly kind: 'enqueue'; readonly jobs: readonly NewJob[]; readonly settle: Settle<TakenIds> }
  | {
      readonly kind: 'start';
      readonly slot: number;
      readonly order: number;
      /** What the dispatcher reserved for it, to be given back if the job is not there any more. */
      readonly hold: Hold;
    }
  | {
      readonly kind: 'save';
      readonly slot: number;
      readonly token: number;
      readonly checkpoint: string;
      readonly settle: Settle<void>;
    }
  | {
      readonly kind: 'end';
      readonly slot: number;
      readonly token: number;
      readonly verdict: Verdict;
      /** The last progress and log lines, if there are any. */
      readonly report: string | undefined;
    }
  /** A waiting job whose time is over, or that nobody can run. */
  | {
      readonly kind: 'die';
      readonly slot: number;
      readonly order: number;
      readonly why: DeathReason;
      readonly problem: string;
    }
  | {
      readonly kind: 'change';
      readonly ids: readonly string[];
      readonly change: Change;
      readonly settle: Settle<ChangeReport>;
    }
  | {
      readonly kind: 'cancel';
      readonly id: string;
      readonly reason: string | undefined;
      /** All that wait for it as well, and all that wait for those. */
      readonly descendants: boolean;
      readonly settle: Settle<boolean>;
    }
  | NoteMessage
  | RegulateCommand
  | { readonly kind: 'wait'; readonly id: string; readonly settle: Settle<WaitAnswer> }
  /** Answered when everything that is in the log now is durable. */
  | { readonly kind: 'flush'; readonly settle: Settle<void> }
  /** The last thing before the store is closed. */
  | { readonly kind: 'close'; readonly settle: Settle<void> }
  | { readonly kind: 'sweep' }
  /** A command that would take long in one go goes on. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'committed' };

/** What is asked of the schedules; answered when it is durable. */
export type ScheduleCommand =
  | {
      readonly kind: 'put';
      readonly name: string;
      readonly plan: Plan;
      readonly startAt: number | undefined;
      readonly template: Template;
      readonly given: string;
      readonly settle: Settle<void>;
    }
  | {
      readonly kind: 'pause';
      readonly name: string;
      readonly reason: string | undefined;
      readonly until: number | undefined;
      readonly settle: Settle<void>;
    }
  | { readonly kind: 'resume'; readonly name: string; readonly catchUp: CatchUp; readonly settle: Settle<void> }
  /** Answered with the id of the job. */
  | {
      readonly kind: 'trigger';
      readonly name: string;
      readonly payload: { readonly text: string | undefined } | undefined;
      readonly settle: Settle<string>;
    }
  | {
      readonly kind: 'backfill';
      readonly name: string;
      readonly from: number;
      readonly to: number;
      readonly count: number;
      readonly rule: Rule;
      readonly order: 'oldest' | 'newest';
      readonly isParallel: boolean;
      readonly settle: Settle<void>;
    }
  | { readonly kind: 'delete'; readonly name: string; readonly settle: Settle<boolean> }
  /** Answered when everything that was decided before is durable. */
  | { readonly kind: 'flush'; readonly settle: Settle<void> };

export type SchedulesMessage =
  | ScheduleCommand
  /** Stored schedules are taken in, some at a time. */
  | { readonly kind: 'load' }
  | { readonly kind: 'due' }
  /** The clock jumped, the machine slept, or the disk has room again. */
  | { readonly kind: 'look' }
  /** A job that was watched has ended. */
  | { readonly kind: 'ended'; readonly slot: number };

export type DispatcherMessage =
  /** The job in this slot waits now, for its moment or for its turn. */
  | { readonly kind: 'waiting'; readonly slot: number }
  /** It does not wait any more, and was not started. */
  | { readonly kind: 'gone'; readonly slot: number }
  /** An attempt is over and its thread, if it had one, is free; or it was never begun. */
  | { readonly kind: 'released'; readonly hold: Hold }
  /** Handlers were registered, or taken away. */
  | { readonly kind: 'routes'; readonly areFewer: boolean }
  /** Settings or pauses of queues have changed, or which of them this engine works on. */
  | { readonly kind: 'settings' }
  | { readonly kind: 'due' };

/** What a job needs to run: the main thread, a thread, or a handler that nobody has registered. */
export type Lane = RunLane | 'none';
export type RunLane = 'inline' | 'thread';

/** What an attempt takes up while it runs. */
export interface Hold {
  readonly queue: string;
  readonly lane: RunLane;
  /** The key of its job, if it has one. */
  readonly key: string | undefined;
  /** The type as its definition has it, if that has a limit. */
  readonly route: string | undefined;
}

export interface Start {
  readonly slot: number;
  readonly order: number;
  readonly token: number;
  readonly hold: Hold;
}

export type RunnerMessage =
  /** These attempts are durably started. */
  | { readonly kind: 'run'; readonly starts: readonly Start[] }
  /** The ends of these attempts are durable. */
  | { readonly kind: 'kept'; readonly tokens: readonly number[] }
  | { readonly kind: 'abort'; readonly token: number; readonly reason: AbortReason }
  | { readonly kind: 'overdue' };

/** These will not be carried out: who waits for an answer hears so, and what nobody waits for is dropped. */
export function refuseAll(messages: ReadonlyArray<JournalMessage | SchedulesMessage>, error: Error): void {
  for (const message of messages) if ('settle' in message) message.settle.reject(error);
}
