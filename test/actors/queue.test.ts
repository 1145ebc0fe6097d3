// A queue against the plainest thing that could do the same: a list, searched from end to end for the next job.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Queue } from '../../src/actors/queue.ts';
import { QueueRates } from '../../src/actors/rates.ts';
import type { Source, TypeLimit } from '../../src/actors/turns.ts';
import type { JobTable } from '../../src/job/table.ts';
import { Places } from '../../src/kernel/heap.ts';
import { NO_RATE, queueSettings, type QueueLayer } from '../../src/queue-options.ts';

interface PlainJob {
  readonly slot: number;
  readonly order: number;
  readonly priority: number;
  readonly dueAt: number;
  readonly key: string | undefined;
  readonly lane: 'inline' | 'thread';
  readonly type: TypeLimit | undefined;
}

/** Only what a queue asks of the table. */
function tableOf(jobs: readonly PlainJob[]): JobTable {
  const of = (slot: number): PlainJob => jobs[slot] as PlainJob;
  return {
    dueAtOf: (slot: number) => of(slot).dueAt,
    orderOf: (slot: number) => of(slot).order,
    priorityOf: (slot: number) => of(slot).priority,
    keyOf: (slot: number) => of(slot).key,
  } as unknown as JobTable;
}

type Step =
  | {
      readonly kind: 'add';
      readonly priority: number;
      readonly key: number;
      readonly lane: number;
      readonly type: number;
    }
  | { readonly kind: 'start' | 'release' | 'remove'; readonly pick: number }
  | { readonly kind: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      priority: fc.integer({ min: -1, max: 1 }),
      key: fc.integer({ min: 0, max: 4 }),
      lane: fc.nat(3),
      type: fc.nat(3),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('start' as const), pick: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'remove' as const), pick: fc.nat(50) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(40) }) },
);

const layer: fc.Arbitrary<QueueLayer> = fc.record({
  concurrency: fc.integer({ min: 1, max: 6 }),
  keyConcurrency: fc.constantFrom(1, 2, Infinity),
  agingMs: fc.constantFrom(Infinity, Infinity, 10),
  rate: fc.constantFrom(NO_RATE, NO_RATE, { limit: 2, perMs: 20 }),
  keyRate: fc.constantFrom(NO_RATE, NO_RATE, { limit: 1, perMs: 15 }),
});

/** The whole of it by lists: who may start is asked of every job, and the moments of all starts are kept. */
class Model {
  waiting: PlainJob[] = [];
  running: PlainJob[] = [];
  readonly starts: Array<{ readonly at: number; readonly key: string | undefined }> = [];
  /** When each key came, or had its turn, last. */
  readonly places = new Map<string | undefined, number>([[undefined, 0]]);
  readonly lastAt = new Map<string | undefined, number>();
  readonly #layer: QueueLayer;

  constructor(given: QueueLayer) {
    this.#layer = given;
  }

  urgency({ priority, dueAt, key }: PlainJob, isAlone: boolean): number {
    const agingMs = this.#layer.agingMs ?? Infinity;
    if (agingMs === Infinity) return -priority;
    const since = isAlone ? dueAt : Math.max(dueAt, this.lastAt.get(key) ?? 0);
    return Math.floor(since / agingMs) - priority;
  }

