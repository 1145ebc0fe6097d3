/** Unique and idempotency keys in a run: which jobs are enqueued with them, and what must hold of those that are stored. */
import type { Dice } from './dice.ts';
import type { Report } from './history-model.ts';
import { parentIds, type ModelJob } from './model-job.ts';
import type { EnqueueOp, Op } from './plan.ts';

/** Gives keys to some jobs that are enqueued by themselves, in some runs; on dice of its own, so that plans stay as they were. */
export function withKeys(dice: Dice, ops: readonly Op[]): Op[] {
  const share = dice.pick([0, 0, 0.3, 0.8]);
  const repeats = dice.pick([0, 0, 0.4]);
  return ops.map((op) => {
    if (op.kind !== 'enqueue' || op.job.id !== undefined) return op;
    const { job } = op;
    if (dice.chance(repeats)) {
      const idempotency = { key: `i${dice.int(0, 3)}`, windowMs: dice.pick([1, 50, 5_000, 600_000]) };
      return { ...op, job: { ...job, idempotency } satisfies EnqueueOp };
    }
    if (!dice.chance(share)) return op;
    const mode = dice.pick(['keep', 'reject', 'replace', 'keepLast'] as const);
    return { ...op, job: { ...job, unique: { key: `k${dice.int(0, 2)}`, mode } } satisfies EnqueueOp };
  });
}

interface Labels {
  readonly unique?: string;
  readonly idempotencyKey?: string;
  readonly idempotentUntil?: number;
}

function labelsOf({ labels }: ModelJob): Labels {
  return labels === '' ? {} : (JSON.parse(labels) as Labels);
}

function keyOf(job: ModelJob): string | undefined {
  return labelsOf(job).unique;
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

/** Jobs that were not the newest with their idempotency key any more: it is not theirs again when the newer one is forgotten. */
const superseded = new WeakSet<ModelJob>();

/** A job with an idempotency key is stored: the window of the newest one that had it must be over. */
export function checkRepeat(job: ModelJob, jobs: Iterable<ModelJob>, at: number, report: Report): void {
  const { idempotencyKey: key } = labelsOf(job);
  if (key === undefined) return;
  let newest: ModelJob | undefined;
  for (const other of jobs) {
    if (other === job || other.type !== job.type || labelsOf(other).idempotencyKey !== key) continue;
    if (!superseded.has(other) && other.order > (newest?.order ?? -1)) newest = other;
    superseded.add(other);
  }
  const until = newest === undefined ? 0 : (labelsOf(newest).idempotentUntil ?? 0);
  if (until > at) report('the same call again gives the same job', `${key}: ${newest?.id} and ${job.id}`);
}

/** Whether the job stands for one that was asked for with these keys, or did so. */
export function standsFor(job: ModelJob | undefined, { type, unique, idempotency }: EnqueueOp): boolean {
  if (job === undefined || job.type !== type) return false;
  if (idempotency !== undefined) return labelsOf(job).idempotencyKey === idempotency.key;
  // What replaces the payload of the holder is found by its number.
  return unique?.mode === 'keep' && keyOf(job) === unique.key;
}
