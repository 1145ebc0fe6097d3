// Ten thousand lives of schedules, held against a plain model: random rules and policies, downtimes, clocks that jump, sleep,
// pauses, and a death between any two steps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit, type Run } from '../../src/job/admit.ts';
import { cronRule, everyRule, nextAfter, type Rule } from '../../src/job/calendar.ts';
import { judge, nextDue, type Skip } from '../../src/job/judge.ts';
import {
  decodeDefinition,
  decodeProgress,
  encodeDefinition,
  encodeProgress,
  newProgress,
  occurrenceId,
  OVERLAPS,
  type Plan,
  type Progress,
} from '../../src/job/schedule.ts';
import { NONE } from '../../src/schedule-options.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import { ScheduleModel } from './schedule-model.ts';

const SEEDS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;

class Life {
  readonly runs = new Map<string, Run>();
  readonly skips: Skip[] = [];
  readonly model: ScheduleModel;
  readonly plan: Plan;
  readonly usual: number;
  readonly #random: () => number;
  now = Date.UTC(2026, 2, 20, 7, 13, 5, 250);
  /** What is stored. */
  stored: string;
  deaths = 0;
  readonly startAt: number;
  readonly made: Run[] = [];
  readonly ended = new Set<string>();

  constructor(seed: number) {
    this.#random = createFakeClock({ seed }).random;
    const [rule, usual] = this.#rule();
    this.usual = usual;
    const plan = this.#plan(rule);
    // As it comes out of the log.
    const template = { type: 't', queue: 'q', priority: 0, key: '', settings: '', deadlineMs: undefined, payload: '1' };
    const definition = { plan, template, given: '', createdAt: 0, changedAt: 0 };
    this.plan = decodeDefinition(encodeDefinition(definition)).plan;
    this.startAt = this.now - (this.pick(6) === 0 ? this.pick(40) * usual : 0);
    this.stored = encodeProgress(newProgress(this.startAt));
    this.model = new ScheduleModel(plan, this.startAt);
  }

  pick(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #rule(): [Rule, number] {
    const patterns: ReadonlyArray<readonly [string, number]> = [
      ['*/5 * * * *', 5 * MINUTE_MS],
      ['30 2 * * *', DAY_MS],
      ['0 1-4 * * *', 6 * HOUR_MS],
      ['*/20 * * * * *', 20_000],
      ['0 9 * * *', DAY_MS],
    ];
    if (this.pick(4) === 0) {
      const [pattern, usual] = patterns[this.pick(patterns.length)] as readonly [string, number];
      return [cronRule(pattern, ['UTC', 'Europe/Oslo', 'America/New_York'][this.pick(3)] as string, 'x'), usual];
    }
    const every = [1_000, 90_000, HOUR_MS, DAY_MS, 30 * DAY_MS][this.pick(5)] as number;
    return [everyRule(every, this.now - this.pick(5) * every - this.pick(every), 'x'), every];
  }

