/** What a process measures of itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { JobFacts } from '../../src/protocol.ts';
import type { OwnSample, Spread } from './orders.ts';

const LOOP_RESOLUTION_MS = 20;

export class Meter {
  /** Ends that were told since the last sample. */
  ended = 0;
  #openedAt = Infinity;
  #late: number[] = [];
  #cpu = process.cpuUsage();
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  /** What was due before this moment is late because nobody was there. */
  opened(): void {
    this.#openedAt = Date.now();
    this.#loop.enable();
  }

  /** A first attempt of a job that had to wait for its time begins. */
  started({ attempt, scheduledFor, createdAt, queue, occurrence }: JobFacts): void {
    if (attempt !== 1 || queue === 'rated' || scheduledFor < this.#openedAt) return;
    if (occurrence === undefined && scheduledFor <= createdAt) return;
    this.#late.push(Date.now() - scheduledFor);
  }

  sample(jobs: Pick<OwnSample, 'unfinished' | 'stored'>, collects: boolean): OwnSample {
    const { heapUsed, external, rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage(this.#cpu);
    const sample = {
      ...{ heapUsed, external, rss, cpuMs: (user + system) / 1000 },
      late: spreadOf(this.#late),
      loop: this.#loopDelay(),
      ended: this.ended,
      ...jobs,
    };
    this.#cpu = process.cpuUsage();
    this.ended = 0;
    this.#late = [];
    this.#loop.reset();
    if (!collects || globalThis.gc === undefined) return sample;
    globalThis.gc();
    return { ...sample, heapLive: process.memoryUsage().heapUsed };
  }

  /** Node counts from the beginning of a period; what is beyond the period is delay. */
  #loopDelay(): Spread {
    const beyond = (ns: number): number => Math.max(0, ns / 1e6 - LOOP_RESOLUTION_MS);
    const { count, max } = this.#loop;
    if (count === 0) return { count, p50: 0, p99: 0, max: 0 };
    return {
      count,
      p50: beyond(this.#loop.percentile(50)),
      p99: beyond(this.#loop.percentile(99)),
      max: beyond(max),
    };
  }
}

function spreadOf(values: number[]): Spread {
  values.sort((a, b) => a - b);
  const at = (share: number): number => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
  return { count: values.length, p50: at(0.5), p99: at(0.99), max: values.at(-1) ?? 0 };
}
