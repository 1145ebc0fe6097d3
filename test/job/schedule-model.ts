/**
 * Schedules done plainly, by the words of docs/schedules.md: every nominal time is listed and judged by itself. The real
 * ones count ranges instead; whatever happens, both must come to the same runs and the same skips.
 */
import { nextAfter, type Rule } from '../../src/job/calendar.ts';
import type { Cause, Plan, SkipReason } from '../../src/job/schedule.ts';

interface OwedTime {
  readonly at: number;
  readonly cause: Cause;
  stands: Stands | undefined;
}

interface Stands {
  readonly count: number;
  readonly since: number;
}

export interface ModelRun {
  readonly at: number;
  readonly cause: Cause;
  readonly standsFor: number;
  readonly since: number;
  /** Whether it waits for the one before. */
  readonly waits: boolean;
  readonly replaces: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function listed(rule: Rule, from: number, to: number): number[] {
  const times: number[] = [];
  for (let at = nextAfter(rule, from); at !== undefined && at <= to; at = nextAfter(rule, at)) times.push(at);
  return times;
}

export class ScheduleModel {
  readonly runs: ModelRun[] = [];
  readonly skips = new Map<number, SkipReason>();
  cursorAt: number;
  owed: OwedTime[][] = [];
  isPaused = false;
  readonly #plan: Plan;
  #stands: Stands | undefined;
  #isBatch = false;
  /** How many jobs wait for one another. */
  #chain = 0;

  constructor(plan: Plan, cursorAt: number) {
    this.#plan = plan;
    this.cursorAt = cursorAt;
  }

  pause(now: number): void {
    this.#judge(now);
    this.isPaused = true;
  }

  /** What the pause skipped is skipped. */
  resume(now: number): void {
    this.isPaused = false;
    const times = this.#left() > 0 ? this.#due(now) : [];
    if (times.length === 0) return;
    this.cursorAt = now;
    for (const at of times) this.skips.set(at, 'paused');
  }

  /** @param most how many runs may be made in this look */
  look(now: number, isOpen: boolean, isSettled: boolean, most: number): void {
    if (this.isPaused) return;
    this.#judge(now);
    this.#admit(isOpen, isSettled, most);
  }

  #left(): number {
    const counted = this.runs.length + this.owed.flat().length;
    return this.#plan.limit - counted;
  }

  #due(now: number): number[] {
    return listed(this.#plan.rule, this.cursorAt, Math.min(now, this.#plan.endAt));
  }

  #judge(now: number): void {
    const times = this.#left() > 0 ? this.#due(now) : [];
    const [first] = times;
    if (first === undefined) return;
    const second = nextAfter(this.#plan.rule, first) ?? Infinity;
    const tolerance = this.#plan.toleranceMs ?? Math.min(MINUTE_MS, Math.floor((second - first) / 2));
    this.cursorAt = now;
    const late = times.filter((at) => at < now - tolerance);
    const onTime = times.filter((at) => at >= now - tolerance);
    if (late.length > 0) this.#missed(late, now);
    if (onTime.length === 0) return;
    const gathers = this.#plan.catchUp.max === 1 && this.#plan.overlap !== 'allow';
    const stands = gathers ? this.#gather() : this.#stands;
    this.#stands = undefined;
    this.#owe(onTime, 'on-time', stands);
  }

