/**
 * Many jobs over many queues and keys, with limits of every kind, through a whole engine in memory. Handlers count what
 * runs; what was started when, and in which order, is read from the events afterwards.
 *
 *   node dist/test/scenarios/queue-load.js 100000
 */
import { pathToFileURL } from 'node:url';
import { defineJob, open, type QueueOptions } from '../../src/index.ts';

export interface LoadReport {
  readonly jobs: number;
  readonly seconds: number;
  /** The most that ran at once, as a share of what may. Above 1 a limit was broken. */
  readonly fullest: Readonly<Record<'engine' | 'queue' | 'key' | 'type', number>>;
  /** The most starts in any window of a queue with a rate, as a share of its limit. */
  readonly fastest: number;
  /** Most starts of other queues between two of a queue that had jobs and no limit of its own; and the bound. */
  readonly queueWait: readonly [most: number, bound: number];
  /** Most starts of other keys between two of a key that had jobs, in queues without limits for keys; and the bound. */
  readonly keyWait: readonly [most: number, bound: number];
}

interface Payload {
  readonly queue: string;
  readonly key: string;
}

const ENGINE = 40;
const QUEUES = 50;
const KEYS_A_QUEUE = 10;
const RATE = { limit: 20, per: 100 } as const;
const TYPE_LIMIT = 7;

/** Ten queues of each kind: none, a limit, a limit for keys, a rate, and both limits. */
function optionsOf(n: number): QueueOptions {
  const limit = { concurrency: 2 + (n % 3) };
  const keys = { perKey: { concurrency: 1 } };
  return { weight: 1 + (n % 3), ...[{}, limit, keys, { rate: RATE }, { ...limit, ...keys }][n % 5] };
}

class Gauge {
  fullest = 0;
  readonly #running = new Map<string, number>();

  enter(name: string, limit: number): void {
    const running = (this.#running.get(name) ?? 0) + 1;
    this.#running.set(name, running);
    this.fullest = Math.max(this.fullest, running / limit);
  }

  leave(name: string): void {
    this.#running.set(name, (this.#running.get(name) ?? 0) - 1);
  }
}

export async function queueLoad(count: number): Promise<LoadReport> {
  const queues = Object.fromEntries(Array.from({ length: QUEUES }, (_, n) => [`q${n}`, optionsOf(n)]));
  const gauges = { engine: new Gauge(), queue: new Gauge(), key: new Gauge(), type: new Gauge() };
  const run =
    (isLimited: boolean) =>
    async ({ queue, key }: Payload) => {
      const { concurrency = ENGINE, perKey = {} } = queues[queue] as QueueOptions;
      const places = [
        [gauges.engine, 'engine', ENGINE],
        [gauges.queue, queue, concurrency],
        [gauges.key, `${queue}/${key}`, perKey.concurrency ?? ENGINE],
        [gauges.type, String(isLimited), isLimited ? TYPE_LIMIT : ENGINE],
      ] as const;
      for (const [gauge, name, limit] of places) gauge.enter(name, limit);
      await new Promise((resolve) => setImmediate(resolve));
      for (const [gauge, name] of places) gauge.leave(name);
    };
  const free = defineJob<Payload>({ type: 'free', run: run(false) });
  const limited = defineJob<Payload>({ type: 'limited', concurrency: TYPE_LIMIT, run: run(true) });
  const jobs = await open(':memory:', { queues, concurrency: ENGINE, keep: { completed: { count: Infinity } } });
  const entries = Array.from({ length: count }, (_, n) => {
    const queue = `q${n % QUEUES}`;
    // One key has half of the jobs of its queue, and the queues that are measured have no jobs of the limited type.
    const turn = Math.floor(n / QUEUES);
    const key = `k${turn % 2 === 0 ? 0 : 1 + (((turn - 1) / 2) % (KEYS_A_QUEUE - 1))}`;
    const job = (n % QUEUES) % 5 === 1 ? limited : free;
    return [job, { queue, key }, { queue, key }] as const;
  });
  await jobs.enqueueAll(entries);
  const startedAt = process.hrtime.bigint();
  jobs.register(free, limited);
  const starts: Array<Payload & { at: number }> = [];
  const payloads = new Map<string, Payload>();
  for (let cursor: string | undefined, isLast = false; !isLast;) {
    const page = await jobs.list({ limit: 1_000, cursor });
    for (const { id, payload } of page.jobs) payloads.set(id, payload as Payload);
    cursor = page.cursor;
    isLast = cursor === undefined;
  }
  for await (const event of jobs.events({ since: 0 })) {
    if (event.kind === 'started') starts.push({ ...(payloads.get(event.id) as Payload), at: event.at });
    if (starts.length === count) break;
  }
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
  await jobs.close();
  const fullest = Object.fromEntries(Object.entries(gauges).map(([name, gauge]) => [name, gauge.fullest]));
  return {
    ...{ jobs: count, seconds, fullest: fullest as LoadReport['fullest'], fastest: fastest(starts) },
    queueWait: [queueWait(starts), Object.values(queues).reduce((sum, { weight = 1 }) => sum + weight, 0)],
    keyWait: [keyWait(starts), KEYS_A_QUEUE - 1],
  };
}

function fastest(starts: ReadonlyArray<Payload & { at: number }>): number {
  let most = 0;
  for (let n = 3; n < QUEUES; n += 5) {
    const moments = starts.filter(({ queue }) => queue === `q${n}`).map(({ at }) => at);
    for (let first = 0, last = 0; last < moments.length; last++) {
      while ((moments[last] as number) - (moments[first] as number) >= RATE.per) first++;
      most = Math.max(most, (last - first + 1) / RATE.limit);
    }
  }
  return most;
}

function queueWait(starts: readonly Payload[]): number {
  const places = (name: string): number[] => starts.flatMap(({ queue }, n) => (queue === name ? [n] : []));
  let most = 0;
  for (let n = 0; n < QUEUES; n += 5) {
    const own = places(`q${n}`);
    for (let start = 1; start < own.length; start++) {
      most = Math.max(most, (own[start] as number) - (own[start - 1] as number) - 1);
    }
  }
  return most;
}

function keyWait(starts: readonly Payload[]): number {
  let most = 0;
  for (let n = 0; n < QUEUES; n += 5) {
    const own = starts.filter(({ queue }) => queue === `q${n}`);
    const last = new Map<string, number>();
    for (const [place, { key }] of own.entries()) {
      const before = last.get(key);
      if (before !== undefined) most = Math.max(most, place - before - 1);
      last.set(key, place);
    }
  }
  return most;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const report = await queueLoad(Number(process.argv[2] ?? 100_000));
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
}
