/**
 * What the durable frames say, read a second time: a model of all jobs that shares nothing with the engine but the
 * format of a record. Each law about single records is put to each record here, in the moment its frame is on the disk.
 */
import { readFrame, previousChainOf, HEADER_BYTES, sequenceOf, type Frame } from '../../src/log/frame.ts';
import { isAboutJob, MOVED, UNTOLD } from '../../src/job/event.ts';
import type { Entry } from '../../src/job/entries.ts';
import { occurrenceIn } from '../../src/job/schedule.ts';
import { readRecords, type LoggedEvent, type LoggedJobEvent, type LoggedNoted } from '../../src/log/read-record.ts';
import type { Batch } from './disk.ts';
import { checkKey, checkRepeat } from './keys.ts';
import { edgesOf, FINAL, MOVES, numberIn, parentIds, versionOf, type ModelJob } from './model-job.ts';

export type Report = (law: string, detail: string) => void;

/** Laws about more than one job: they are told what is durable, in order. */
export interface Observer {
  noted?(event: LoggedNoted): void;
  /** A start, before it is applied. */
  started?(job: ModelJob, at: number, position: number): void;
  /** A job that waits is taken out of its line by somebody, before that is applied. */
  withdrawn?(job: ModelJob): void;
  /** All of a commit has been told. */
  committed?(): void;
  /** Some of it is gone with the power: everything is told anew, from the first frame on. */
  restarted?(): void;
}

const CARRIED = [
  ...['id', 'type', 'queue', 'priority', 'order', 'dueAt', 'deadlineAt', 'parents', 'key', 'createdAt'],
  ...['labels', 'payload', 'state', 'token'],
  ...['starts', 'attempts', 'crashes', 'interrupts', 'snoozes', 'isCancelling'],
];

const WAITS_AGAIN = ['failed', 'snoozed', 'interrupted', 'revived', 'rescheduled', 'updated'];

/** Why a run of a schedule is cancelled by another one. */
const REPLACED = JSON.stringify('replaced');