  #missed(late: readonly number[], now: number): void {
    const { max, withinMs, keep, order } = this.#plan.catchUp;
    const fresh = max === 0 ? [] : late.filter((at) => at >= now - withinMs);
    for (const at of late) if (!fresh.includes(at)) this.skips.set(at, 'late');
    if (fresh.length === 0) return;
    if (max === 1 && keep === 'newest') {
      this.#latest(fresh, now);
      return;
    }
    const kept = keep === 'newest' ? fresh.slice(-max) : fresh.slice(0, max);
    for (const at of fresh) if (!kept.includes(at)) this.skips.set(at, 'cap');
    this.#owe(kept, 'catch-up', undefined, order === 'newest');
  }

  #latest(fresh: readonly number[], now: number): void {
    const newest = fresh.at(-1) as number;
    const before = this.#gather();
    const next = this.#left() > 0 ? nextAfter(this.#plan.rule, now) : undefined;
    const isNext = next !== undefined && next <= this.#plan.endAt;
    const gap = this.#plan.minGapMs ?? Math.min(HOUR_MS, isNext ? Math.floor((next - newest) / 10) : 0);
    const own = isNext && next - now <= gap ? fresh : fresh.slice(0, -1);
    for (const at of own) this.skips.set(at, 'merged');
    const stands = plus(before, own.length > 0 ? { count: own.length, since: own[0] as number } : undefined);
    if (own.length === fresh.length) this.#stands = stands;
    else this.#owe([newest], 'catch-up', stands);
  }

  /** Runs that were to stand for others and were not made are left to the one that is made now. */
  #gather(): Stands | undefined {
    let stands = this.#stands;
    this.#stands = undefined;
    for (const batch of this.owed) {
      for (const { at, cause, stands: own } of batch) {
        if (cause !== 'catch-up') continue;
        this.skips.set(at, 'merged');
        stands = plus(stands, plus(own, { count: 1, since: at }));
      }
    }
    this.owed = this.owed.filter((batch) => batch[0]?.cause !== 'catch-up');
    return stands;
  }

  #owe(times: readonly number[], cause: Cause, stands: Stands | undefined, isReversed = false): void {
    const kept = times.slice(0, Math.max(0, this.#left()));
    for (const at of times.slice(kept.length)) this.skips.set(at, 'limit');
    if (isReversed) kept.reverse();
    if (kept.length > 0) this.owed.push(kept.map((at, n) => ({ at, cause, stands: n === 0 ? stands : undefined })));
  }

  #admit(wasOpen: boolean, isSettled: boolean, most: number): void {
    const { overlap } = this.#plan;
    let isOpen = wasOpen;
    let made = 0;
    let isFull = false;
    let isUnsettled = false;
    if (!isOpen) this.#isBatch = false;
    const left: OwedTime[][] = [];
    for (const batch of this.owed) {
      const cause = (batch[0] as OwedTime).cause;
      const mustSettle = cause === 'catch-up' && !isSettled;
      if (isFull || mustSettle || (isUnsettled && overlap === 'queue')) {
        isUnsettled ||= mustSettle;
        left.push(batch);
        continue;
      }
      if (overlap === 'replace') this.#keepNewest(batch);
      while (batch.length > 0) {
        if (overlap === 'skip' && isOpen && (cause === 'on-time' || !this.#isBatch)) {
          this.#stands = batch[0]?.stands ?? this.#stands;
          for (const { at } of batch.splice(0)) this.skips.set(at, 'overlap');
          break;
        }
        if (made === most || (overlap !== 'allow' && isOpen && this.#chain >= 100)) {
          isFull = true;
          break;
        }
        const { at, stands } = batch.shift() as OwedTime;
        const waits = overlap !== 'allow' && isOpen;
        this.runs.push({
          ...{ at, cause, waits, replaces: overlap === 'replace' && isOpen },
          ...{ standsFor: 1 + (stands?.count ?? 0), since: Math.min(at, stands?.since ?? at) },
        });
        this.#chain = waits ? this.#chain + 1 : 1;
        made++;
        isOpen = true;
        this.#isBatch = cause !== 'on-time';
      }
      if (batch.length > 0) left.push(batch);
    }
    this.owed = left;
  }

  #keepNewest(batch: OwedTime[]): void {
    const stands = batch.find((time) => time.stands !== undefined)?.stands;
    batch.sort((a, b) => a.at - b.at);
    const gone = batch.splice(0, batch.length - 1);
    for (const { at } of gone) this.skips.set(at, 'overlap');
    const [newest] = batch;
    if (newest !== undefined) newest.stands = stands;
  }
}

function plus(one: Stands | undefined, other: Stands | undefined): Stands | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { count: one.count + other.count, since: Math.min(one.since, other.since) };
}
