/** What the engine's methods may answer, held against what is on the disk in that moment. */
import { HoldfastError, JobCancelledError, JobFailedError } from '../../src/errors.ts';
import type { ChangeOutcome } from '../../src/changing.ts';
import type { Engine, JobPage, ListFilter } from '../../src/face.ts';
import { sequenceOf } from '../../src/log/frame.ts';
import type { JobView } from '../../src/view.ts';
import type { Auditor, Promisee } from './auditor.ts';
import type { ModelJob, Version } from './model-job.ts';
import { standsFor } from './keys.ts';
import type { EnqueueOp, Op } from './plan.ts';

export class CallLaws {
  readonly #auditor: Auditor;
  /** Jobs that were refused: nothing of them may ever be stored. */
  readonly #refused = new Set<number>();
  /** Batches that must be there whole or not at all: the numbers of their jobs. */
  readonly #batches: number[][] = [];
  /** Where the last acknowledged job stands in the log, by process: answers come in that order. */
  readonly #lastAnswered = new WeakMap<Promisee, number>();
  /** Every id that a caller has seen. */
  readonly knownIds: string[] = [];

  constructor(auditor: Auditor) {
    this.#auditor = auditor;
  }

  enqueued(process: Promisee, job: EnqueueOp, id: string): void {
    const { model } = this.#auditor;
    this.knownIds.push(id);
    const stored = model.everByNumber.get(job.n);
    if (stored === undefined) {
      if (model.changedByNumber.get(job.n)?.id === id) return;
      if (standsFor(model.everById.get(id), job)) return;
      if (job.ifExists !== 'return' || job.id !== id) this.#lost('an answer comes when it is durable', job, id);
      else if (model.everById.get(id) === undefined) this.#lost('an answer comes when it is durable', job, id);
      return;
    }
    if (stored.id !== id || stored.type !== job.type) this.#lost('what is stored is what was asked for', job, id);
    if (job.queue !== undefined && stored.queue !== job.queue)
      this.#lost('what is stored is what was asked for', job, id);
    if (job.priority !== undefined && stored.firstPriority !== job.priority)
      this.#lost('what is stored is what was asked for', job, id);
    const last = this.#lastAnswered.get(process) ?? 0;
    if (stored.order < last) this.#lost('answers come in the order of the log', job, id);
    this.#lastAnswered.set(process, stored.order);
  }

  enqueuedAll(jobs: readonly EnqueueOp[], ids: readonly string[]): void {
    if (ids.length !== jobs.length)
      this.#auditor.report('each job of a batch has its handle', `${ids.length} of ${jobs.length}`);
    for (const [index, job] of jobs.entries()) {
      const id = ids[index] as string;
      this.knownIds.push(id);
      const stored = this.#auditor.model.everByNumber.get(job.n);
      const isReturned = job.ifExists === 'return' && this.#auditor.model.everById.get(id) !== undefined;
      if (stored?.id !== id && !isReturned) this.#lost('an answer comes when it is durable', job, id);
    }
  }

  /** Some of a batch may name jobs that are there; the others are there together. */
  expectTogether(jobs: readonly EnqueueOp[]): void {
    this.#batches.push(jobs.filter(({ ifExists }) => ifExists !== 'return').map(({ n }) => n));
  }

