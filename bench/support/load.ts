/** The ways in which the questions put load on a queue, and how long they do so. */

/** Calls `enqueue` with 0, 1, 2 … `count - 1`, keeping `producers` calls under way. */
export async function produce(enqueue: (n: number) => unknown, count: number, producers: number): Promise<void> {
  await keepUnderWay(enqueue, producers, (next) => next < count);
}

/** Calls `work` with 0, 1, 2 …, keeping `callers` calls under way as long as `goesOn`; returns how many it were. */
async function keepUnderWay(
  work: (n: number) => unknown,
  callers: number,
  goesOn: (next: number) => boolean,
): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (goesOn(next)) await work(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return next;
}

/** What a pass over a workload took. */
export interface Pass<Extra> {
  readonly count: number;
  readonly wallMs: number;
  readonly extra: Extra;
}

const PROBE_JOBS = 200;
const WARM_UP = { ms: 600, jobs: 60_000, stepMs: 200, stepJobs: 20_000 } as const;
const MEASURED_SECONDS = 0.7;

/**
 * Runs a workload several times and gives the last: a probe tells how fast the contender is, warm-ups let the compiler see
 * the code for `WARM_UP.ms` or `WARM_UP.jobs`, and only the last one counts. A slow contender gets fewer jobs, so that
 * it is measured for about as long as a fast one and not for minutes.
 */
export async function warmThenMeasure<Extra>(
  full: number,
  pass: (count: number, measured: boolean) => Promise<Pass<Extra>>,
): Promise<Pass<Extra>> {
  const fewest = Math.min(PROBE_JOBS, full);
  const within = (count: number, most: number): number => Math.round(Math.min(most, Math.max(fewest, count)));
  let rate = perSecond(await pass(fewest, false));
  let warmJobs = 0;
  for (let warmMs = 0; warmMs < WARM_UP.ms && warmJobs < Math.min(full, WARM_UP.jobs);) {
    const done = await pass(within((rate * WARM_UP.stepMs) / 1000, Math.min(full, WARM_UP.stepJobs)), false);
    rate = perSecond(done);
    warmJobs += done.count;
    warmMs += done.wallMs;
  }
  return pass(within(rate * MEASURED_SECONDS, full), true);
}

/** Puts a contender to work for `WARM_UP.ms` or `WARM_UP.jobs`, so many at a time, where a question has no passes. */
export function warmUp(work: (n: number) => unknown, atATime: number): Promise<number> {
  const until = performance.now() + WARM_UP.ms;
  return keepUnderWay(work, atATime, (next) => next < WARM_UP.jobs && performance.now() < until);
}

export function perSecond({ count, wallMs }: Pass<unknown>): number {
  return (count / wallMs) * 1000;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks again every few ms until the answer is yes. For contenders that do not tell. */
export async function until(isSo: () => boolean | Promise<boolean>, everyMs = 2): Promise<void> {
  while (!(await isSo())) await pause(everyMs);
}

/** Counts, and tells when a count is reached. */
export class Count {
  #value = 0;
  #wanted = Infinity;
  #reached: (() => void) | undefined;

  get value(): number {
    return this.#value;
  }

  add(): void {
    this.#value++;
    if (this.#value >= this.#wanted) this.#reached?.();
  }

  reaches(wanted: number): Promise<void> {
    if (this.#value >= wanted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wanted = wanted;
      this.#reached = resolve;
    });
  }
}
