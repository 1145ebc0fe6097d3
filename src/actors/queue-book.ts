/**
 * What holds for each queue: its settings and its pause. Settings come from the options of `open` and, counting more, from
 * what was stored since. What is stored is the entry of the queue in the log, so it is found again after a restart, and a
 * recovery makes a new book from the log.
 */
import { QueueNotFoundError } from '../errors.ts';
import type { Entries } from '../job/entries.ts';
import type { Names } from '../job/names.ts';
import { queueSettings, type QueueLayer, type QueueSettings } from '../queue-options.ts';
import type { StoredStarts } from './rates.ts';

export interface Pause {
  /** When it began, epoch ms. */
  readonly at: number;
  readonly by?: string;
  readonly reason?: string;
  /** When it ends by itself, epoch ms. */
  readonly until?: number;
}

/** The entry of a queue, in the space `queue` under its name. */
export interface StoredQueue {
  readonly settings?: QueueLayer;
  readonly pause?: Pause;
  readonly starts?: StoredStarts;
}

/** It is there without being made. */
const DEFAULT_QUEUE = 'default';

/** The entry of the engine's own pause, in the space `engine`. */
export const ENGINE_PAUSE = 'pause';

export class QueueBook {
  readonly #entries: Entries;
  readonly #options: ReadonlyMap<string, QueueLayer>;
  readonly #concurrency: number;
  readonly #unknownQueues: 'create' | 'refuse';
  readonly #settings = new Map<string, QueueSettings>();
  readonly #pauses = new Map<string, Pause>();
  #enginePause: Pause | undefined;
  #bounded = 0;

  /** @param concurrency the engine's */
  constructor(
    entries: Entries,
    options: ReadonlyMap<string, QueueLayer>,
    concurrency: number,
    unknownQueues: 'create' | 'refuse' = 'create',
  ) {
    this.#unknownQueues = unknownQueues;
    this.#entries = entries;
    this.#options = options;
    this.#concurrency = concurrency;
    for (const name of this.names()) this.reread(name);
    this.rereadEngine();
  }

  /** The queues that somebody has said something about. */
  names(): Set<string> {
    return new Set([...this.#options.keys(), ...Array.from(this.#entries.in('queue'), ({ name }) => name)]);
  }

  /** The queues that slots are kept for; not those that no number is left for, since they can have no jobs either. */
  *entitled(queues: Names): Generator<string> {
    for (const name of this.names()) {
      if (this.settingsOf(name).minimum > 0 && (queues.find(name) >= 0 || queues.hasRoomFor(1))) yield name;
    }
  }

  /** Whether somebody has said anything about this queue. */
  has(queue: string): boolean {
    return this.#options.has(queue) || this.#entries.get('queue', queue) !== undefined;
  }

  /** Why a job for this queue cannot be taken: nobody has said anything about it, and it never had a job. */
  refusalOf(queue: string, queues: Names): QueueNotFoundError | undefined {
    if (this.#unknownQueues === 'create' || queue === DEFAULT_QUEUE) return undefined;
    return this.has(queue) || queues.find(queue) >= 0 ? undefined : new QueueNotFoundError(queue);
  }

  settingsOf(queue: string): QueueSettings {
    return this.#settings.get(queue) ?? this.#plain();
  }

  stored(queue: string): StoredQueue {
    return decode<StoredQueue>(this.#entries.get('queue', queue)?.value) ?? {};
  }

  /** The settings that would hold with another layer stored. */
  settingsWith(queue: string, layer: QueueLayer): QueueSettings {
    return queueSettings([layer, this.#options.get(queue) ?? {}], this.#concurrency);
  }

  /** Whether no queue has a bound on its jobs, or on their age. */
  get isUnbounded(): boolean {
    return this.#bounded === 0;
  }

  /** The pause of a queue that holds now; undefined when there is none. */
  pauseOf(queue: string, now: number): Pause | undefined {
    return current(this.#pauses.get(queue), now);
  }

  /** A pause holds a queue before this moment, epoch ms: again, if the clock is set back behind it. 0 for none. */
  heldUntil(queue: string): number {
    const pause = this.#pauses.get(queue);
    return pause === undefined ? 0 : (pause.until ?? Infinity);
  }

  enginePause(now: number): Pause | undefined {
    return current(this.#enginePause, now);
  }

  /** Whether nothing of a queue may start now, because somebody has paused it or the engine. */
  isPaused(queue: string, now: number): boolean {
    if (this.#enginePause === undefined && this.#pauses.size === 0) return false;
    return (this.enginePause(now) ?? this.pauseOf(queue, now)) !== undefined;
  }

  /** The entry of this queue has changed. */
  reread(queue: string): void {
    const { settings: layer = {}, pause } = this.stored(queue);
    this.#bounded -= Number(isBounded(this.settingsOf(queue)));
    const settings = this.settingsWith(queue, layer);
    this.#bounded += Number(isBounded(settings));
    this.#settings.set(queue, settings);
    if (pause === undefined) this.#pauses.delete(queue);
    else this.#pauses.set(queue, pause);
  }

  rereadEngine(): void {
    this.#enginePause = decode<Pause>(this.#entries.get('engine', ENGINE_PAUSE)?.value);
  }

  #unnamed: QueueSettings | undefined;
  #plain(): QueueSettings {
    return (this.#unnamed ??= queueSettings([], this.#concurrency));
  }
}

function isBounded({ maxEntries, maxAgeMs }: QueueSettings): boolean {
  return maxEntries < Infinity || maxAgeMs < Infinity;
}

function current(pause: Pause | undefined, now: number): Pause | undefined {
  return pause?.until !== undefined && pause.until <= now ? undefined : pause;
}

/** JSON has no Infinity; no setting is this text. */
const INFINITE = 'Infinity';

export function encodeEntry(value: StoredQueue | Pause): string {
  return JSON.stringify(value, (_, given: unknown) => (given === Infinity ? INFINITE : given));
}

function decode<Value>(text: string | undefined): Value | undefined {
  if (text === undefined) return undefined;
  return JSON.parse(text, (_, given: unknown) => (given === INFINITE ? Infinity : given)) as Value;
}
