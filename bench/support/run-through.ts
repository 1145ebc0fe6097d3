/** The whole life of jobs: callers enqueue, handlers run, ends are recorded. */
import { Count, produce, type Pass } from './load.ts';
import { Meter, type Cost } from './meter.ts';
import { payloadPool } from './payload.ts';
import type { Stage } from './question.ts';

export interface RunThrough {
  /** @param measured whether its cost is taken down */
  pass(count: number, measured: boolean): Promise<Pass<Cost | undefined>>;
  close(): Promise<void>;
}

/** One queue for all passes, as an application has one: compiled code is for what it has seen. */
export async function openRunThrough(
  stage: Stage,
  {
    bytes,
    producers,
    concurrency,
  }: { readonly bytes: number; readonly producers: number; readonly concurrency: number },
): Promise<RunThrough> {
  const payload = payloadPool(bytes);
  const handled = new Count();
  const queue = await stage.open({ concurrency, handler: () => handled.add() });
  let ran = 0;
  return {
    async pass(count, measured) {
      ran += count;
      const begin = performance.now();
      const meter = measured ? await Meter.start(stage) : undefined;
      await produce((n) => queue.enqueue(payload(n)), count, producers);
      await handled.reaches(ran);
      await queue.settled(ran);
      const cost = await meter?.stop();
      return { count, wallMs: cost?.wallMs ?? performance.now() - begin, extra: cost };
    },
    async close() {
      await queue.close();
    },
  };
}
