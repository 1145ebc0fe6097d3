/**
 * What holds of queues: nothing starts while somebody has paused it, no more of a queue or of a key run than may, and no
 * more start in a stretch of time than its rate allows. Asked of each durable start; what is set for a queue is read from
 * the program's options and from the durable entries.
 */
import type { LoggedNoted } from '../../src/log/read-record.ts';
import { sequenceOf } from '../../src/log/frame.ts';
import type { PlannedRate } from './control.ts';
import type { HistoryModel, Observer } from './history-model.ts';
import type { ModelJob } from './model-job.ts';
import type { Config } from './plan.ts';
import type { Wall } from './virtual-clock.ts';

interface Settings {
  readonly concurrency: number;
  readonly keyConcurrency: number;
  readonly rate: PlannedRate | undefined;
  readonly keyRate: PlannedRate | undefined;
}

interface Pause {
  readonly until?: number;
}

/** What of `configureQueue` is stored; what has no limit has the text `Infinity`. */
interface Stored {
  readonly settings?: {
    readonly concurrency?: number;
    readonly keyConcurrency?: number;
    readonly rate?: PlannedRate;
    readonly keyRate?: PlannedRate;
  };
  readonly pause?: Pause;
}

interface Regime {
  now: Settings;
  /** What held until the last changes, and in which event those were. */
  before: readonly Settings[];
  changedIn: number;
  /** The highest numbers there ever were: what runs goes on when they are lowered. */
  mostConcurrency: number;
}

/** Keys of a queue may have as many running when the program says nothing else. */
export const KEY_CONCURRENCY = 2;
/** The clock is read in whole ms, and stands still for up to one in a turn. */
const ROUNDING_MS = 2;

export class QueueLaws implements Observer {
  readonly #config: Config;
  readonly #model: HistoryModel;
  readonly #wall: Wall;
  readonly #regimes = new Map<string, Regime>();
  readonly #pauses = new Map<string, Pause | undefined>();
  /** The starts of a queue, or of a key in it, since its rate was set: when each was, in time that never runs back. */
  readonly #starts = new Map<string, number[]>();
  /** Why there ever was a pause. */
  readonly reasons = new Set<string>();
  /** In which event a record was made, and when that was. */
  readonly #madeIn: ReadonlyMap<number, number>;
  readonly #madeAt = new Map<number, number>();

  constructor(config: Config, model: HistoryModel, wall: Wall, madeIn: ReadonlyMap<number, number>) {
    this.#config = config;
    this.#model = model;
    this.#wall = wall;
    this.#madeIn = madeIn;
    model.observers.push(this);
  }

  /** A start has been recorded; it is not durable yet. */
  recorded(position: number): void {
    this.#madeAt.set(position, this.#wall.elapsed());
  }

