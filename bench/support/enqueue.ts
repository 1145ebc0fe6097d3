/** What the questions about enqueuing share: callers who wait for each job, and nobody who runs them. */
import { produce, perSecond, warmThenMeasure } from './load.ts';
import { Meter, type Cost } from './meter.ts';
import { payloadPool } from './payload.ts';
import type { Figures, Stage } from './question.ts';

export async function measureEnqueue(
  stage: Stage,
  { jobs, producers }: { readonly jobs: number; readonly producers: number },
): Promise<Figures> {
  const payload = payloadPool(stage.settings['bytes'] ?? 100);
  const queue = await stage.open({ concurrency: 100 });
  const pass = await warmThenMeasure(stage.size(jobs), async (count, measured) => {
    const begin = performance.now();
    const meter = measured ? await Meter.start(stage) : undefined;
    await produce((n) => queue.enqueue(payload(n)), count, producers);
    const cost = await meter?.stop();
    return { count, wallMs: cost?.wallMs ?? performance.now() - begin, extra: cost };
  });
  await queue.close();
  return { rate: perSecond(pass), ...perJob(pass.extra, pass.count) };
}

/** The costs that every question about throughput tells, for one job. */
export function perJob(cost: Cost | undefined, count: number): Figures {
  if (cost === undefined) return {};
  return {
    mainUs: (cost.mainMs / count) * 1000,
    processorUs: ((cost.processMs + cost.serverMs) / count) * 1000,
    writtenBytes: cost.writtenBytes / count,
    collectorShare: (cost.collectorMs / cost.wallMs) * 100,
  };
}
