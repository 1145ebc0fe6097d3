/** Carries out the operations of a plan on the engine that is open at that moment, and has the answers checked. */
import { PROBES } from './behaviour.ts';
import { followEvents, type CallLaws } from './call-laws.ts';
import { Controlling } from './controlling.ts';
import { Dice } from './dice.ts';
import { childNumber } from './behaviour.ts';
import type { EnqueueOp, Op } from './plan.ts';
import type { Process, Surroundings } from './process.ts';
import type { ScheduleLaws } from './schedule-laws.ts';
import { NATURE } from './world.ts';
import type { Engine, ListFilter } from '../../src/face.ts';
import type { JobOptions } from '../../src/job-options.ts';

export interface Stage {
  process(): Process | undefined;
  crash(downMs: number): void;
  bootLater(downMs: number): void;
}

const NO_ID = 'own-none';
/** What must never be found in the log. */
const FOREIGN = '{"foreign":true}';
const CLOSE_SLACK_MS = 30_000;

export class Operations {
  readonly #around: Surroundings;
  readonly #laws: CallLaws;
  readonly #stage: Stage;
  #backlog: Array<() => void> = [];
  /** How far somebody has read the events. */
  #lastSeen = 0;
  #isAccepted = false;
  #isAsking = false;
  #attemptCount = 0;
  /** How long the longest operation may keep an engine from being there, ms. */
  downMs = 1_000;
  performedCount = 0;
  /** Time in which nothing could happen, ms. */
  #frozenMs = 0;

  readonly #controlling: Controlling;

  constructor(around: Surroundings, laws: CallLaws, schedules: ScheduleLaws, stage: Stage) {
    this.#controlling = new Controlling(around, laws, schedules, (target) => this.#idOf(target));
    this.#around = around;
    this.#laws = laws;
    this.#stage = stage;
  }

  get hasBacklog(): boolean {
    return this.#backlog.length > 0;
  }

