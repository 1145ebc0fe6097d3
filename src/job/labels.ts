/**
 * What a job is found by beside its id: a unique key, an idempotency key, tags. Few jobs have any, so they lie in maps
 * instead of columns, and one text in the job's first record holds them all.
 */

import type { UniqueMode } from './unique.ts';

export interface Labels {
  /** No other unfinished job of the type has this key, but one that waits behind it. */
  readonly unique?: string | undefined;
  /** Until `idempotentUntil`, epoch ms, an `enqueue` with this key means this job. */
  readonly idempotencyKey?: string | undefined;
  readonly idempotentUntil?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** The same as a caller wants them; the moment of the call is not known yet. */
export interface NewLabels {
  readonly unique: { readonly key: string; readonly mode: UniqueMode } | undefined;
  readonly idempotency: { readonly key: string; readonly windowMs: number } | undefined;
  readonly tags: readonly string[] | undefined;
}

/** As text, to be stored with the job; empty for none. */
export function encodeLabels(labels: Labels): string {
  const text = JSON.stringify(labels);
  return text === '{}' ? '' : text;
}

export function decodeLabels(text: string): Labels {
  return text === '' ? {} : (JSON.parse(text) as Labels);
}

/** The job that a key leads to in one type: keys of different types never meet. */
function placeOf(type: number, key: string): string {
  return `${type}:${key}`;
}

const NOBODY: readonly number[] = [];

/** The jobs that have labels, and where their keys lead. It follows the job table, event by event. */
export class LabelledJobs {
  readonly #labels = new Map<number, Labels>();
  /** The unfinished jobs with a unique key, the oldest first: one, or two if one waits behind the other. */
  readonly #unique = new Map<string, number[]>();
  /** The newest job with an idempotency key, for as long as it is stored. */
  readonly #idempotent = new Map<string, number>();

  get size(): number {
    return this.#labels.size;
  }

  /** How many idempotency keys are remembered. */
  get idempotentCount(): number {
    return this.#idempotent.size;
  }

  of(slot: number): Labels | undefined {
    return this.#labels.size === 0 ? undefined : this.#labels.get(slot);
  }

  /** A job was stored, or is carried; whether it is finished is told by `hold`. */
  add(slot: number, text: string, type: number, orderOf: (slot: number) => number): void {
    const labels = decodeLabels(text);
    this.#labels.set(slot, labels);
    if (labels.idempotencyKey === undefined) return;
    const place = placeOf(type, labels.idempotencyKey);
    const known = this.#idempotent.get(place);
    // One that is carried may be older than one that is known.
    if (known === undefined || orderOf(known) < orderOf(slot)) this.#idempotent.set(place, slot);
  }

  /** The job is unfinished from now on, so it holds its unique key. */
  hold(slot: number, type: number, orderOf: (slot: number) => number): void {
    const key = this.of(slot)?.unique;
    if (key === undefined) return;
    const holders = this.#unique.get(placeOf(type, key)) ?? [];
    if (holders.includes(slot)) return;
    holders.push(slot);
    holders.sort((a, b) => orderOf(a) - orderOf(b));
    this.#unique.set(placeOf(type, key), holders);
  }

  /** The job has ended. */
  release(slot: number, type: number): void {
    const key = this.of(slot)?.unique;
    if (key === undefined) return;
    const place = placeOf(type, key);
    const left = this.#unique.get(place)?.filter((holder) => holder !== slot) ?? [];
    if (left.length > 0) this.#unique.set(place, left);
    else this.#unique.delete(place);
  }

  /** The job is forgotten. */
  remove(slot: number, type: number): void {
    const labels = this.of(slot);
    if (labels === undefined) return;
    this.release(slot, type);
    this.#labels.delete(slot);
    if (labels.idempotencyKey === undefined) return;
    const place = placeOf(type, labels.idempotencyKey);
    if (this.#idempotent.get(place) === slot) this.#idempotent.delete(place);
  }

  /** The unfinished jobs that have this unique key, the oldest first. */
  holdersOf(type: number, key: string): readonly number[] {
    return this.#unique.get(placeOf(type, key)) ?? NOBODY;
  }

  /** The job that this idempotency key means at the moment `at`, or -1. */
  idempotent(type: number, key: string, at: number): number {
    const slot = this.#idempotent.get(placeOf(type, key)) ?? -1;
    return (this.of(slot)?.idempotentUntil ?? 0) > at ? slot : -1;
  }

  /** Whether another unfinished job of the type holds the unique key of this one. */
  isTaken(slot: number, type: number): boolean {
    const key = this.of(slot)?.unique;
    return key !== undefined && this.holdersOf(type, key).some((holder) => holder !== slot);
  }
}
