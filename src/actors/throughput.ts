/**
 * How much was done lately, by queue and by type: what completed, what failed, what died, in the last minute and in the
 * last hour. Counted in memory since the engine opened, in buckets of a minute; it costs two additions for each end.
 */
import type { JobEvent } from '../job/event.ts';
import type { JobTable } from '../job/table.ts';

/** How many attempts or jobs ended in a stretch of time. */
export interface Rate {
  /** In the last 60 seconds: the running minute, and as much of the one before as is missing of it. */
  readonly lastMinute: number;
  /** In this minute and the 59 before it. */
  readonly lastHour: number;
}

export interface ThroughputView {
  /** Since when it is counted, epoch ms: when the engine opened, or had to read its log again. */
  readonly since: number;
  readonly completed: Rate;
  /** Attempts that failed and are followed by another. */
  readonly failed: Rate;
  readonly died: Rate;
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

class Buckets {
  readonly #counts = new Uint32Array(MINUTES);
  /** The newest minute that was counted in. */
  #minute = 0;

  count(minute: number): void {
    this.#turnTo(minute);
    const bucket = this.#minute % MINUTES;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
  }

  rate(now: number): Rate {
    const minute = Math.floor(now / MINUTE_MS);
    this.#turnTo(minute);
    const ofThis = this.#counts[this.#minute % MINUTES] as number;
    const ofLast = this.#counts[(this.#minute + MINUTES - 1) % MINUTES] as number;
    const missing = 1 - (now % MINUTE_MS) / MINUTE_MS;
    return {
      lastMinute: Math.round(ofThis + ofLast * missing),
      lastHour: this.#counts.reduce((sum, count) => sum + count, 0),
    };
  }

  /** Empties the buckets of minutes in which nothing was counted. A clock that was set back counts in the newest. */
  #turnTo(minute: number): void {
    if (minute <= this.#minute) return;
    const passed = Math.min(minute - this.#minute, MINUTES);
    for (let n = 0; n < passed; n++) this.#counts[(minute - n) % MINUTES] = 0;
    this.#minute = minute;
  }
}

type Kind = Exclude<keyof ThroughputView, 'since'>;
const NOTHING: Rate = { lastMinute: 0, lastHour: 0 };

export class Throughput {
  readonly #since: number;
  readonly #byQueue: Array<Partial<Record<Kind, Buckets>>> = [];
  readonly #byType: Array<Partial<Record<Kind, Buckets>>> = [];

  /** @param since epoch ms */
  constructor(since: number) {
    this.#since = since;
  }

  /** Looks at an event that is being recorded. */
  note({ kind, slot, at }: JobEvent, table: JobTable): void {
    if (kind !== 'completed' && kind !== 'failed' && kind !== 'died') return;
    const minute = Math.floor(at / MINUTE_MS);
    count(this.#byQueue, table.queueNumberOf(slot), kind, minute);
    count(this.#byType, table.typeNumberOf(slot), kind, minute);
  }

  ofQueue(queue: number, now: number): ThroughputView {
    return view(this.#since, this.#byQueue[queue], now);
  }

  ofType(type: number, now: number): ThroughputView {
    return view(this.#since, this.#byType[type], now);
  }
}

function count(things: Array<Partial<Record<Kind, Buckets>>>, thing: number, kind: Kind, minute: number): void {
  const buckets = (things[thing] ??= {});
  (buckets[kind] ??= new Buckets()).count(minute);
}

function view(since: number, buckets: Partial<Record<Kind, Buckets>> | undefined, now: number): ThroughputView {
  return {
    since,
    completed: buckets?.completed?.rate(now) ?? NOTHING,
    failed: buckets?.failed?.rate(now) ?? NOTHING,
    died: buckets?.died?.rate(now) ?? NOTHING,
  };
}
