/**
 * Which of the stored jobs a filter lets through. Everything a filter can ask for is in memory, so looking at a million jobs
 * is a loop over numbers; it is done in slices, so that others get their turn, and nothing is copied but what was found.
 */
import type { Whereabouts } from './actors/messages.ts';
import type { Dependencies } from './actors/dependencies.ts';
import type { AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError } from './errors.ts';
import { checkObject } from './job/check.ts';
import { momentMs } from './job/duration.ts';
import { JOB_STATES, type JobState } from './job/machine.ts';
import { checkKey, checkQueue, checkType } from './job/name.ts';
import type { JobTable } from './job/table.ts';
import type { Clock } from './kernel/clock.ts';
import type { Router } from './router.ts';
import { faceOf, JOB_FACES, type JobFace } from './view.ts';

/** What a job must be to be meant; what is left out does not matter. */
export interface JobFilter {
  readonly state?: JobState | undefined;
  /** Of a waiting job. */
  readonly face?: JobFace | undefined;
  /** A type, or its definition, which also types what comes back. */
  readonly type?: AnyJobDefinition | string | undefined;
  readonly queue?: string | undefined;
  /** Its `key`, as it was given to `enqueue`. */
  readonly key?: string | undefined;
  /** One of its tags. */
  readonly tag?: string | undefined;
  readonly unique?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Accepted at this moment or later: a Date, epoch ms, or an ISO string. */
  readonly since?: Date | number | string | undefined;
}

/** A filter, checked. */
export interface Criteria extends Omit<JobFilter, 'type' | 'since'> {
  readonly type: string | undefined;
  readonly since: number | undefined;
}

const WORDS = ['state', 'face', 'type', 'queue', 'key', 'tag', 'unique', 'idempotencyKey', 'since'];

/** @throws {InvalidArgumentError} naming what is wrong, also for a word that is none of a filter */
export function checkFilter(filter: JobFilter, more: readonly string[] = []): Criteria {
  checkObject(filter, 'filter', "{ state: 'dead' }");
  for (const word of Object.keys(filter)) {
    if (WORDS.includes(word) || more.includes(word)) continue;
    throw new InvalidArgumentError({
      field: `filter.${word}`,
      expected: `one of ${[...WORDS, ...more].join(', ')}`,
      got: word,
    });
  }
  const { state, face, type, queue, key, tag, unique, idempotencyKey, since } = filter;
  checkWord(state, 'state', JOB_STATES);
  checkWord(face, 'face', JOB_FACES);
  const name = typeof type === 'object' && type !== null ? type.type : type;
  if (name !== undefined) checkType(name);
  if (queue !== undefined) checkQueue(queue);
  for (const [field, value] of Object.entries({ key, tag, unique, idempotencyKey })) {
    if (value !== undefined) checkKey(value, field);
  }
  const from = since === undefined ? undefined : momentMs(since, 'since');
  return { state, face, type: name, queue, key, tag, unique, idempotencyKey, since: from };
}

function checkWord(value: unknown, field: string, words: readonly string[]): void {
  if (value === undefined || (words as readonly unknown[]).includes(value)) return;
  throw new InvalidArgumentError({ field, expected: `one of ${words.join(', ')}`, got: value });
}

/** What a filter asks beside the table. */
export interface ListingParts {
  readonly table: JobTable;
  readonly router: Router;
  readonly dependencies: Dependencies | undefined;
  readonly clock: Clock;
  /** Whether a waiting job that is due lacks something else than a free slot. */
  readonly isHeldBack: (slot: number) => boolean;
}

/** Whether the stored job in a slot is let through. */
export type Matcher = (slot: number) => boolean;

export function matcherOf(criteria: Criteria, parts: ListingParts): Matcher {
  const { table } = parts;
  const { state, type, queue, key, tag, unique, idempotencyKey, since } = criteria;
  const typeNumber = type === undefined ? undefined : table.types.find(type);
  const queueNumber = queue === undefined ? undefined : table.queues.find(queue);
  const isAbout = (slot: number): boolean => {
    const labels = table.labelled.of(slot);
    if (tag !== undefined && labels?.tags?.includes(tag) !== true) return false;
    if (unique !== undefined && labels?.unique !== unique) return false;
    return idempotencyKey === undefined || labels?.idempotencyKey === idempotencyKey;
  };
  const asksLabels = tag !== undefined || unique !== undefined || idempotencyKey !== undefined;
  const hasFace = faceMatcher(criteria.face, parts);
  return (slot) => {
    const stored = table.stateOf(slot);
    if (stored === 'absent' || (state !== undefined && stored !== state)) return false;
    if (typeNumber !== undefined && table.typeNumberOf(slot) !== typeNumber) return false;
    if (queueNumber !== undefined && table.queueNumberOf(slot) !== queueNumber) return false;
    if (since !== undefined && table.createdAtOf(slot) < since) return false;
    if (key !== undefined && table.keyOf(slot) !== key) return false;
    return (!asksLabels || isAbout(slot)) && (hasFace === undefined || hasFace(slot));
  };
}

function faceMatcher(face: JobFace | undefined, { table, clock, ...parts }: ListingParts): Matcher | undefined {
  if (face === undefined) return undefined;
  const now = clock.now();
  return (slot) => {
    if (table.stateOf(slot) !== 'waiting') return false;
    const job = { dueAt: table.dueAtOf(slot), attempts: table.attemptsOf(slot) };
    const isBlocked = parts.dependencies?.of(slot) === 'blocked';
    return faceOf(job, () => parts.isHeldBack(slot), isBlocked, now) === face;
  };
}

/** Waiting jobs that are due and have a handler, whatever else holds them. */
export function dueMatcher({ table, router, dependencies, clock }: ListingParts): Matcher {
  const now = clock.now();
  const served = new Map<number, boolean>();
  const isServed = (type: number): boolean => {
    const known = served.get(type) ?? router.find(table.types.name(type)) !== undefined;
    served.set(type, known);
    return known;
  };
  return (slot) =>
    table.stateOf(slot) === 'waiting' &&
    table.dueAtOf(slot) <= now &&
    dependencies?.of(slot) !== 'blocked' &&
    isServed(table.typeNumberOf(slot));
}

/** How many slots are looked at before others get their turn. */
const SCAN_SLICE = 10_000;

/** Calls `look` with each slot, in use or not, waits for what it promises, and gives others their turn in between. */
export async function scan(
  table: JobTable,
  clock: Clock,
  look: (slot: number) => Promise<void> | undefined,
): Promise<void> {
  for (let slot = 0; slot < table.end; slot++) {
    if (slot % SCAN_SLICE === SCAN_SLICE - 1) await new Promise<void>((resolve) => clock.turn(resolve));
    const promised = look(slot);
    if (promised !== undefined) await promised;
  }
}

/** The `most` jobs with the lowest orders above `after` that match. Holds at most twice as many. */
export async function oldest(
  parts: ListingParts,
  criteria: Criteria,
  after: number,
  most: number,
): Promise<Whereabouts[]> {
  const { table } = parts;
  const matches = matcherOf(criteria, parts);
  let found: Whereabouts[] = [];
  let bar = Infinity;
  const cut = (): void => {
    found.sort((a, b) => a.order - b.order);
    found = found.slice(0, most);
    if (found.length === most) bar = found.at(-1)?.order ?? Infinity;
  };
  await scan(table, parts.clock, (slot) => {
    const order = table.orderOf(slot);
    if (order <= after || order >= bar || !matches(slot)) return undefined;
    found.push({ slot, order });
    if (found.length > 2 * most) cut();
    return undefined;
  });
  cut();
  return found;
}