  truncate(cut: number): void {
    for (const position of this.#madeAt.keys()) if (sequenceOf(position) > cut) this.#madeAt.delete(position);
  }

  restarted(): void {
    for (const map of [this.#pauses, this.#starts, this.reasons]) map.clear();
    // What was allowed once may still run.
    for (const [queue, regime] of this.#regimes)
      Object.assign(regime, { now: this.#settingsOf(queue, {}), changedIn: 0 });
  }

  noted({ space, name, value, detail, position }: LoggedNoted): void {
    if ((space === 'engine' || space === 'queue') && detail !== undefined)
      this.reasons.add((JSON.parse(detail) as { reason?: string }).reason ?? '');
    if (space === 'engine') this.#pauses.set('', value === '' ? undefined : (JSON.parse(value) as Pause));
    if (space !== 'queue') return;
    const stored = JSON.parse(value === '' ? '{}' : value) as Stored;
    this.#pauses.set(name, stored.pause);
    const regime = this.#regimeOf(name);
    const before = regime.now;
    regime.now = this.#settingsOf(name, stored);
    if (isSame(before, regime.now)) return;
    const changedIn = this.#madeIn.get(position) ?? 0;
    regime.before = changedIn === regime.changedIn ? [...regime.before, before] : [before];
    regime.changedIn = changedIn;
    regime.mostConcurrency = Math.max(regime.mostConcurrency, regime.now.concurrency);
    if (!isSame(before.rate, regime.now.rate)) this.#starts.delete(name);
    if (isSame(before.keyRate, regime.now.keyRate)) return;
    for (const key of this.#starts.keys()) if (key.startsWith(`${name} `)) this.#starts.delete(key);
  }

  started(job: ModelJob, at: number, position: number): void {
    for (const place of ['', job.queue]) {
      const pause = this.#pauses.get(place);
      if (pause !== undefined && (pause.until ?? Infinity) > at)
        this.#model.say('nothing starts while it is paused', `${job.id} in ${job.queue}, at ${at}`);
    }
    const { now, before, changedIn } = this.#regimeOf(job.queue);
    // A slow turn is cut between the dispatcher's choice and the journal's record; a limit may be set in between.
    const isJustSet = this.#config.stepMs > 0 || changedIn === (this.#madeIn.get(position) ?? 0);
    this.#checkLimits(job, isJustSet ? [now, ...before] : [now]);
    const elapsed = this.#madeAt.get(position) ?? 0;
    this.#checkRate(job.queue, now.rate, elapsed, job);
    if (job.key !== '') this.#checkRate(`${job.queue} ${job.key}`, now.keyRate, elapsed, job);
  }

  #checkLimits({ id, queue, key }: ModelJob, limits: readonly Settings[]): void {
    let inQueue = 0;
    let ofKey = 0;
    for (const other of this.#model.jobs.values()) {
      if (other.state !== 'running' || other.queue !== queue) continue;
      inQueue++;
      if (other.key === key) ofKey++;
    }
    if (limits.every(({ concurrency }) => inQueue >= concurrency))
      this.#model.say('no more run than may', `${inQueue} run in ${queue} when ${id} starts`);
    if (key !== '' && limits.every(({ keyConcurrency }) => ofKey >= keyConcurrency))
      this.#model.say('no more of a key run than may', `${ofKey} of ${key} run in ${queue} when ${id} starts`);
  }

  #checkRate(place: string, rate: PlannedRate | undefined, elapsed: number, { id }: ModelJob): void {
    const starts = this.#starts.get(place) ?? [];
    this.#starts.set(place, starts);
    const first = rate === undefined ? undefined : starts[starts.length - rate.limit];
    if (rate !== undefined && first !== undefined && elapsed - first < rate.perMs - ROUNDING_MS) {
      const many = `${rate.limit + 1} starts of ${place} in ${elapsed - first} ms`;
      this.#model.say('no more start in a time than may', `${many} instead of ${rate.perMs}, the last is ${id}`);
    }
    starts.push(elapsed);
  }

  /** How many may run in a queue: the most there ever were, since a limit that is lowered ends nothing. */
  mostIn(queue: string): number {
    return this.#regimeOf(queue).mostConcurrency;
  }

  limitOf(queue: string): number {
    return this.#regimeOf(queue).now.concurrency;
  }

  #regimeOf(queue: string): Regime {
    const known = this.#regimes.get(queue);
    if (known !== undefined) return known;
    const now = this.#settingsOf(queue, {});
    const regime = { now, before: [], changedIn: 0, mostConcurrency: now.concurrency };
    this.#regimes.set(queue, regime);
    return regime;
  }

  #settingsOf(queue: string, { settings = {} }: Stored): Settings {
    const { queues, concurrency, rules = {} } = this.#config;
    const told = rules[queue] ?? {};
    const isNamed = queues[queue] !== undefined;
    return {
      concurrency: settings.concurrency ?? queues[queue] ?? told.concurrency ?? concurrency,
      keyConcurrency: settings.keyConcurrency ?? told.keyConcurrency ?? (isNamed ? KEY_CONCURRENCY : Infinity),
      rate: settings.rate ?? told.rate,
      keyRate: settings.keyRate ?? told.keyRate,
    };
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
