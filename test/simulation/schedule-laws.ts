/**
 * What becomes of nominal times: each ends as one job or as one recorded skip, and nothing else does. The model knows the
 * rules of the plans by simple sums; it reads from the log what was decided and counts it against the times there are.
 */
import type { Definition, Progress } from '../../src/job/schedule.ts';
import type { LoggedNoted } from '../../src/log/read-record.ts';
import type { HistoryModel, Observer } from './history-model.ts';
import { FINAL, type ModelJob } from './model-job.ts';
import type { Wall } from './virtual-clock.ts';

/** Lengths of the patterns that `cronOf` knows, all in UTC and so counted from 0. */
const LENGTHS: Readonly<Record<string, number>> = {
  '*/2 * * * * *': 2_000,
  '*/10 * * * * *': 10_000,
  '* * * * *': 60_000,
  '0 * * * *': 3_600_000,
};

interface Schedule {
  definition: Definition;
  /** It holds from the next progress on. */
  next: Definition | undefined;
  progress: string;
  cursorAt: number;
  /** What became of each nominal time that was decided; `owed`: it is to run. */
  readonly fates: Map<number, string>;
  owed: number;
  ran: number;
  /** How many runs it may have: its limit, and what was owed when that was set. */
  most: number;
  pausedUntil: number | undefined;
  /** Its newest job. */
  last: string | undefined;
  /** Whether nobody has ever asked that its runs may be beside one another. */
  isOneByOne: boolean;
}

const LAW = 'a nominal time ends as one job or one skip';

export class ScheduleLaws implements Observer {
  readonly #model: HistoryModel;
  readonly #wall: Wall;
  readonly #schedules = new Map<string, Schedule>();
  readonly #touched = new Set<string>();
  /** Every schedule that was ever made. */
  readonly everMade = new Set<string>();
  /** How many of each kind of thing there was. */
  readonly #count: (what: string) => void;

  constructor(model: HistoryModel, wall: Wall, count: (what: string) => void) {
    this.#model = model;
    this.#wall = wall;
    this.#count = count;
    model.observers.push(this);
  }

  restarted(): void {
    this.#schedules.clear();
    this.#touched.clear();
    this.everMade.clear();
  }

  names(): IterableIterator<string> {
    return this.#schedules.keys();
  }

  noted(event: LoggedNoted): void {
    if (event.space === 'schedule') this.#define(event);
    else if (event.space === 'progress' && event.value !== '') this.#advance(event);
  }