export class HistoryModel {
  /** By slot. */
  readonly jobs = new Map<number, ModelJob>();
  /** Every job there ever was, the newest under its id. */
  readonly everById = new Map<string, ModelJob>();
  readonly everByNumber = new Map<number, ModelJob>();
  /** The jobs that were given another payload, by its number. */
  readonly changedByNumber = new Map<number, ModelJob>();
  readonly observers: Observer[] = [];
  /** All frames that ever were durable, also those that were trimmed. */
  readonly archive = new Map<number, Uint8Array>();
  /** Of all attempts that ever were. */
  readonly tokens: number[] = [];
  /** Slots that changed since somebody compared. */
  readonly touched = new Set<number>();
  /** The same of what is stored beside jobs. */
  readonly touchedEntries = new Set<string>();
  newest = 0;
  head = 1;
  recordCount = 0;
  wasClosed = false;
  /** The positions of all records about jobs but `carried`, in order: what a reader of the events must see. */
  readonly eventPositions: number[] = [];
  /** Called with each start before it is applied. */
  onStarted: (job: ModelJob, at: number, position: number) => void = () => undefined;
  /** Whether a job may be called expired at this moment. */
  onExpired: (job: ModelJob, at: number) => boolean = () => true;
  /** What is stored beside the jobs, by space and name. */
  readonly entries = new Map<string, Entry>();
  #chain = 0;
  #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  fold({ frames, drop }: Batch): void {
    let trimmedTo: number | undefined;
    for (const [n, { sequence, bytes }] of frames.entries()) {
      if (this.archive.has(sequence)) this.#report('no frame is written twice', `frame ${sequence}`);
      const frame = readFrame(bytes, sequence);
      this.#checkFrame(frame, n === frames.length - 1);
      this.archive.set(sequence, bytes);
      for (const event of readRecords(frame, HEADER_BYTES, true)) {
        this.#apply(event);
        if (event.kind === 'trimmed') trimmedTo = event.head;
      }
    }
    for (const observer of this.observers) observer.committed?.();
    if (drop !== undefined) this.#checkDrop(drop, trimmedTo);
  }

  /** For observers: nothing is said while everything is told anew. */
  readonly say: Report = (law, detail) => this.#report(law, detail);

  /** The machine lost its power and with it what was not synced: the frames after `cut`, and that others were dropped. */
  truncate(cut: number, head: number): void {
    const frames = [...this.archive].filter(([sequence]) => sequence <= cut);
    const report = this.#report;
    this.#report = () => undefined;
    const onStarted = this.onStarted;
    this.onStarted = () => undefined;
    const { entries, jobs, everById, everByNumber, changedByNumber, archive } = this;
    for (const map of [entries, jobs, everById, everByNumber, changedByNumber, archive]) map.clear();
    for (const observer of this.observers) observer.restarted?.();
    this.eventPositions.length = 0;
    this.newest = 0;
    this.#chain = 0;
    for (const [sequence, bytes] of frames) this.fold({ frames: [{ sequence, bytes }], drop: undefined });
    this.head = head;
    this.#report = report;
    this.onStarted = onStarted;
  }

  #checkFrame(frame: Frame, isLast: boolean): void {
    if (frame.sequence !== this.newest + 1) {
      this.#report('frames have no gaps', `frame ${frame.sequence} follows ${this.newest}`);
    }
    if (previousChainOf(frame) !== this.#chain)
      this.#report('each frame names the one before', `frame ${frame.sequence}`);
    if (frame.isLastOfCommit !== isLast) this.#report('a commit says where it ends', `frame ${frame.sequence}`);
    this.newest = frame.sequence;
    this.#chain = frame.chain;
  }

  #checkDrop(drop: NonNullable<Batch['drop']>, trimmedTo: number | undefined): void {
    if (drop.from !== this.head) this.#report('the log is trimmed in order', `from ${drop.from}, head ${this.head}`);
    if (trimmedTo !== drop.below) this.#report('a trim is written down', `below ${drop.below}, marked ${trimmedTo}`);
    this.head = drop.below;
    for (const [key, { position }] of this.entries) {
      if (sequenceOf(position) < drop.below) this.#report('what lives is never trimmed', key);
    }
    for (const job of this.jobs.values()) {
      if (sequenceOf(job.home) < drop.below) {
        this.#report('what lives is never trimmed', `${job.id} lives in frame ${sequenceOf(job.home)}`);
      }
    }
  }

  #apply(event: LoggedEvent): void {
    this.recordCount++;
    this.wasClosed = event.kind === 'closed';
    if (event.kind === 'noted') this.#note(event);
    if (event.kind === 'closed') {
      const running = [...this.jobs.values()].filter(({ state }) => state === 'running');
      if (running.length > 0)
        this.#report('a clean close leaves nothing running', running.map(({ id }) => id).join(' '));
      return;
    }
    if (!isAboutJob(event)) return;
    this.touched.add(event.slot);
    if (event.kind !== 'carried') this.eventPositions.push(event.position);
    if (event.kind === 'carried') this.#carry(event);
    else if (event.kind === 'enqueued') this.#insert(event);
    else this.#change(event);
  }

  #note(event: LoggedNoted): void {
    const { space, name, value, what, position, length } = event;
    const key = `${space}/${name}`;
    this.touchedEntries.add(key);
    const before = this.entries.get(key);
    if (what !== MOVED && what !== UNTOLD) this.eventPositions.push(position);
    else if (what === MOVED && space !== 'queue' && before?.value !== value)
      this.#report('what is carried is what it was', key);
    if (value === '') this.entries.delete(key);
    else this.entries.set(key, { name, value, position, bytes: length });
    if (what !== MOVED) for (const observer of this.observers) observer.noted?.(event);
  }

  #insert(event: Extract<LoggedEvent, { kind: 'enqueued' }>): void {
    const { slot, id, type, queue, priority, position, dueAt, deadlineAt, parents, payload } = event;
    const { key, labels } = event;
    if (this.jobs.has(slot)) this.#report('a slot holds one job', `slot ${slot}`);
    const known = this.everById.get(id);
    if (known !== undefined && known.state !== 'absent') this.#report('an id names one job', id);
    const n = numberIn(payload);
    const job: ModelJob = {
      // Each field by its name: this is made for every job, and spreads are slow.
      slot,
      id,
      type,
      queue,
      priority,
      order: position,
      payload,
      n,
      position,
      dueAt,
      deadlineAt,
      parents,
      key,
      labels,
      createdAt: event.at,
      state: 'waiting',
      starts: 0,
      attempts: 0,
      crashes: 0,
      interrupts: 0,
      snoozes: 0,
      isCancelling: false,
      checkpoint: undefined,
      result: undefined,
      token: undefined,
      home: position,
      checkpointAt: undefined,
      payloadAt: undefined,
      firstPriority: priority,
      occurrence: occurrenceIn(event.settings),
      waitsSince: position,
      startsSinceCrash: 0,
      reason: undefined,
      deathReason: undefined,
      versions: [],
      previous: known,
    };
    this.jobs.set(slot, job);
    if (labels !== '') {
      checkKey(job, this.jobs.values(), this.#report);
      checkRepeat(job, this.jobs.values(), event.at, this.#report);
    }
    this.everById.set(id, job);
    if (job.occurrence === undefined) {
      if (this.everByNumber.has(n)) this.#report('nothing is enqueued twice', `number ${n}`);
      this.everByNumber.set(n, job);
    }
    job.versions.push(versionOf(job));
  }

  #carry(event: Extract<LoggedEvent, { kind: 'carried' }>): void {
    const job = this.jobs.get(event.slot);
    if (job === undefined) {
      this.#report('only what lives is carried', event.id);
      return;
    }
    const history = JSON.parse(event.history ?? '{}') as { checkpoint?: string; result?: string };
    const carried: Record<string, unknown> = { ...event, token: event.state === 'running' ? event.token : undefined };
    const kept: Record<string, unknown> = { ...job };
    for (const key of CARRIED) {
      if (carried[key] !== kept[key])
        this.#report('a job is carried whole', `${job.id}: ${key} ${String(kept[key])} → ${String(carried[key])}`);
    }
    const isUnreachable = job.state === 'dead' && job.deathReason === 'unreachable';
    if (event.isUnreachable !== isUnreachable)
      this.#report('a job is carried whole', `${job.id}: whether it is unreachable`);
    if (history.checkpoint !== job.checkpoint) this.#report('a job is carried whole', `${job.id}: its checkpoint`);
    if (history.result !== job.result) this.#report('a job is carried whole', `${job.id}: its result`);
    job.home = event.position;
    job.position = event.position;
    job.payloadAt = undefined;
    if (job.checkpoint !== undefined) job.checkpointAt = event.position;
  }

  #change(event: Exclude<LoggedJobEvent, { kind: 'enqueued' | 'carried' }>): void {
    const job = this.jobs.get(event.slot);
    if (job === undefined || job.id !== event.id) {
      this.#report('an event is about a job that is there', `${event.kind} of ${event.id}`);
      return;
    }
    const next = MOVES[job.state]?.[event.kind];
    if (next === undefined)
      this.#report('every transition is in the table', `${job.id} is ${job.state}: ${event.kind}`);
    if (event.previous !== job.position) this.#report('a record names the one before', `${event.kind} of ${job.id}`);
    this.#fill(job, event);
    job.position = event.position;
    job.state = next ?? job.state;
    if (job.state !== 'running') {
      job.token = undefined;
      job.isCancelling = false;
    }
    if (event.kind === 'revived') checkKey(job, this.jobs.values(), this.#report);
    if (job.state === 'absent') this.jobs.delete(job.slot);
    job.versions.push(versionOf(job));
  }

  #fill(job: ModelJob, event: Exclude<LoggedJobEvent, { kind: 'enqueued' | 'carried' }>): void {
    if (job.isCancelling && ['completed', 'failed', 'snoozed', 'interrupted', 'died'].includes(event.kind)) {
      this.#report('a job that is being cancelled ends as cancelled', `${job.id}: ${event.kind}`);
    }
    switch (event.kind) {
      case 'started':
        if (event.starts !== job.starts + 1)
          this.#report('starts are counted by the log', `${job.id}: ${event.starts}`);
        this.onStarted(job, event.at, event.position);
        for (const observer of this.observers) observer.started?.(job, event.at, event.position);
        job.starts++;
        job.token = event.position;
        job.startsSinceCrash++;
        this.tokens.push(event.position);
        break;
      case 'checkpointed':
        job.checkpoint = event.checkpoint;
        job.checkpointAt = event.position;
        break;
      case 'cancelling':
        if (job.isCancelling) this.#report('a cancel is written once', job.id);
        job.isCancelling = true;
        job.reason = event.reason;
        break;
      case 'completed':
        job.result = event.result;
        break;
      case 'failed':
        job.attempts++;
        break;
      case 'interrupted':
        job.interrupts++;
        if (event.why !== 'crashed') break;
        job.crashes++;
        job.startsSinceCrash = 0;
        break;
      case 'snoozed':
        job.snoozes++;
        break;
      case 'died':
        if (job.state === 'running') {
          if (event.why === 'crashed') job.crashes++;
          else job.attempts++;
        } else this.#checkDeath(job, event.why, event.at);
        job.deathReason = event.why;
        break;
      case 'cancelled':
        if (job.state === 'running' && !job.isCancelling)
          this.#report('a running job is asked before it is cancelled', job.id);
        job.reason = event.reason ?? job.reason;
        if (event.reason !== REPLACED) this.#withdraw(job);
        break;
      case 'progressed':
        if (event.report?.includes('foreign') === true)
          this.#report('what comes with another token changes nothing', job.id);
        break;
      case 'revived':
        if (!event.keepAttempts) job.attempts = 0;
        job.crashes = 0;
        job.snoozes = 0;
        job.result = undefined;
        job.reason = undefined;
        job.deathReason = undefined;
        break;
      case 'updated':
        job.priority = event.priority;
        if (!event.keepAttempts) Object.assign(job, { attempts: 0, crashes: 0, snoozes: 0 });
        if (!event.hasPayload) break;
        Object.assign(job, { payload: event.payload, checkpoint: undefined, checkpointAt: undefined });
        job.payloadAt = event.position;
        this.changedByNumber.set(numberIn(event.payload), job);
        break;
      case 'removed':
        this.#checkRemoval(job);
        this.#withdraw(job);
        break;
      case 'rescheduled':
        break;
    }
    if ('dueAt' in event) {
      if (event.dueAt < event.at && event.kind !== 'updated')
        this.#report('a retry is not due before the failure', job.id);
      job.dueAt = event.dueAt;
    } else if (event.kind === 'interrupted' || FINAL.includes(MOVES[job.state]?.[event.kind] ?? ''))
      job.dueAt = event.at;
    if (WAITS_AGAIN.includes(event.kind)) job.waitsSince = event.position;
  }

  /** Nobody that has not ended waits for it. */
  #withdraw(job: ModelJob): void {
    if (job.state === 'waiting') for (const observer of this.observers) observer.withdrawn?.(job);
  }

  #checkRemoval({ id, order }: ModelJob): void {
    for (const other of this.jobs.values()) {
      if (other.parents === '' || other.order <= order || FINAL.includes(other.state)) continue;
      if (parentIds(other).includes(id)) this.#report('a job is kept while another waits for it', `${id}: ${other.id}`);
    }
  }

  /** A job that waits dies only of what keeps it from ever being started. */
  #checkDeath(job: ModelJob, why: string, at: number): void {
    const isRight = {
      expired: job.deadlineAt > 0 && this.onExpired(job, at),
      unreachable: edgesOf(job, (id) => this.everById.get(id)) === 'failed',
      terminated: true,
    }[why];
    if (isRight !== true) this.#report('a waiting job dies for a reason', `${job.id}: ${why}`);
  }
}
