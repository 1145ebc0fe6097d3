/** What a handler may be told, when it may begin, and how many of them at once. */
import type { JobFacts } from '../../src/protocol.ts';
import type { Acting, ActingWatch } from './acting.ts';
import type { Auditor, Promisee } from './auditor.ts';
import { edgesOf, type ModelJob } from './model-job.ts';
import type { Config } from './plan.ts';
import { QueueLaws } from './queue-laws.ts';
import type { Wall } from './virtual-clock.ts';
import { sequenceOf } from '../../src/log/frame.ts';

interface FollowUp {
  readonly parent: ModelJob;
  readonly start: number;
  readonly child: number;
  readonly id: string;
}

export class AttemptLaws {
  readonly #auditor: Auditor;
  readonly #config: Config;
  readonly #wall: Wall;
  /** Attempts that were handed to a handler, by token. */
  readonly #handed = new Set<number>();
  #followUps: FollowUp[] = [];
  /** In which turn a record was made. */
  readonly turnOf = new Map<number, number>();
  readonly queues: QueueLaws;

  constructor(auditor: Auditor, config: Config, wall: Wall) {
    this.#auditor = auditor;
    this.#config = config;
    this.#wall = wall;
    this.queues = new QueueLaws(config, auditor.model, wall, this.turnOf);
    auditor.model.onExpired = (job, at) =>
      at >= job.deadlineAt || this.#wall.peaks.some((peak) => peak.at >= job.deadlineAt);
    auditor.model.onStarted = (job, at, position) => this.#checkStart(job, at, position);
  }

  /** Handlers that hold a slot in one process. */
  slots(): Slots {
    return new Slots(this.#auditor, this.#config, this.queues);
  }

  /** A handler is called. */
  began(job: JobFacts, payload: string | undefined, checkpoint: string | undefined, token: number | undefined): void {
    const stored = this.#auditor.model.everById.get(job.id);
    const say = (what: string): void => this.#auditor.report(what, `${job.id}, attempt ${job.attempt}`);
    this.#auditor.count('handler began');
    this.#auditor.note(`${job.id} begins ${job.attempt}`);
    if (stored?.state !== 'running' || stored.token === undefined)
      return say('a handler is called when its start is durable');
    if (token !== undefined && token !== stored.token) say('a handler has the token of its start');
    if (this.#handed.has(stored.token)) say('a start is handed over once');
    this.#handed.add(stored.token);
    if (payload !== stored.payload) say('a handler gets the payload that was stored');
    if (checkpoint !== stored.checkpoint) say('a handler gets the last durable checkpoint');
    if (job.attempt !== stored.attempts + 1) say('an attempt is counted when one has failed');
    if (job.type !== stored.type || job.queue !== stored.queue || job.priority !== stored.priority)
      say('a handler is told the truth');
    if (job.scheduledFor !== (stored.occurrence?.nominalAt ?? stored.dueAt)) say('a handler is told the truth');
  }

  /** A start was handed to the threads when all of them were taken. */
  laidReady(job: JobFacts): void {
    this.#auditor.note(`${job.id} lies ready`);
    this.#auditor.count('attempt lay ready');
  }

  timedOutEarly(job: JobFacts, byMs: number): void {
    this.#auditor.report('the time of an attempt begins with its handler', `${job.id}: ${byMs} ms early`);
  }

  /** The frames after `cut` went with the power: their positions are given out again. */
  truncate(cut: number): void {
    this.queues.truncate(cut);
    for (const token of this.#handed) if (sequenceOf(token) > cut) this.#handed.delete(token);
    this.#followUps = this.#followUps.flatMap((followUp) => {
      const parent = this.#auditor.model.everById.get(followUp.parent.id);
      const isKept =
        parent?.order === followUp.parent.order && parent.state !== 'running' && parent.starts >= followUp.start;
      return isKept ? [{ ...followUp, parent }] : [];
    });
  }

  watch(process: Promisee): ActingWatch {
    const auditor = this.#auditor;
    return {
      asked: (what, promise) => {
        auditor.follow(
          process,
          `handler ${what}`,
          promise,
          () => undefined,
          () => undefined,
        );
        return promise;
      },
      saved: ({ id, n }, checkpoint) => {
        if (process.isGone) return;
        const { everByNumber, changedByNumber, everById } = auditor.model;
        // Its id may belong to another job by now.
        const stored = everByNumber.get(n) ?? changedByNumber.get(n) ?? everById.get(id);
        const text = JSON.stringify(checkpoint);
        if (stored?.versions.some((version) => version.checkpoint === text) !== true) {
          auditor.report('a checkpoint is durable when it is saved', `${id}: ${text}`);
        }
      },
      enqueued: (acting, child, id, atEnd) => this.#enqueued(process, acting, child, id, atEnd),
      refused: () => undefined,
    };
  }

  #enqueued(process: Promisee, { id: parent, start }: Acting, child: number, id: string, atEnd: boolean): void {
    if (process.isGone) return;
    const { everByNumber, everById } = this.#auditor.model;
    const job = everById.get(parent);
    if (atEnd && job !== undefined) this.#followUps.push({ parent: job, start, child, id });
    if (atEnd) return;
    if (!everByNumber.has(child) && !everById.has(id)) {
      this.#auditor.report('an answer comes when it is durable', `child ${child} of ${parent}`);
    }
  }