  refused(jobs: readonly EnqueueOp[], code: string): void {
    if (!this.#auditor.isRefusal(code)) return;
    for (const { n } of jobs) this.#refused.add(n);
    if (code === 'HOLDFAST_DUPLICATE_JOB' && jobs.every(({ unique }) => unique?.mode !== 'reject')) {
      this.#auditor.report('only who asks for it is refused', jobs.map(({ n }) => n).join(' '));
    }
    if (code === 'HOLDFAST_JOB_EXISTS' && !jobs.some(({ id }) => id !== undefined && this.#mayExist(id, jobs))) {
      this.#auditor.report('a job is refused for one that is there', jobs.map(({ id }) => id).join(' '));
    }
  }

  #mayExist(id: string, jobs: readonly EnqueueOp[]): boolean {
    return this.#auditor.model.everById.has(id) || jobs.filter((job) => job.id === id).length > 1;
  }

  /** To be asked after each batch that came to the disk. */
  check(): void {
    const { everByNumber, changedByNumber } = this.#auditor.model;
    for (const n of this.#refused) {
      if (everByNumber.has(n) || changedByNumber.has(n))
        this.#auditor.report('what was refused is not stored', `number ${n}`);
    }
    for (const batch of this.#batches) {
      const count = batch.filter((n) => everByNumber.has(n)).length;
      if (count > 0 && count < batch.length)
        this.#auditor.report('a batch is all or nothing', `${count} of ${batch.length}`);
    }
  }

  got(id: string, view: JobView | undefined, calledAt: number): void {
    const job = this.#auditor.model.everById.get(id);
    if (view === undefined) {
      if (
        job !== undefined &&
        !versionsSince(job, calledAt).some(({ state }) => state === 'absent') &&
        !this.#isNewer(job, calledAt)
      ) {
        this.#auditor.report('a read shows what is durable', `${id} is ${job.state}, but was not found`);
      }
      return;
    }
    this.#checkView(view, calledAt);
  }

  /** Whether the job came into being after the call. */
  #isNewer(job: ModelJob, calledAt: number): boolean {
    return sequenceOf((job.versions[0] as Version).position) > calledAt;
  }

