/**
 * Judges the nominal times of a schedule: which are on time, which were missed, and what becomes of those. One rule for
 * a restart, for sleep, for a clock that jumps and for a schedule that was paused: whatever lies between the cursor and
 * now is judged, and then the cursor is at now. What is to run is owed (`settle.ts` makes the jobs); everything else is
 * skipped, with a reason.
 */
import { countDue, placeOf } from './calendar-count.ts';
import { nextAfter } from './calendar.ts';
import type { CatchUp, Missed, Owed, Plan, Progress, SkipReason } from './schedule.ts';

/** So many nominal times, after `from` and up to `to`, have no run of their own. */
export interface Skip {
  readonly reason: SkipReason;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

export interface Judged {
  readonly progress: Progress;
  readonly skips: readonly Skip[];
}

const LONGEST_TOLERANCE_MS = 60_000;
const LONGEST_GAP_MS = 3_600_000;

/** When the next nominal time is that was not judged; undefined when there will be none. */
export function nextDue(plan: Plan, progress: Progress): number | undefined {
  if (promised(progress) >= plan.limit) return undefined;
  const next = nextAfter(plan.rule, progress.cursorAt);
  return next !== undefined && next <= plan.endAt ? next : undefined;
}

/** Runs that were made or are owed, of those that count. */
function promised({ runs, owed }: Progress): number {
  return owed.reduce((sum, { count, cause }) => (cause === 'backfill' ? sum : sum + count), runs);
}

/**
 * @param catchUp the schedule's, or what was said when it was resumed
 * @param why the reason for what is not made up, if it is not its age
 */
export function judge(
  plan: Plan,
  before: Progress,
  now: number,
  catchUp: CatchUp = plan.catchUp,
  why: SkipReason = 'late',
): Judged {
  const first = nextDue(plan, before);
  if (first === undefined || first > now) return { progress: before, skips: [] };
  const judging = new Judging(plan, before, now, catchUp);
  judging.judge(first, why);
  return { progress: judging.progress, skips: judging.skips };
}

class Judging {
  readonly skips: Skip[] = [];
  readonly #plan: Plan;
  readonly #catchUp: CatchUp;
  readonly #now: number;
  #progress: Progress;

  constructor(plan: Plan, before: Progress, now: number, catchUp: CatchUp) {
    this.#plan = plan;
    this.#catchUp = catchUp;
    this.#now = now;
    this.#progress = before;
  }

  get progress(): Progress {
    return this.#progress;
  }