  /** An engine has opened: what was to be enqueued while there was none is enqueued now. */
  opened(): void {
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const perform of backlog) perform();
  }

  perform(op: Op, index: number): void {
    const { wall, disk, world, auditor } = this.#around;
    auditor.note(op.kind);
    this.performedCount++;
    switch (op.kind) {
      case 'jump':
        return wall.jump(op.byMs);
      case 'freeze':
        world.now += op.byMs;
        this.#frozenMs += op.byMs;
        return;
      case 'fill':
        disk.fill(true);
        return world.later(op.forMs, NATURE, () => disk.fill(false));
      case 'kill':
        return this.#stage.crash(op.downMs);
      case 'power':
        return this.#losePower(op.downMs, index);
      case 'damage':
        return this.#damage(op.downMs, index);
      case 'enqueue':
      case 'enqueueAll':
      case 'cancel':
      case 'get':
      case 'wait':
      case 'change':
      case 'list':
      case 'follow':
      case 'close':
      case 'foreign':
      case 'pause':
      case 'resume':
      case 'configure':
      case 'update':
      case 'purge':
      case 'schedule':
      case 'pauseSchedule':
      case 'resumeSchedule':
      case 'trigger':
      case 'deleteSchedule':
        this.#withEngine(op);
    }
  }

  #losePower(downMs: number, index: number): void {
    const { disk, auditor, plan } = this.#around;
    this.#stage.crash(downMs);
    if (plan.config.durability === 'disk' || disk.isDamaged) return;
    const cut = disk.losePower(new Dice(plan.seed, `power ${index}`));
    auditor.note(`the power is lost, and what comes after frame ${cut}`);
    if (cut < auditor.model.newest) this.#lastSeen = 0;
    auditor.model.truncate(cut, disk.oldest);
    this.#around.attempts.truncate(cut);
  }

  #damage(downMs: number, index: number): void {
    const { disk, auditor, plan } = this.#around;
    this.#stage.crash(downMs);
    const what = disk.isDamaged ? undefined : disk.damage(new Dice(plan.seed, `damage ${index}`));
    if (what === undefined) return;
    auditor.note(what);
    auditor.count('damage');
  }

  #withEngine(op: Op): void {
    const process = this.#stage.process();
    const engine = process?.engine;
    if (process === undefined || engine === undefined || process.isGone || process.isClosed) {
      if (['enqueue', 'enqueueAll', 'schedule'].includes(op.kind)) this.#backlog.push(() => this.#withEngine(op));
      return;
    }
    switch (op.kind) {
      case 'enqueue':
        return this.#enqueue(process, engine, op.job, op.waits);
      case 'enqueueAll':
        return this.#enqueueAll(process, engine, op.jobs);
      case 'cancel':
        return this.#cancel(process, engine, this.#idOf(op.target));
      case 'get':
        return this.#get(process, engine, this.#idOf(op.target));
      case 'wait':
        return this.#wait(process, engine, this.#idOf(op.target));
      case 'change':
        return this.#change(process, engine, op);
      case 'list':
        return this.#list(process, engine, op.filter as ListFilter);
      case 'follow':
        return this.#follow(process, engine, op.from, op.forMs);
      case 'close':
        return this.close(op.drainMs, op.downMs);
      case 'foreign':
        return this.#tellForeign(process, op.target, op.what);
      case 'kill':
      case 'power':
      case 'damage':
      case 'jump':
      case 'freeze':
      case 'fill':
        throw new Error(`${op.kind} needs no engine`);
      case 'pause':
      case 'resume':
      case 'configure':
      case 'update':
      case 'purge':
      case 'schedule':
      case 'pauseSchedule':
      case 'resumeSchedule':
      case 'trigger':
      case 'deleteSchedule':
        return this.#controlling.perform(process, engine, op);
    }
  }

  #idOf(target: number): string {
    const { knownIds } = this.#laws;
    return knownIds[target % (knownIds.length + 1)] ?? NO_ID;
  }

  #enqueue(process: Process, engine: Engine, job: EnqueueOp, waits: boolean): void {
    this.#around.auditor.follow(
      process,
      `enqueue ${job.n}`,
      engine.enqueue(job.type, this.#payloadOf(job), this.#optionsOf(job)),
      ({ id }) => {
        this.#laws.enqueued(process, job, id);
        if (waits) this.#wait(process, engine, id);
      },
      (code) => this.#laws.refused([job], code),
    );
  }

  #enqueueAll(process: Process, engine: Engine, jobs: readonly EnqueueOp[]): void {
    this.#laws.expectTogether(jobs);
    const entries = jobs.map((job) => [job.type, this.#payloadOf(job), this.#optionsOf(job)] as const);
    this.#around.auditor.follow(
      process,
      `enqueueAll ${jobs.map(({ n }) => n).join(',')}`,
      engine.enqueueAll(entries),
      (handles) =>
        this.#laws.enqueuedAll(
          jobs,
          (handles as Array<{ id: string }>).map(({ id }) => id),
        ),
      (code) => this.#laws.refused(jobs, code),
    );
  }

  #payloadOf({ n }: EnqueueOp): object {
    const { paddingBytes } = this.#around.plan.config;
    return paddingBytes === 0 ? { n } : { n, padding: 'x'.repeat((n * 7919) % paddingBytes) };
  }

  #cancel(process: Process, engine: Engine, id: string): void {
    const calledAt = this.#newest;
    this.#around.auditor.follow(
      process,
      `cancel ${id}`,
      engine.cancel(id, 'not wanted'),
      (answer) => this.#laws.cancelled(id, answer, calledAt),
      (code) => {
        if (code === 'HOLDFAST_JOB_NOT_FOUND') this.#laws.notFound(id, 'cancel', calledAt);
      },
    );
  }

  #get(process: Process, engine: Engine, id: string): void {
    const calledAt = this.#newest;
    const nothing = (): void => undefined;
    this.#around.auditor.follow(
      process,
      `get ${id}`,
      engine.get(id),
      (view) => this.#laws.got(id, view, calledAt),
      nothing,
    );
  }

  #wait(process: Process, engine: Engine, id: string): void {
    const calledAt = this.#newest;
    this.#around.auditor.follow(
      process,
      `wait ${id}`,
      engine.wait(id),
      (result) => this.#laws.waited(id, result),
      (_code, error) => this.#laws.notWaited(id, error, calledAt),
    );
  }

  #change(process: Process, engine: Engine, { what, keeps, targets }: Extract<Op, { kind: 'change' }>): void {
    const calledAt = this.#newest;
    const ids = targets.map((target) => this.#idOf(target));
    const attempts = keeps ? 'keep' : 'reset';
    const promise = what === 'revive' ? engine.revive(ids, { attempts }) : engine[what](ids);
    const nothing = (): void => undefined;
    this.#around.auditor.follow(
      process,
      what,
      promise,
      (outcomes) => this.#laws.changed(what, outcomes, calledAt),
      nothing,
    );
  }

  #list(process: Process, engine: Engine, filter: ListFilter): void {
    const calledAt = this.#newest;
    const nothing = (): void => undefined;
    this.#around.auditor.follow(
      process,
      'list',
      engine.list(filter),
      (page) => this.#laws.listed(filter, page, calledAt),
      nothing,
    );
  }

  #follow(process: Process, engine: Engine, from: 'start' | 'now' | 'last', forMs: number): void {
    const { world, auditor } = this.#around;
    const stop = new AbortController();
    world.later(forMs, process, () => stop.abort());
    const since = { start: 0, now: undefined, last: this.#lastSeen }[from];
    auditor.follow(
      process,
      'follow',
      followEvents(auditor, engine, process, since, stop.signal),
      (last) => (this.#lastSeen = Math.max(this.#lastSeen, last)),
      () => undefined,
    );
  }

  /** A result or a checkpoint of an attempt that is over, of another job, or of nobody. */
  #tellForeign(process: Process, target: number, what: 'end' | 'save'): void {
    const { auditor } = this.#around;
    const { jobs, tokens } = auditor.model;
    const slot = target % (jobs.size + 1);
    const token = tokens[target % (tokens.length + 1)] ?? target;
    const { table } = process.log ?? {};
    // Nobody has the token of an attempt that runs but the runner, and it knows the slot.
    if (table === undefined || [...table.running()].some((running) => table.tokenOf(running) === token)) return;
    auditor.count(`foreign ${what}`);
    if (what === 'end') {
      const verdict = { kind: 'interrupted', why: 'closing' } as const;
      process.tellJournal({ kind: 'end', slot, token, verdict, report: FOREIGN });
      return;
    }
    const accepted = (): void =>
      auditor.report('what comes with another token changes nothing', `a save for slot ${slot}`);
    process.tellJournal({
      kind: 'save',
      slot,
      token,
      checkpoint: FOREIGN,
      settle: { resolve: accepted, reject: () => undefined },
    });
  }

  close(drainMs: number, downMs: number | undefined): void {
    const { world, auditor, plan } = this.#around;
    const process = this.#stage.process();
    const engine = process?.engine;
    if (process === undefined || engine === undefined || process.closingSince !== undefined) return;
    process.closingSince = world.count;
    const calledAt = world.now - this.#frozenMs;
    const over = (): void => {
      process.isClosed = true;
      const tookMs = world.now - this.#frozenMs - calledAt;
      const mostMs = drainMs + plan.config.graceMs + CLOSE_SLACK_MS;
      if (tookMs > mostMs) auditor.report('a close comes to its end', `it took ${tookMs} ms`);
      const open = auditor.openCalls(process).filter((what) => !what.startsWith('handler'));
      if (open.length > 0) world.later(1, process, () => this.#checkSettled(process));
      if (downMs !== undefined) this.#stage.bootLater(downMs);
    };
    auditor.follow(process, 'close', engine.close({ drain: drainMs }), over, (code) => {
      auditor.report('a close comes to its end', code);
      over();
    });
  }

  #checkSettled(process: Process): void {
    const open = this.#around.auditor.openCalls(process);
    if (open.length > 0) this.#around.auditor.report('every promise settles', open.join(', '));
  }

  /** Asks now and then whether the engine takes a job again. */
  isAccepted(): boolean {
    const process = this.#stage.process();
    if (!this.#isAccepted && !this.#isAsking) {
      this.#isAsking = true;
      const n = childNumber(PROBES, 0, 0) + this.#attemptCount++;
      const again = (): void => this.#around.world.later(100, NATURE, () => (this.#isAsking = false));
      if (process?.engine === undefined || process.isGone || process.isClosed) again();
      else {
        const { engine } = process;
        const asked = this.#controlling.resumeAll(engine).then(() => engine.enqueue('in:a', { n }));
        this.#around.auditor.follow(process, `enqueue ${n}`, asked, () => (this.#isAccepted = true), again);
        this.#around.world.later(5_000, NATURE, () => (this.#isAsking = false));
      }
    }
    return this.#isAccepted;
  }

  #areDeleted: boolean | undefined = false;

  /** Deletes all schedules. */
  areDeleted(): boolean {
    const process = this.#stage.process();
    if (this.#areDeleted === false && process?.engine !== undefined) {
      this.#areDeleted = undefined;
      this.#around.auditor.follow(
        process,
        'deleteSchedule',
        this.#controlling.deleteAll(process.engine),
        () => (this.#areDeleted = true),
        () => (this.#areDeleted = false),
      );
    }
    return this.#areDeleted === true;
  }

  enqueueProbes(type: string, count: number, from: number): void {
    const process = this.#stage.process();
    const engine = process?.engine;
    if (process === undefined || engine === undefined) return;
    const jobs = Array.from({ length: count }, (_, index): EnqueueOp => {
      return { n: PROBES + from + index, type, queue: 'default', timeoutMs: 'none' };
    });
    this.#enqueueAll(process, engine, jobs);
  }

  #optionsOf({
    id,
    ifExists,
    unique,
    idempotency,
    queue,
    priority,
    delayMs,
    timeoutMs,
    attempts,
    n,
    deadlineMs,
    after,
  }: EnqueueOp): JobOptions {
    const parents = after?.map(({ target, on }) => ({
      id: typeof target === 'string' ? target : this.#idOf(target),
      on,
    }));
    return {
      ...(id !== undefined && { id }),
      ...(ifExists !== undefined && { ifExists }),
      ...(unique !== undefined && { unique }),
      ...(idempotency !== undefined && {
        idempotencyKey: { key: idempotency.key, window: idempotency.windowMs },
      }),
      ...(queue !== undefined && { queue }),
      ...(priority !== undefined && { priority }),
      ...(delayMs !== undefined && { delay: delayMs }),
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      ...(attempts !== undefined && { retry: { attempts } }),
      ...(deadlineMs !== undefined && { deadline: this.#around.wall.now() + deadlineMs }),
      ...(parents !== undefined && { after: parents }),
      // Some jobs have a key, by their number, so that plans of before mean what they meant.
      ...(n % 3 === 0 && { key: `key ${n % 4}` }),
    };
  }

  get #newest(): number {
    return this.#around.auditor.model.newest;
  }
}