  #checkView(view: JobView, calledAt: number): void {
    const job = this.#auditor.model.everById.get(view.id);
    const seen = job === undefined ? [] : versionsSince(job, calledAt);
    const fits = seen.some(
      (version) =>
        version.state === view.state &&
        version.starts === view.starts &&
        version.attempts === view.attempts &&
        version.crashes === view.crashes &&
        version.interrupts === view.interrupts &&
        version.snoozes === view.snoozes &&
        version.isCancelling === (view.isCancelling ?? false) &&
        version.checkpoint === textOf(view.checkpoint) &&
        version.result === textOf(view.result),
    );
    if (!fits) {
      const { state, starts, attempts, checkpoint, isCancelling } = view;
      const shown = JSON.stringify({ state, starts, attempts, checkpoint, isCancelling });
      this.#auditor.report(
        'a read shows what is durable',
        `${view.id} as ${shown}; it was ${JSON.stringify(seen.at(-1))}`,
      );
    }
  }

  listed(filter: ListFilter, page: JobPage, calledAt: number): void {
    const { model } = this.#auditor;
    for (const view of page.jobs) {
      this.#checkView(view, calledAt);
      if (!fits(filter, view)) this.#auditor.report('a list holds what was asked for', `${view.id} is ${view.state}`);
    }
    // Of an id that was given anew meanwhile nobody knows which of the two jobs this is.
    const listed = page.jobs.flatMap(({ id }) => model.everById.get(id) ?? []);
    const orders = listed.filter((job) => !this.#isNewer(job, calledAt)).map(({ order }) => order);
    if (orders.some((order, n) => order <= (orders[n - 1] ?? 0)))
      this.#auditor.report('a list is in order', orders.join(' '));
    if (page.cursor !== undefined) return;
    const ids = new Set(page.jobs.map(({ id }) => id));
    for (const job of model.jobs.values()) {
      if (ids.has(job.id) || this.#isNewer(job, calledAt)) continue;
      const always = versionsSince(job, calledAt).every(({ state }) => fits(filter, { ...job, state }));
      if (always) this.#auditor.report('a list leaves nothing out', `${job.id}, which is ${job.state}`);
    }
  }

  waited(id: string, result: unknown): void {
    const job = this.#auditor.model.everById.get(id);
    if (!everOf(job).some((version) => version.state === 'completed' && version.result === textOf(result))) {
      this.#auditor.report('a result is durable when it is given', `${id}: ${textOf(result)}`);
    }
  }

  notWaited(id: string, error: unknown, calledAt: number): void {
    const job = this.#auditor.model.everById.get(id);
    if (error instanceof JobFailedError && !everOf(job).some((version) => version.deathReason === error.reason)) {
      this.#auditor.report('a death is durable when it is told', `${id}: ${error.reason}`);
    }
    if (error instanceof JobCancelledError) {
      const cancelled = everOf(job).filter(({ state }) => state === 'cancelled');
      if (cancelled.length === 0) this.#auditor.report('a cancel is durable when it is told', id);
      else if (!cancelled.some(({ reason }) => textOf(error.reason) === reason)) {
        this.#auditor.report('a cancel is told with its reason', `${id}: ${textOf(error.reason)}`);
      }
    }
    if (error instanceof HoldfastError && error.code === 'HOLDFAST_JOB_NOT_FOUND') this.notFound(id, 'wait', calledAt);
  }

  cancelled(id: string, answer: boolean, calledAt: number): void {
    const job = this.#auditor.model.everById.get(id);
    const seen = job === undefined ? [] : versionsSince(job, calledAt);
    const isCancelled = seen.some(({ state, isCancelling }) => state === 'cancelled' || isCancelling);
    const hasEnded = seen.some(({ state }) => state === 'completed' || state === 'dead');
    if (answer ? !isCancelled : !hasEnded) {
      this.#auditor.report('a cancel is durable when it is told', `${id} is ${job?.state}, the answer was ${answer}`);
    }
  }

  /** What became of each id of a `revive`, `retry` or `clear`. */
  changed(what: Extract<Op, { kind: 'change' }>['what'], outcomes: readonly ChangeOutcome[], calledAt: number): void {
    for (const { id, ok } of outcomes) {
      const job = this.#auditor.model.everById.get(id);
      const seen = job === undefined ? [] : versionsSince(job, calledAt);
      const wanted = what === 'clear' || what === 'delete' ? 'absent' : 'waiting';
      if (!ok) continue;
      const isDone = seen.some(({ state }) => state === wanted) || (job !== undefined && this.#isNewer(job, calledAt));
      if (!isDone) this.#auditor.report('a change is durable when it is told', `${what} ${id}, which is ${job?.state}`);
    }
  }

  /** A job was given another payload, with this number. */
  updated(id: string, n: number): void {
    if (this.#auditor.model.changedByNumber.get(n)?.id !== id)
      this.#auditor.report('a change is durable when it is told', `update ${id} to ${n}`);
  }

  /** It was refused: nothing with this number may ever be stored. */
  notUpdated(n: number, code: string): void {
    if (this.#auditor.isRefusal(code)) this.#refused.add(n);
  }

  notFound(id: string, method: string, calledAt: number): void {
    const job = this.#auditor.model.everById.get(id);
    if (job !== undefined && job.state !== 'absent' && !this.#isNewer(job, calledAt)) {
      this.#auditor.report('a job that is there is found', `${method} ${id}, which is ${job.state}`);
    }
  }

  #lost(law: string, job: EnqueueOp, id: string): void {
    this.#auditor.report(law, `number ${job.n}, id ${id}`);
  }
}

/** What could be seen under the id of a job since frame `calledAt` was the newest. */
function versionsSince(job: ModelJob, calledAt: number): Version[] {
  const isNewer = sequenceOf((job.versions[0] as Version).position) > calledAt;
  if (isNewer && job.previous !== undefined) return [...versionsSince(job.previous, calledAt), ...job.versions];
  let first = 0;
  for (const [n, { position }] of job.versions.entries()) if (sequenceOf(position) <= calledAt) first = n;
  return job.versions.slice(first);
}

/** All versions of all jobs that ever had the id. */
function everOf(job: ModelJob | undefined): Version[] {
  return job === undefined ? [] : [...everOf(job.previous), ...job.versions];
}

function fits({ state, type, queue }: ListFilter, job: { state: string; type: string; queue: string }): boolean {
  return (state ?? job.state) === job.state && (type ?? job.type) === job.type && (queue ?? job.queue) === job.queue;
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** Reads the events and sees that none is missing, double, or not durable yet. */
export async function followEvents(
  auditor: Auditor,
  engine: Engine,
  process: Promisee,
  since: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  let last = since ?? 0;
  const { model } = auditor;
  for await (const event of engine.events({ ...(since !== undefined && { since }), signal })) {
    if (process.isGone) break;
    if (sequenceOf(event.seq) > model.newest) auditor.report('an event is durable when it is shown', `${event.seq}`);
    const place = lowerBound(model.eventPositions, event.seq);
    if (model.eventPositions[place] !== event.seq)
      auditor.report('an event is in the log', `${event.seq} ${event.kind}`);
    const before = model.eventPositions[place - 1] ?? 0;
    const isFirst = last === 0 && (since === undefined || sequenceOf(before) < model.head);
    if (event.seq <= last || (before > last && !isFirst)) {
      auditor.report('no event is missing and none comes twice', `${event.seq} after ${last}, ${before} is between`);
    }
    last = event.seq;
  }
  return last;
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