  #plan(rule: Rule): Plan {
    const max = [0, 1, 1, 3, 8, Infinity][this.pick(6)] as number;
    const maybe = (ms: number): number | undefined => (this.pick(4) === 0 ? this.pick(ms) : undefined);
    return {
      rule,
      catchUp: {
        max,
        withinMs: this.pick(4) === 0 ? this.pick(12) * this.usual : Infinity,
        keep: this.pick(4) === 0 ? 'oldest' : 'newest',
        order: this.pick(4) === 0 ? 'newest' : 'oldest',
      },
      overlap: OVERLAPS[this.pick(4)] as Plan['overlap'],
      toleranceMs: maybe(3 * this.usual),
      minGapMs: maybe(2 * this.usual),
      jitterMs: 0,
      endAt: this.pick(6) === 0 ? this.now + this.pick(60) * this.usual : Infinity,
      limit: this.pick(6) === 0 ? 1 + this.pick(12) : Infinity,
    };
  }

  /** Time passes as it does: to the next moment, a little, long, and sometimes by a clock that is wrong. */
  pass(): void {
    const progress = decodeProgress(this.stored);
    const next = nextDue(this.plan, progress);
    const far = this.usual >= 30 * DAY_MS ? 10 * YEAR_MS : 60 * this.usual;
    switch (this.pick(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (next !== undefined && next - this.now < 400 * this.usual)
          this.now = Math.max(this.now, next) + this.pick(3);
        break;
      case 4:
        this.now += this.pick(2 * this.usual);
        break;
      case 5:
        this.now += this.pick(20 * this.usual);
        break;
      case 6:
        this.now += this.pick(3) - 1;
        break;
      case 7:
        if (this.usual >= 30 * DAY_MS || this.pick(3) === 0) this.now += Math.floor((this.pick(1_000) / 1_000) * far);
        break;
      default:
        this.now -= this.pick(4) === 0 ? this.pick(far) : this.pick(3 * this.usual);
        this.now = Math.max(this.now, Date.UTC(2010, 0, 1));
        break;
    }
  }

  /** A look of the engine. It may die before what it decided is stored: then none of it was. */
  look(dies: boolean): void {
    const before = decodeProgress(this.stored);
    if (before.paused !== undefined) return;
    const judged = judge(this.plan, before, this.now);
    const isOpen = this.isOpen(before.last?.id);
    const facts = {
      name: 's',
      now: this.now,
      isOpen,
      isSettled: this.pick(3) > 0,
      most: [1, 4, 1_000][this.pick(3)] as number,
    };
    const admitted = admit(this.plan, judged.progress, { ...facts, isTaken: (id) => this.runs.has(id) });
    if (dies) {
      this.deaths++;
      return;
    }
    this.keep(admitted.progress, [...judged.skips, ...admitted.skips]);
    for (const run of admitted.runs) {
      assert.ok(!this.runs.has(run.id), `${run.id} is made twice`);
      this.runs.set(run.id, run);
      this.made.push(run);
    }
    this.model.look(this.now, isOpen, facts.isSettled, facts.most);
  }

  /** Whether this job has not ended; once it has, it stays so. */
  isOpen(id: string | undefined): boolean {
    if (id === undefined || this.ended.has(id)) return false;
    if (this.pick(3) > 0) this.ended.add(id);
    return !this.ended.has(id);
  }

  pauseOrResume(): void {
    const before = decodeProgress(this.stored);
    if (before.paused === undefined) {
      const judged = judge(this.plan, before, this.now);
      this.keep({ ...judged.progress, paused: { at: this.now } }, judged.skips);
      this.model.pause(this.now);
    } else {
      const judged = judge(this.plan, { ...before, paused: undefined }, this.now, NONE, 'paused');
      this.keep(judged.progress, judged.skips);
      this.model.resume(this.now);
    }
  }

  keep(progress: Progress, skips: readonly Skip[]): void {
    assert.ok(progress.cursorAt >= decodeProgress(this.stored).cursorAt, 'the cursor never goes back');
    this.stored = encodeProgress(progress);
    this.skips.push(...skips);
  }

  check(): void {
    const progress = decodeProgress(this.stored);
    const expected = this.model.runs.map(({ at, cause, standsFor, since, waits, replaces }) => {
      return [occurrenceId('s', at), cause, standsFor, since, waits, replaces];
    });
    const made = this.made.map(({ id, occurrence: { cause, standsFor, since }, after, cancels }) => {
      return [id, cause, standsFor, since, after !== undefined, cancels !== undefined];
    });
    assert.deepEqual(made, expected, 'the runs, in their order');
    this.#checkOnce(progress);
  }

  /** Each nominal time up to the cursor is a run, a skip with the reason of the model, or owed: one of them, and once. */
  #checkOnce(progress: Progress): void {
    const { rule } = this.plan;
    const skipped = new Map<number, string>();
    for (const { reason, count, from, to } of this.skips) {
      let n = 0;
      for (let at = nextAfter(rule, from); at !== undefined && at <= to; at = nextAfter(rule, at)) {
        assert.ok(!skipped.has(at), `${new Date(at).toISOString()} is skipped twice`);
        assert.ok(!this.runs.has(occurrenceId('s', at)), `${new Date(at).toISOString()} ran and is skipped`);
        skipped.set(at, reason);
        n++;
      }
      assert.equal(n, count, `the count of ${reason}`);
    }
    assert.deepEqual([...skipped].sort(byTime), [...this.model.skips].sort(byTime), 'the skips');
    const owed = progress.owed.reduce((sum, { count }) => sum + count, 0);
    assert.equal(owed, this.model.owed.flat().length, 'what is owed');
    let total = 0;
    const end = Math.min(progress.cursorAt, this.plan.endAt);
    for (let at = nextAfter(rule, this.startAt); at !== undefined && at <= end; at = nextAfter(rule, at)) total++;
    assert.equal(skipped.size + this.runs.size + owed, total, 'nothing is lost');
    const counted = Object.values(progress.skipped).reduce((sum, count) => sum + count, 0);
    assert.equal(counted, skipped.size, 'the counts are kept');
  }
}

const byTime = ([one]: [number, string], [other]: [number, string]): number => one - other;

test('whatever happens to the process and its clock, the runs and the skips are those of the policy', () => {
  let [runs, skips, deaths] = [0, 0, 0];
  const [firstSeed, lastSeed] = [Number(process.env['SEED'] ?? 1), Number(process.env['SEED'] ?? SEEDS)];
  for (let seed = firstSeed; seed <= lastSeed; seed++) {
    const life = new Life(seed);
    try {
      for (let n = 6 + life.pick(14); n > 0; n--) {
        life.pass();
        if (life.pick(12) === 0) life.pauseOrResume();
        life.look(life.pick(5) === 0);
      }
      life.check();
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(life.plan)}`, { cause: error });
    }
    runs += life.runs.size;
    skips += life.skips.length;
    deaths += life.deaths;
  }
  if (firstSeed === lastSeed) return;
  assert.ok(runs > 50_000 && skips > 10_000 && deaths > 10_000, `${runs} runs, ${skips} skips, ${deaths} deaths`);
});