  /** Follow-ups are there exactly if the attempt that wanted them has completed its job. */
  check(): void {
    const { everById, everByNumber } = this.#auditor.model;
    for (const { parent, start, child, id } of this.#followUps) {
      const isCompleted = parent.versions.some(({ state, starts }) => state === 'completed' && starts === start);
      const stored = everByNumber.get(child);
      if (!isCompleted && stored !== undefined) {
        this.#auditor.report('a follow-up comes with the end it belongs to', `child ${child} of ${parent.id}`);
      }
      if (isCompleted && stored === undefined && !everById.has(id)) {
        this.#auditor.report('a follow-up comes with the end it belongs to', `no child ${child} of ${parent.id}`);
      }
    }
  }

  /** Whether it ran when the process died for the last time but one, and has not been run alone since. */
  #isSuspect({ crashes, startsSinceCrash, state }: ModelJob): boolean {
    const { maxCrashes } = this.#config;
    return maxCrashes >= 3 && crashes >= maxCrashes - 1 && startsSinceCrash === (state === 'running' ? 1 : 0);
  }

  /** Whether its time had come before the clock was set back. */
  #wasDue({ dueAt, waitsSince }: ModelJob): boolean {
    const turn = this.turnOf.get(waitsSince) ?? 0;
    return this.#wall.peaks.some((peak) => peak.turn >= turn && peak.at >= dueAt);
  }

  /** Who lies ready for a thread while the process dies is blamed with those that ran: so not twice. */
  #checkAhead({ id, type, crashes }: ModelJob, onThreads: readonly ModelJob[]): void {
    const { threads, maxCrashes } = this.#config;
    if (!isThread(type) || onThreads.length < threads) return;
    if (crashes > 0 || maxCrashes < 3)
      this.#auditor.report('who was blamed for a crash lies ready for no thread', `${id} after ${crashes} crashes`);
  }

  /** A `started` record has come to the disk; the model is as it was when the record was made. */
  #checkStart(started: ModelJob, at: number, position: number): void {
    const { model } = this.#auditor;
    // A slow turn is cut between the dispatcher's choice and the journal's record; much may happen in between.
    const isCut = this.#config.stepMs > 0;
    if (at < started.dueAt && !isCut && !this.#wasDue(started)) {
      this.#auditor.report('nothing starts before its time', `${started.id}: ${started.dueAt - at} ms early`);
    }
    if (started.deadlineAt > 0 && at >= started.deadlineAt && !isCut) {
      this.#auditor.report('nothing starts after its deadline', `${started.id}: ${at - started.deadlineAt} ms late`);
    }
    const edges = edgesOf(started, (id) => model.everById.get(id));
    if (edges !== 'met')
      this.#auditor.report('a job starts when those it waits for have ended', `${started.id}: ${edges}`);
    const running = [...model.jobs.values()].filter(({ state }) => state === 'running');
    if (running.length >= this.#config.concurrency)
      this.#auditor.report('no more run than may', `${running.length} run when ${started.id} starts`);
    const alone = [started, ...running].find((job) => this.#isSuspect(job));
    if (alone !== undefined && running.length > 0) {
      this.#auditor.report(
        'a job that may have killed the process runs alone',
        `${started.id} beside ${running.map(({ id }) => id).join(' ')}`,
      );
    }
    this.#checkAhead(
      started,
      running.filter(({ type }) => isThread(type)),
    );
    // While one is to run alone the others wait for it, whatever their priority.
    if (isCut || [...model.jobs.values()].some((job) => this.#isSuspect(job))) return;
    const turn = this.turnOf.get(position) ?? 0;
    // It was chosen as it was before, and its priority changed between the choice and the record.
    if (started.waitsSince !== started.order && (this.turnOf.get(started.waitsSince) ?? 0) >= turn) return;
    for (const other of model.jobs.values()) {
      if (
        other.state !== 'waiting' ||
        other === started ||
        other.queue !== started.queue ||
        other.dueAt > at ||
        other.parents !== ''
      )
        continue;
      if ((this.turnOf.get(other.waitsSince) ?? 0) >= turn || !isComparable(other, started)) continue;
      // Keys take turns, and one of them may have as much running as it may.
      if (other.key !== started.key && other.key !== '') continue;
      const isBefore = other.key === started.key && other.order < started.order;
      const isFirst = other.priority > started.priority || (other.priority === started.priority && isBefore);
      if (isFirst)
        this.#auditor.report(
          'the highest priority runs first, then the first in',
          `${started.id} (${started.type}, due ${at - started.dueAt} ms ago) before ${other.id} (${other.type}, ${at - other.dueAt})`,
        );
    }
  }
}