  #define({ name, value, what }: LoggedNoted): void {
    if (value === '') {
      this.#schedules.delete(name);
      return;
    }
    const definition = JSON.parse(value) as Definition;
    const known = this.#schedules.get(name);
    if ((known === undefined) !== (what === 'created')) this.#model.say('a schedule is made once', `${name}: ${what}`);
    this.everMade.add(name);
    if (known !== undefined) {
      known.next = definition;
      return;
    }
    this.#schedules.set(name, {
      ...{ definition, next: undefined, progress: '', cursorAt: Number.NaN, fates: new Map(), owed: 0, ran: 0 },
      most: limitOf(definition),
      ...{ pausedUntil: undefined, last: undefined, isOneByOne: definition.plan.overlap !== 'allow' },
    });
  }

  #advance(event: LoggedNoted): void {
    const { name, value, what, at } = event;
    const schedule = this.#schedules.get(name);
    if (schedule === undefined) return this.#model.say('a schedule is made once', `${name}: ${what}`);
    this.#touched.add(name);
    if (value !== schedule.progress || schedule.next !== undefined) this.#decide(schedule, value, at);
    const detail = JSON.parse(event.detail ?? '{}') as Record<string, never>;
    switch (what) {
      case 'skipped':
        this.#skip(name, schedule, detail as unknown as { reason: string; count: number; from: number; to: number });
        break;
      case 'enqueued':
        for (const id of (detail as unknown as { ids: string[] }).ids) {
          // What somebody asked for has a number at its end.
          if (id.endsWith('Z')) this.#run(name, schedule, id, at);
        }
        break;
      case 'triggered':
        schedule.isOneByOne = false;
        schedule.last = (detail as unknown as { id: string }).id;
        break;
      case 'paused':
        schedule.pausedUntil = (detail as unknown as { until?: number }).until ?? Infinity;
        if ((JSON.parse(value) as Progress).paused === undefined)
          this.#model.say('a paused schedule makes nothing', `${name} is not paused`);
        break;
      default:
        break;
    }
    // A pause that is over stays so, also when the clock is set back.
    if ((JSON.parse(value) as Progress).paused === undefined) schedule.pausedUntil = undefined;
  }

  /** It has come further: all nominal times up to there are decided now. */
  #decide(schedule: Schedule, value: string, now: number): void {
    const { cursorAt, owed } = JSON.parse(value) as Progress;
    const { plan } = schedule.definition;
    // What was owed beyond its limit, and was skipped since, is not owed to later times.
    schedule.most = Math.max(limitOf(schedule.definition), Math.min(schedule.most, schedule.ran + schedule.owed));
    if (cursorAt < schedule.cursorAt) this.#model.say('a schedule never goes back', `to ${cursorAt}`);
    // Nothing is due any more when it has, or will have, all the runs it may have.
    if (!Number.isNaN(schedule.cursorAt) && schedule.ran + schedule.owed < schedule.most) {
      // What it says from now on may begin later.
      const to = schedule.next === undefined ? cursorAt : Math.min(cursorAt, now);
      for (const at of timesOf(plan, schedule.cursorAt, Math.min(to, plan.endAt ?? Infinity))) {
        schedule.fates.set(at, 'owed');
      }
    }
    schedule.progress = value;
    schedule.cursorAt = cursorAt;
    schedule.owed = owed.reduce((sum, { count }) => sum + count, 0);
    if (schedule.next === undefined) return;
    schedule.definition = schedule.next;
    schedule.next = undefined;
    schedule.most = Math.max(limitOf(schedule.definition), schedule.ran + schedule.owed);
    if (schedule.definition.plan.overlap === 'allow') schedule.isOneByOne = false;
  }

  #skip(
    name: string,
    { fates }: Schedule,
    { reason, count, from, to }: { reason: string; count: number; from: number; to: number },
  ): void {
    this.#count(`skipped ${reason}`);
    let found = 0;
    for (const [at, fate] of fates) {
      if (at <= from || at > to || fate !== 'owed') continue;
      fates.set(at, reason);
      found++;
    }
    if (found !== count) this.#model.say(LAW, `${name}: ${count} are skipped as ${reason}, of ${found} that are open`);
  }

  #run(name: string, schedule: Schedule, id: string, at: number): void {
    const nominalAt = Date.parse(id.slice(name.length + 1));
    const job = this.#model.everById.get(id);
    const say = (law: string, what: string): void => this.#model.say(law, `${id}: ${what}`);
    const fate = schedule.fates.get(nominalAt);
    if (fate !== 'owed') say(LAW, `a job is made for a time that is ${fate ?? 'not due'}`);
    schedule.fates.set(nominalAt, 'ran');
    schedule.ran++;
    if (job?.state !== 'waiting' || job.versions.length !== 1) say(LAW, 'its job is not made with it');
    if (job?.occurrence?.nominalAt !== nominalAt) say('a handler is told the truth', 'of its nominal time');
    this.#count(`occurrence ${job?.occurrence?.cause}`);
    const { overlap } = schedule.definition.plan;
    if (schedule.ran > schedule.most) say('a schedule makes no more runs than it may', `run ${schedule.ran}`);
    if (nominalAt > at && this.#wall.peaks.length === 0) say('no nominal time comes early', `${nominalAt - at} ms`);
    if (schedule.pausedUntil !== undefined && schedule.pausedUntil > at) say('a paused schedule makes nothing', '');
    const before = schedule.last === undefined ? undefined : this.#model.everById.get(schedule.last);
    schedule.last = id;
    if (overlap !== 'skip' || job?.occurrence?.cause !== 'on-time' || before === undefined) return;
    const wasRevived = before.versions.some(({ state }) => FINAL.includes(state));
    if (!wasRevived && (before.state === 'waiting' || before.state === 'running'))
      say('a run is skipped while the one before goes on', before.id);
  }

  /** Runs wait for one another in a line; who takes one out of it lets those behind it go on. */
  withdrawn({ occurrence }: ModelJob): void {
    const schedule = this.#schedules.get(occurrence?.schedule ?? '');
    if (schedule !== undefined) schedule.isOneByOne = false;
  }

  started(job: ModelJob): void {
    const { occurrence } = job;
    if (occurrence === undefined || !this.#isOneByOne(job)) return;
    for (const other of this.#model.jobs.values()) {
      if (other.state !== 'running' || other.occurrence?.schedule !== occurrence.schedule) continue;
      if (this.#isOneByOne(other)) this.#model.say('the runs of a schedule come one by one', `${job.id}, ${other.id}`);
    }
  }

  /** Somebody who lets a job run again, or asks for one, may have two beside one another. */
  #isOneByOne({ occurrence, versions, order }: ModelJob): boolean {
    const schedule = this.#schedules.get(occurrence?.schedule ?? '');
    if (schedule?.isOneByOne !== true || occurrence?.cause === 'trigger') return false;
    const isOurs = schedule.fates.get(occurrence?.nominalAt ?? 0) === 'ran' && order > 0;
    return isOurs && !versions.some(({ state }) => FINAL.includes(state));
  }

  committed(): void {
    for (const name of this.#touched) {
      const schedule = this.#schedules.get(name);
      if (schedule === undefined) continue;
      let open = 0;
      for (const fate of schedule.fates.values()) if (fate === 'owed') open++;
      if (open !== schedule.owed) this.#model.say(LAW, `${name}: ${open} are open, ${schedule.owed} are owed`);
    }
    this.#touched.clear();
  }

  /** Schedules that have not kept up with the time. What is owed for times to come, since the clock was set back, can wait. */
  behind(now: number): string[] {
    return [...this.#schedules].flatMap(([name, { definition, cursorAt, owed, fates, ran, pausedUntil }]) => {
      const { plan } = definition;
      if (pausedUntil !== undefined) return [];
      const due = timesOf(plan, cursorAt, Math.min(now, plan.endAt ?? Infinity));
      const isOver = ran + owed >= limitOf(definition);
      const late = [...fates].filter(([at, fate]) => fate === 'owed' && at <= now).length;
      return late > 0 || (due.length > 0 && !isOver) ? [`${name}: ${late} owed, ${due.length} not decided`] : [];
    });
  }
}

/** Infinity is stored as null. */
function limitOf({ plan }: Definition): number {
  return plan.limit ?? Infinity;
}

/** The nominal times after `from` and up to `to`. */
function timesOf({ rule }: Definition['plan'], from: number, to: number): number[] {
  const [anchorAt, everyMs] =
    rule.kind === 'every' ? [rule.anchorAt, rule.everyMs] : [0, LENGTHS[rule.expression] ?? 1e12];
  const times: number[] = [];
  const first = Math.max(0, Math.floor((from - anchorAt) / everyMs) + 1);
  for (let at = anchorAt + first * everyMs; at <= to; at += everyMs) times.push(at);
  return times;
}