  judge(first: number, why: SkipReason): void {
    const { rule, endAt } = this.#plan;
    const from = this.#progress.cursorAt;
    const to = Math.min(this.#now, endAt);
    const second = nextAfter(rule, first) ?? Infinity;
    const tolerance = this.#plan.toleranceMs ?? Math.min(LONGEST_TOLERANCE_MS, Math.floor((second - first) / 2));
    // Up to here they are late. What was paused over is not on time, however short ago it was.
    const lateTo = why === 'paused' ? to : Math.min(to, this.#now - tolerance - 1);
    this.#change({ cursorAt: this.#now });
    if (first <= lateTo) this.#missed(from, lateTo, why);
    const onTime = countDue(rule, Math.max(from, lateTo), to);
    if (onTime > 0) this.#onTime(Math.max(from, lateTo), to, onTime);
  }

  #onTime(from: number, to: number, count: number): void {
    const missed = this.#mergeIntoRun();
    this.#owe({ from, to, count, cause: 'on-time', order: 'oldest', missed });
  }

  #missed(from: number, to: number, why: SkipReason): void {
    const { rule } = this.#plan;
    const { withinMs, max, keep, order } = this.#catchUp;
    if (max === 0) {
      this.#skip(why, from, to);
      return;
    }
    const fresh = Math.max(from, Math.min(to, this.#now - withinMs - 1));
    this.#skip('late', from, fresh);
    const count = countDue(rule, fresh, to);
    if (count === 0) return;
    if (max === 1 && keep === 'newest') {
      this.#latest(fresh, to, count);
      return;
    }
    const kept = Math.min(count, max);
    if (keep === 'newest') {
      const place = placeOf(rule, fresh, to, count - kept);
      this.#skip('cap', fresh, place);
      this.#owe({ from: place, to, count: kept, cause: 'catch-up', order, missed: undefined });
    } else {
      const place = kept === count ? to : placeOf(rule, fresh, to, kept);
      this.#owe({ from: fresh, to: place, count: kept, cause: 'catch-up', order, missed: undefined });
      this.#skip('cap', place, to);
    }
  }

  /** One run for all; none if the next regular one is near, which stands for them then. */
  #latest(from: number, to: number, count: number): void {
    const { rule, minGapMs } = this.#plan;
    const before = this.#mergeOwed();
    const place = placeOf(rule, from, to, count - 1);
    const newest = nextAfter(rule, place) as number;
    const first = count > 1 ? (nextAfter(rule, from) as number) : newest;
    const next = nextDue(this.#plan, this.#progress);
    const gap = minGapMs ?? Math.min(LONGEST_GAP_MS, next === undefined ? 0 : Math.floor((next - newest) / 10));
    if (next !== undefined && next - this.#now <= gap) {
      this.#skip('merged', from, to);
      this.#change({ missed: together(before, { count, from: first }) });
      return;
    }
    this.#skip('merged', from, place);
    const missed = together(before, count > 1 ? { count: count - 1, from: first } : undefined);
    this.#owe({ from: place, to, count: 1, cause: 'catch-up', order: 'oldest', missed });
  }

  /** What the run that is made now stands for besides: runs that were left to it. */
  #mergeIntoRun(): Missed | undefined {
    const missed =
      this.#plan.catchUp.max === 1 && this.#plan.overlap !== 'allow' ? this.#mergeOwed() : this.#progress.missed;
    this.#change({ missed: undefined });
    return missed;
  }

  /** A run that was to stand for others and was not made yet is not made any more. */
  #mergeOwed(): Missed | undefined {
    let missed = this.#progress.missed;
    for (const owed of this.#progress.owed) {
      if (owed.cause !== 'catch-up') continue;
      const first = nextAfter(owed.rule ?? this.#plan.rule, owed.from) as number;
      this.#skips('merged', owed.count, owed.from, owed.to);
      missed = together(missed, together(owed.missed, { count: owed.count, from: first }));
    }
    this.#change({ missed: undefined, owed: this.#progress.owed.filter(({ cause }) => cause !== 'catch-up') });
    return missed;
  }

  /** So many are to run, as far as the limit allows. */
  #owe(owed: Owed): void {
    const left = this.#plan.limit - promised(this.#progress);
    if (left >= owed.count) {
      this.#change({ owed: [...this.#progress.owed, owed] });
      return;
    }
    const place = placeOf(this.#plan.rule, owed.from, owed.to, left);
    if (left > 0) this.#change({ owed: [...this.#progress.owed, { ...owed, to: place, count: left }] });
    this.#skips('limit', owed.count - left, place, owed.to);
  }

  #skip(reason: SkipReason, from: number, to: number): void {
    this.#skips(reason, countDue(this.#plan.rule, from, to), from, to);
  }

  #skips(reason: SkipReason, count: number, from: number, to: number): void {
    if (count === 0) return;
    this.skips.push({ reason, count, from, to });
    this.#change({ skipped: counted(this.#progress.skipped, reason, count) });
  }

  #change(change: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...change };
  }
}

export function counted(skipped: Progress['skipped'], reason: SkipReason, count: number): Progress['skipped'] {
  return { ...skipped, [reason]: (skipped[reason] ?? 0) + count };
}

function together(one: Missed | undefined, other: Missed | undefined): Missed | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { count: one.count + other.count, from: Math.min(one.from, other.from) };
}
