/**
 * What a piece of work costs the process it runs in: time of the main thread, of the processor, of the collector; how
 * long the event loop was held up; bytes written to the disk. The server of a contender counts too, but apart.
 */
import { monitorEventLoopDelay, PerformanceObserver, performance, type EventLoopUtilization } from 'node:perf_hooks';
import { beginProfile, type Profile } from './profile.ts';
import { bytesWritten, family, processorMs, sum } from './proc.ts';
import type { Stage } from './question.ts';

export interface Cost {
  readonly wallMs: number;
  /** Processor time of the main thread. */
  readonly mainMs: number;
  /** How long the event loop was not waiting. More than `mainMs` where something else had the processor. */
  readonly activeMs: number;
  /** Processor time of all threads of this process. */
  readonly processMs: number;
  /** Processor time of the contender's server. */
  readonly serverMs: number;
  /** How long the collector held the main thread. */
  readonly collectorMs: number;
  /** By this process and the server together. */
  readonly writtenBytes: number;
  /** By how much timers were late: the 99th of a hundred, and the worst. */
  readonly delayP99Ms: number;
  readonly delayWorstMs: number;
}

/** The timer that samples the event loop wakes this often, so it is only on where the delay is asked for. */
const DELAY_RESOLUTION_MS = 1;

interface Readings {
  readonly at: number;
  readonly mainMs: number;
  readonly loop: EventLoopUtilization;
  readonly process: NodeJS.CpuUsage;
  readonly serverMs: number;
  readonly writtenBytes: number;
}

export class Meter {
  readonly #stage: Stage;
  readonly #begin: Readings;
  readonly #delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
  readonly #collections: PerformanceObserver;
  readonly #profile: Profile | undefined;
  #collectorMs = 0;

  private constructor(stage: Stage, watchesDelay: boolean, profile: Profile | undefined) {
    this.#stage = stage;
    this.#profile = profile;
    this.#collections = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) this.#collectorMs += duration;
    });
    this.#collections.observe({ entryTypes: ['gc'] });
    this.#delays = watchesDelay ? monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS }) : undefined;
    this.#delays?.enable();
    this.#begin = readings(stage);
  }

  /** Begins with an empty nursery, so that the collector does not pay for what came before. */
  static async start(stage: Stage, { watchesDelay = false } = {}): Promise<Meter> {
    globalThis.gc?.();
    const profile = stage.profileFolder === undefined ? undefined : await beginProfile(stage.profileFolder);
    return new Meter(stage, watchesDelay, profile);
  }

  get elapsedMs(): number {
    return performance.now() - this.#begin.at;
  }

  async stop(): Promise<Cost> {
    const begin = this.#begin;
    const end = readings(this.#stage);
    const cpu = process.cpuUsage(begin.process);
    this.#delays?.disable();
    // The observer hears of a collection in a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    this.#collections.disconnect();
    await this.#profile?.end(`${this.#stage.contender.name}`);
    const delayMs = (ns: number): number => Math.max(0, ns / 1e6 - DELAY_RESOLUTION_MS);
    return {
      wallMs: end.at - begin.at,
      mainMs: end.mainMs - begin.mainMs,
      activeMs: performance.eventLoopUtilization(end.loop, begin.loop).active,
      processMs: (cpu.user + cpu.system) / 1000,
      serverMs: end.serverMs - begin.serverMs,
      collectorMs: this.#collectorMs,
      writtenBytes: end.writtenBytes - begin.writtenBytes,
      delayP99Ms: this.#delays === undefined ? NaN : delayMs(this.#delays.percentile(99)),
      delayWorstMs: this.#delays === undefined ? NaN : delayMs(this.#delays.max),
    };
  }
}

function readings({ server }: Stage): Readings {
  const serverFamily = server === undefined ? [] : family(server.pid);
  return {
    mainMs: processorMs(process.pid, process.pid),
    loop: performance.eventLoopUtilization(),
    process: process.cpuUsage(),
    serverMs: sum(serverFamily.map((pid) => processorMs(pid))),
    writtenBytes: bytesWritten(process.pid) + sum(serverFamily.map(bytesWritten)),
    at: performance.now(),
  };
}

/** Bytes of the heap and of buffers that are still in use. */
export function memoryBytes(): number {
  // Once more for what finalizers let go of.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
