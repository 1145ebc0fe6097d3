/** piscina as we use it: it starts one thread and ends it. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ResourceLimits } from 'node:worker_threads';
import type * as Pools from 'piscina';

/** Loaded with the first thread: it takes 20 ms, which who has none need not spend. */
const load = createRequire(import.meta.url);
const ENTRY = fileURLToPath(new URL('../../workers/main.cjs', import.meta.url));

/** @throws when the system gives no thread */
export function poolOfOne(resourceLimits: ResourceLimits | undefined): Pools.Piscina {
  const { Piscina } = load('piscina') as typeof Pools;
  return new Piscina({
    filename: ENTRY,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Infinity,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
    recordTiming: false,
    ...(resourceLimits !== undefined && { resourceLimits }),
  });
}
