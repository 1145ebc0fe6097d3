/** What can be set for a queue: its meaning, unit and default. */
import { checkObject, count } from './job/check.ts';
import type { Duration } from './job/duration.ts';
import { checkQueue } from './job/name.ts';
import { checkLevel, type PolicyLevel, type RetryOptions } from './policy.ts';

export interface QueueOptions {
  /** How many of its jobs may run at once, counting threads that are still being ended. @default the engine's */
  readonly concurrency?: number;
  /** @default the engine's */
  readonly timeout?: Duration | 'none';
  /** @default the engine's */
  readonly retry?: RetryOptions;
}

export interface QueueSettings extends PolicyLevel {
  readonly concurrency: number;
}
export function checkQueueOptions(name: string, queue: QueueOptions, engineConcurrency: number): QueueSettings {
  checkQueue(name, 'queues');
  checkObject(queue, `queues.${name}`, '{ concurrency: 50 }');
  const concurrency = count(queue.concurrency, `queues.${name}.concurrency`, engineConcurrency, 1, 100_000);
  return { concurrency, ...checkLevel(queue, `queues.${name}.`) };
}
