/**
 * Makes runs of what a schedule owes, as far as the one before allows it (its `overlap`). Lateness was judged before, and
 * what is made up for is a sequence, not an overlap: each run of it waits for the one before.
 */
import { placeOf } from './calendar-count.ts';
import { nextAfter } from './calendar.ts';
import { counted, type Skip } from './judge.ts';
import {
  occurrenceId,
  type Cause,
  type Missed,
  type Occurrence,
  type Owed,
  type Plan,
  type Progress,
} from './schedule.ts';

/** One job to be made. */
export interface Run {
  readonly id: string;
  readonly occurrence: Occurrence;
  /** The job that must have ended before. */
  readonly after: string | undefined;
  /** The job that it takes the place of. */
  readonly cancels: string | undefined;
}

export interface Facts {
  readonly name: string;
  readonly now: number;
  /** Whether the newest job of the schedule has not ended. */
  readonly isOpen: boolean;
  /** Whether what was missed may be made up already. */
  readonly isSettled: boolean;
  /** How many runs to make at most in one go. */
  readonly most: number;
  readonly isTaken: (id: string) => boolean;
}

export interface Admitted {
  readonly progress: Progress;
  readonly runs: readonly Run[];
  readonly skips: readonly Skip[];
  /** What there is more: `turn` can be made at once, `end` when the newest job has ended, `settled` when that is so. */
  readonly waitsFor: 'turn' | 'end' | 'settled' | undefined;
}

/** So many jobs of one schedule wait for one another at most; the next ones are made when those have ended. */
const LONGEST_CHAIN = 100;

export function admit(plan: Plan, before: Progress, facts: Facts): Admitted {
  const admission = new Admission(plan, before, facts);
  if (before.owed.length > 0) admission.admitAll();
  return admission;
}

class Admission implements Admitted {
  readonly runs: Run[] = [];
  readonly skips: Skip[] = [];
  waitsFor: Admitted['waitsFor'];
  progress: Progress;
  readonly #plan: Plan;
  readonly #facts: Facts;
  #isOpen: boolean;

  constructor(plan: Plan, before: Progress, facts: Facts) {
    this.#plan = plan;
    this.#facts = facts;
    this.#isOpen = facts.isOpen;
    this.progress = before;
  }

  admitAll(): void {
    if (!this.#isOpen) this.#change({ chain: 0, isBatch: false });
    const left: Owed[] = [];
    for (const owed of this.progress.owed) {
      const rest = this.#isHeld(owed) ? owed : this.#admit(owed);
      if (rest !== undefined) left.push(rest);
    }
    this.#change({ owed: left });
  }

  /** Whether it has to wait for what stands before it, or until the engine has settled. */
  #isHeld({ cause }: Owed): boolean {
    if (this.waitsFor === 'turn' || this.waitsFor === 'end') return true;
    if (this.waitsFor === 'settled' && this.#plan.overlap === 'queue') return true;
    if (cause !== 'catch-up' || this.#facts.isSettled) return false;
    this.waitsFor = 'settled';
    return true;
  }

  #admit(given: Owed): Owed | undefined {
    let owed: Owed | undefined = this.#plan.overlap === 'replace' ? this.#newestOf(given) : given;
    while (owed !== undefined) {
      if (this.#isSkipped(owed)) {
        this.#skip('overlap', owed, owed.count);
        return undefined;
      }
      const isSequence = this.#isSequence(owed);
      if (isSequence && this.#isOpen && this.progress.chain >= LONGEST_CHAIN) this.waitsFor = 'end';
      else if (this.runs.length >= this.#facts.most) this.waitsFor = 'turn';
      if (this.waitsFor === 'end' || this.waitsFor === 'turn') return owed;
      owed = this.#take(owed, isSequence);
    }
    return undefined;
  }

  /** Where each run replaces the one before, only the newest of several is left. */
  #newestOf(owed: Owed): Owed {
    if (owed.cause === 'backfill' || owed.count === 1) return owed;
    const place = placeOf(owed.rule ?? this.#plan.rule, owed.from, owed.to, owed.count - 1);
    this.#skip('overlap', { ...owed, to: place, missed: undefined }, owed.count - 1);
    return { ...owed, from: place, count: 1 };
  }

  #isSkipped({ cause }: Owed): boolean {
    if (this.#plan.overlap !== 'skip' || !this.#isOpen || cause === 'backfill') return false;
    return cause === 'on-time' || !this.progress.isBatch;
  }

  #isSequence({ cause, isParallel = false }: Owed): boolean {
    return cause === 'backfill' ? !isParallel : this.#plan.overlap !== 'allow';
  }

  /** Makes one run; returns what is left. */
  #take(owed: Owed, isSequence: boolean): Owed | undefined {
    const rule = owed.rule ?? this.#plan.rule;
    const isNewest = owed.order === 'newest';
    const place = isNewest ? placeOf(rule, owed.from, owed.to, owed.count - 1) : owed.from;
    const nominalAt = nextAfter(rule, place) as number;
    const id = occurrenceId(this.#facts.name, nominalAt);
    const rest = isNewest ? { ...owed, to: nominalAt - 1 } : { ...owed, from: nominalAt };
    const left = owed.count > 1 ? { ...rest, count: owed.count - 1, missed: undefined } : undefined;
    if (this.#facts.isTaken(id)) {
      this.#skip('exists', { ...owed, from: nominalAt - 1, to: nominalAt }, 1);
      return left;
    }
    const waits = isSequence && this.#isOpen ? this.progress.last?.id : undefined;
    const replaces = this.#plan.overlap === 'replace' && owed.cause !== 'backfill' && this.#isOpen;
    this.runs.push({
      id,
      occurrence: this.#occurrence(nominalAt, owed.cause, owed.missed),
      after: waits,
      cancels: replaces ? this.progress.last?.id : undefined,
    });
    this.#isOpen = true;
    const { runs, chain } = this.progress;
    this.#change({
      runs: owed.cause === 'backfill' ? runs : runs + 1,
      last: { id, nominalAt, at: this.#facts.now },
      chain: waits === undefined ? 1 : chain + 1,
      isBatch: owed.cause !== 'on-time',
    });
    return left;
  }

  #occurrence(nominalAt: number, cause: Cause, missed: Missed | undefined): Occurrence {
    return {
      schedule: this.#facts.name,
      nominalAt,
      cause,
      lateMs: Math.max(0, this.#facts.now - nominalAt),
      standsFor: 1 + (missed?.count ?? 0),
      since: Math.min(nominalAt, missed?.from ?? nominalAt),
    };
  }

  /** What the run stood for is left to the next one. */
  #skip(reason: 'overlap' | 'exists', { from, to, missed = this.progress.missed }: Owed, count: number): void {
    this.skips.push({ reason, count, from, to });
    this.#change({ skipped: counted(this.progress.skipped, reason, count), missed });
  }

  #change(change: Partial<Progress>): void {
    this.progress = { ...this.progress, ...change };
  }
}