function isThread(type: string): boolean {
  return type.startsWith('th:');
}

/** A job for a thread may have to wait for one while a job for the main thread goes on. */
function isComparable(other: ModelJob, started: ModelJob): boolean {
  if (!other.type.startsWith('in:') && !isThread(other.type)) return false;
  return isThread(other.type) === isThread(started.type) || isThread(started.type);
}

/** Counts the handlers of one process that have not returned, and the threads that are not gone. */
export class Slots {
  readonly #auditor: Auditor;
  readonly #config: Config;
  readonly #queues: QueueLaws;
  readonly #byQueue = new Map<string, number>();
  #all = 0;
  #onThreads = 0;

  constructor(auditor: Auditor, config: Config, queues: QueueLaws) {
    this.#auditor = auditor;
    this.#config = config;
    this.#queues = queues;
  }

  get taken(): number {
    return this.#all;
  }

  /** Takes a slot; what it returns gives it back. */
  take({ id, queue }: JobFacts, isThread: boolean): () => void {
    const inQueue = (this.#byQueue.get(queue) ?? 0) + 1;
    this.#byQueue.set(queue, inQueue);
    this.#all++;
    if (isThread) this.#onThreads++;
    const { concurrency, threads } = this.#config;
    if (this.#all > concurrency || inQueue > this.#queues.mostIn(queue) || this.#onThreads > threads) {
      this.#auditor.report(
        'no more run than may',
        `${this.#all} run, ${inQueue} in ${queue}, ${this.#onThreads} on threads: ${id}`,
      );
    }
    return () => {
      this.#byQueue.set(queue, (this.#byQueue.get(queue) ?? 1) - 1);
      this.#all--;
      if (isThread) this.#onThreads--;
    };
  }
}