  /** The first of each group stands for it; among groups the most urgent, then the place of the key, then the order. */
  next(now: number, isThreadFree: boolean): PlainJob | undefined {
    const { concurrency = 1, keyConcurrency = Infinity, rate = NO_RATE, keyRate = NO_RATE } = this.#layer;
    if (this.running.length >= concurrency || this.#startsIn(now, rate.perMs) >= rate.limit) return undefined;
    const may = this.waiting.filter(({ lane, type, key }) => {
      if (lane === 'thread' && !isThreadFree) return false;
      if (type !== undefined && type.running >= type.limit) return false;
      if (key === undefined) return true;
      const ofKey = this.running.filter((job) => job.key === key).length;
      return ofKey < keyConcurrency && this.#startsIn(now, keyRate.perMs, key) < keyRate.limit;
    });
    const isPlain = this.waiting.every(({ key, type }) => key === undefined && type === undefined);
    const firsts = may.filter((job) => !may.some((other) => isSameGroup(job, other) && this.#isBefore(other, job)));
    return firsts.sort(
      (a, b) =>
        this.urgency(a, isPlain) - this.urgency(b, isPlain) ||
        (this.places.get(a.key) as number) - (this.places.get(b.key) as number) ||
        a.order - b.order,
    )[0];
  }

  #isBefore(a: PlainJob, b: PlainJob): boolean {
    const difference = this.urgency(a, true) - this.urgency(b, true);
    return difference < 0 || (difference === 0 && a.order < b.order);
  }

  #startsIn(now: number, perMs: number, key?: string): number {
    return this.starts.filter(({ at, key: other }) => at > now - perMs && (key === undefined || other === key)).length;
  }
}

function isSameGroup(a: PlainJob, b: PlainJob): boolean {
  return a.key === b.key && a.lane === b.lane && a.type === b.type;
}

describe('a queue gives what a search of all its jobs would give', () => {
  test('by priority, age, key, lane, limited type and rate, whatever came before', () => {
    fc.assert(
      fc.property(layer, fc.array(step, { maxLength: 40 }), (given, steps) => {
        const jobs: PlainJob[] = [];
        const type: TypeLimit = { route: 'limited', limit: 2, running: 0 };
        const queue = new Queue('q', queueSettings([given], 6), tableOf(jobs), new Places());
        const { rate = NO_RATE, keyRate = NO_RATE } = given;
        if (rate !== NO_RATE || keyRate !== NO_RATE) queue.rates = new QueueRates(rate, keyRate);
        const model = new Model(given);
        let [now, round] = [1_000, 0];
        for (const next of steps) {
          if (next.kind === 'pass') now += next.ms;
          else if (next.kind === 'add') {
            const key = next.key === 0 ? undefined : `k${next.key}`;
            const lane = next.lane === 0 ? 'thread' : 'inline';
            const limited = next.type === 0 ? type : undefined;
            const slot = jobs.length;
            const job = {
              slot,
              order: slot,
              priority: next.priority,
              dueAt: now - (slot % 7),
              key,
              lane,
              type: limited,
            } as const;
            jobs.push(job);
            model.waiting.push(job);
            if (!model.places.has(key)) model.places.set(key, ++round);
            queue.add(slot, lane, limited, now);
          } else if (next.kind === 'remove') {
            const job = model.waiting[next.pick % Math.max(1, model.waiting.length)];
            assert.equal(queue.remove(job?.slot ?? -1), job !== undefined);
            model.waiting = model.waiting.filter((other) => other !== job);
          } else if (next.kind === 'release') {
            const job = model.running[next.pick % Math.max(1, model.running.length)];
            if (job === undefined) continue;
            model.running = model.running.filter((other) => other !== job);
            if (job.type !== undefined) job.type.running--;
            queue.release({ queue: 'q', lane: job.lane, key: job.key, route: job.type?.route });
          } else {
            const isThreadFree = next.pick > 0;
            const source: Source | undefined =
              queue.rates === undefined
                ? queue.next(isThreadFree)
                : queue.nextByRates(isThreadFree, now, () => undefined);
            const expected = model.next(now, isThreadFree);
            assert.equal(source?.jobs.peek(), expected?.slot);
            if (source === undefined || expected === undefined) continue;
            assert.deepEqual([source.hold.lane, source.hold.key], [expected.lane, expected.key]);
            // Where all jobs are plain nobody has turns.
            const hasTurns = model.waiting.some(({ key, type: limited }) => key !== undefined || limited !== undefined);
            assert.equal(queue.take(source, now), expected.slot);
            queue.rates?.promise(expected.key, now);
            queue.rates?.keepPromise(expected.key, now);
            if (expected.type !== undefined) expected.type.running++;
            model.starts.push({ at: now, key: expected.key });
            model.waiting = model.waiting.filter((other) => other !== expected);
            model.running.push(expected);
            if (hasTurns) {
              model.places.set(expected.key, ++round);
              model.lastAt.set(expected.key, now);
            }
          }
          forgetIdle(model, queue);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

/** A key that has nothing in the queue is forgotten, unless it rests; when it comes again it stands behind the others. */
function forgetIdle(model: Model, queue: Queue): void {
  for (const key of [...model.places.keys()]) {
    if (key === undefined || queue.turnOf(key) !== undefined) continue;
    assert.ok(![...model.waiting, ...model.running].some((job) => job.key === key), `${key} is still needed`);
    model.places.delete(key);
    model.lastAt.delete(key);
  }
}

test('of equal priority, nobody waits for more than one start of each other key', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 60 }), (keys) => {
      const jobs = keys.map((key, n) => ({
        ...{ slot: n, order: n, priority: 0, dueAt: 0, lane: 'inline' as const, type: undefined },
        key: key === 0 ? undefined : `k${key}`,
      }));
      const queue = new Queue('q', queueSettings([], 100), tableOf(jobs), new Places());
      for (const { slot } of jobs) queue.add(slot, 'inline', undefined, 0);
      const left = new Map<string | undefined, number>();
      for (const { key } of jobs) left.set(key, (left.get(key) ?? 0) + 1);
      /** Since each key had its turn: who else had one. */
      const since = new Map([...left.keys()].map((key) => [key, new Set<string | undefined>()]));
      for (let n = 0; n < jobs.length; n++) {
        const source = queue.next(true) as Source;
        const { key } = source.hold;
        queue.take(source, 0);
        left.set(key, (left.get(key) as number) - 1);
        for (const [other, seen] of since) {
          if (other === key || left.get(other) === 0) continue;
          assert.ok(!seen.has(key) || isPlainOnly(left), `${key} had two turns while ${other} waited`);
          seen.add(key);
        }
        since.set(key, new Set());
      }
    }),
    { numRuns: 10_000 },
  );
});

function isPlainOnly(left: ReadonlyMap<string | undefined, number>): boolean {
  return [...left].every(([key, count]) => key === undefined || count === 0);
}

test('with aging, nothing that is due later than the stated bound starts before a job, however urgent it is', () => {
  const agingMs = 50;
  const job = fc.record({ priority: fc.integer({ min: -3, max: 3 }), dueAt: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(job, { minLength: 2, maxLength: 40 }), (given) => {
      const jobs = given.map((each, n) => ({
        ...{ ...each, slot: n, order: n, lane: 'inline' as const, type: undefined, key: undefined },
      }));
      const queue = new Queue('q', queueSettings([{ agingMs }], 100), tableOf(jobs), new Places());
      for (const { slot } of jobs) queue.add(slot, 'inline', undefined, 1_000);
      const started: PlainJob[] = [];
      for (let n = 0; n < jobs.length; n++)
        started.push(jobs[queue.take(queue.next(true) as Source, 1_000)] as PlainJob);
      for (const [n, first] of started.entries()) {
        for (const later of started.slice(n + 1)) {
          const bound = later.dueAt + (first.priority - later.priority + 1) * agingMs;
          assert.ok(first.dueAt < bound, `due ${first.dueAt} was started before one that was due ${later.dueAt}`);
        }
      }
    }),
    { numRuns: 10_000 },
  );
});
