/**
 * How much may start in a stretch of time, for queues that have a rate and for their keys. The dispatcher asks and is
 * promised a start; the journal says when it was recorded, or that it was not.
 *
 * What the windows hold is derived from the log: from the `started` records in it, and, since those may be trimmed, from
 * the entry of the queue, which holds the newest moments before it whenever trimming writes it again.
 */
import type { Entry } from '../job/entries.ts';
import type { RecentStarts } from '../job/recent-starts.ts';
import { Window, type Rate } from '../job/window.ts';
import type { Hold } from './messages.ts';

/** The moments of the newest starts, as the entry of a queue holds them. */
export interface StoredStarts {
  readonly all: readonly number[];
  readonly keys: Readonly<Record<string, readonly number[]>>;
}

export class QueueRates {
  readonly #all: Window;
  #keyRate: Rate;
  /** Whether there were starts since somebody asked for what is to be stored. */
  hasNews = false;
  /** The one that started last is at the end. */
  readonly #keys = new Map<string, Window>();

  constructor(rate: Rate, keyRate: Rate) {
    this.#all = new Window(rate);
    this.#keyRate = keyRate;
  }

  configure(rate: Rate, keyRate: Rate): void {
    this.#all.rate = rate;
    this.#keyRate = keyRate;
    for (const window of this.#keys.values()) window.rate = keyRate;
  }

  /** 0 when a job may start now; else the earliest moment at which one may. */
  nextAt(now: number): number {
    return this.#all.nextAt(now);
  }

  /** The same for a job with this key, as far as its key is concerned. */
  keyNextAt(key: string, now: number): number {
    return this.#keys.get(key)?.nextAt(now) ?? 0;
  }

  /** Whether a job that was to start may still: it may have been on its way when the rate was set. */
  allows(key: string | undefined, now: number): boolean {
    if (this.#all.rate.limit < Infinity && !this.#all.allows(now)) return false;
    return key === undefined || this.#keyRate.limit === Infinity || (this.#keys.get(key)?.allows(now) ?? true);
  }

  promise(key: string | undefined, now: number): void {
    if (this.#all.rate.limit < Infinity) this.#all.promise();
    if (key === undefined || this.#keyRate.limit === Infinity) return;
    this.#forgetOld(now);
    this.#windowOf(key).promise();
  }

  /** It goes to the end. */
  #windowOf(key: string): Window {
    const window = this.#keys.get(key) ?? new Window(this.#keyRate);
    this.#keys.delete(key);
    this.#keys.set(key, window);
    return window;
  }

  keepPromise(key: string | undefined, at: number): void {
    this.hasNews = true;
    if (this.#all.rate.limit < Infinity) this.#all.keepPromise(at);
    if (key !== undefined && this.#keyRate.limit < Infinity) this.#windowOf(key).keepPromise(at);
  }

  breakPromise(key: string | undefined): void {
    if (this.#all.hasPromised) this.#all.breakPromise();
    const window = key === undefined ? undefined : this.#keys.get(key);
    if (window?.hasPromised === true) window.breakPromise();
  }

  restore(moments: readonly number[], keys: Iterable<readonly [key: string, moments: readonly number[]]>): void {
    this.hasNews = true;
    if (this.#all.rate.limit < Infinity) for (const at of moments) this.#all.note(at);
    if (this.#keyRate.limit === Infinity) return;
    for (const [key, ofKey] of keys) {
      const window = this.#keys.get(key) ?? new Window(this.#keyRate);
      for (const at of ofKey) window.note(at);
      this.#keys.set(key, window);
    }
  }

  stored(now: number): StoredStarts {
    this.hasNews = false;
    const keys = [...this.#keys].map(([key, window]) => [key, window.moments(now)] as const);
    return { all: this.#all.moments(now), keys: Object.fromEntries(keys.filter(([, moments]) => moments.length > 0)) };
  }

  #forgetOld(now: number): void {
    for (const [key, window] of this.#keys) {
      if (!window.isEmpty(now)) return;
      this.#keys.delete(key);
    }
  }
}

export class Rates {
  readonly #byQueue = new Map<string, QueueRates>();

  get isEmpty(): boolean {
    return this.#byQueue.size === 0;
  }

  of(queue: string): QueueRates | undefined {
    return this.#byQueue.get(queue);
  }

  /** The queues that have rates. */
  queues(): IterableIterator<string> {
    return this.#byQueue.keys();
  }

  /** The queues of which there is more to be stored than is. */
  *outdated(): Generator<{ space: 'queue'; name: string }> {
    for (const [name, { hasNews }] of this.#byQueue) if (hasNews) yield { space: 'queue', name };
  }

  /** The rates of a queue as they are from now on. */
  configure(queue: string, rate: Rate, keyRate: Rate): void {
    const known = this.#byQueue.get(queue);
    if (rate.limit === Infinity && keyRate.limit === Infinity) this.#byQueue.delete(queue);
    else if (known === undefined) this.#byQueue.set(queue, new QueueRates(rate, keyRate));
    else known.configure(rate, keyRate);
  }

  /** What a replay knows of the starts of a queue. */
  restore(queue: string, stored: StoredStarts | undefined, entry: Entry | undefined, recent: RecentStarts): void {
    const rates = this.#byQueue.get(queue);
    if (rates === undefined) return;
    if (stored !== undefined) rates.restore(stored.all, Object.entries(stored.keys));
    const behind = stored === undefined ? 0 : (entry?.position ?? 0);
    rates.restore(recent.of(queue, behind), recent.keysOf(queue, behind));
  }

  /** Whether a start may be recorded. */
  allows({ queue, key }: Hold, at: number): boolean {
    return this.#byQueue.get(queue)?.allows(key, at) ?? true;
  }

  /** A start that was promised has been recorded. */
  started({ queue, key }: Hold, at: number): void {
    this.#byQueue.get(queue)?.keepPromise(key, at);
  }

  /** A start that was promised came to nothing. */
  refused({ queue, key }: Hold): void {
    this.#byQueue.get(queue)?.breakPromise(key);
  }
}
