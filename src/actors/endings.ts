/** The end of an attempt as the journal sees it: what becomes of its job, and of those it wanted to follow. */
import { flattenError, type FlatError } from '../errors.ts';
import { decideCrash, decideFailure } from '../job/decide.ts';
import type { JobTable } from '../job/table.ts';
import type { Capacity } from './capacity.ts';
import type { CommandParts } from './commands.ts';
import type { Intake } from './intake.ts';
import type { JobEnd, JournalMessage, Verdict } from './messages.ts';
import { refusalOf } from './refusal.ts';

type EndCommand = Extract<JournalMessage, { kind: 'end' }>;

/** Why running jobs are to be cancelled; the log knows it too, but it may have forgotten the job before anybody asks. */
export class CancelReasons extends Map<number, string | undefined> {}

export interface EndingParts extends CommandParts {
  readonly table: JobTable;
  readonly maxCrashes: number;
  readonly cancelReasons: CancelReasons;
  /** A job waits again. */
  readonly waits: (slot: number) => void;
  readonly ended: (slot: number, jobEnd?: JobEnd) => void;
  readonly intake: Intake;
  readonly capacity: Capacity;
}

export function createEndings(parts: EndingParts): (command: EndCommand) => void {
  const { table, clock, record, pending, cancelReasons, waits, ended } = parts;

  function end({ slot, token, verdict, report }: EndCommand): void {
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
        interrupt(slot, verdict, at);
        break;
      case 'failed':
        fail(slot, verdict, at);
        break;
    }
  }

  function interrupt(slot: number, { why }: Verdict & { kind: 'interrupted' }, at: number): void {
    const { maxCrashes } = parts;
    const crashes = table.crashesOf(slot);
    const event =
      why === 'closing'
        ? ({ kind: 'interrupted', slot, at, why } as const)
        : decideCrash({ slot, isCancelling: false, crashes, maxCrashes, now: at });
    record(event);
    if (event.kind !== 'died') return waits(slot);
    const error = event.error === undefined ? undefined : (JSON.parse(event.error) as FlatError);
    ended(slot, { state: 'dead', reason: event.why, error });
  }

  /** The job and those it wanted to follow its end come into being together, or it has failed. */
  function complete(slot: number, { result, followUps, policy }: Verdict & { kind: 'completed' }, at: number): void {
    const refusal =
      followUps &&
      (refusalOf(followUps, table, { isFull: false, at, ending: slot }) ?? parts.capacity.refusalOf(followUps, at));
    if (refusal !== undefined) {
      fail(slot, { kind: 'failed', error: flattenError(refusal), policy }, at);
      return;
    }
    record({ kind: 'completed', slot, at, result });
    for (const job of followUps ?? []) parts.intake.take(job, at);
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

  return end;
}
