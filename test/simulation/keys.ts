/** Unique keys in a run: which jobs are enqueued with them, and what must hold of those that are stored. */
import type { Dice } from './dice.ts';
import type { Report } from './history-model.ts';
import { parentIds, type ModelJob } from './model-job.ts';
import type { EnqueueOp, Op } from './plan.ts';

/** Gives keys to some jobs that are enqueued by themselves, in some runs; on dice of its own, so that plans stay as they were. */
export function withKeys(dice: Dice, ops: readonly Op[]): Op[] {
  const share = dice.pick([0, 0, 0.3, 0.8]);
  return ops.map((op) => {
    if (op.kind !== 'enqueue' || op.job.id !== undefined || !dice.chance(share)) return op;
    const unique = { key: `k${dice.int(0, 2)}`, mode: dice.pick(['keep', 'keep', 'reject'] as const) };
    return { ...op, job: { ...op.job, unique } satisfies EnqueueOp };
  });
}

function keyOf({ labels }: ModelJob): string | undefined {
  return labels === '' ? undefined : (JSON.parse(labels) as { unique?: string }).unique;
}

/** A job begins to hold its key: whoever holds it already has ended, or the job waits for it. */
export function checkKey(job: ModelJob, jobs: Iterable<ModelJob>, report: Report): void {
  const key = keyOf(job);
  if (key === undefined) return;
  for (const other of jobs) {
    if (other === job || other.type !== job.type || keyOf(other) !== key) continue;
    if (other.state !== 'waiting' && other.state !== 'running') continue;
    if (!parentIds(job).includes(other.id)) report('a unique key has one holder', `${key}: ${other.id} and ${job.id}`);
  }
}

/** Whether the job stands for one that was asked for with this key, or did so. */
export function standsFor(job: ModelJob | undefined, asked: EnqueueOp): boolean {
  return job !== undefined && job.type === asked.type && keyOf(job) === asked.unique?.key;
}
