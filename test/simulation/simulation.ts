/**
 * One run: operations and faults, then no more faults, and everything has to come to its end. It depends on its plan and
 * on nothing else.
 */
import { PROBES } from './behaviour.ts';
import { AttemptLaws } from './attempt-laws.ts';
import { Auditor, type Violation } from './auditor.ts';
import { CallLaws } from './call-laws.ts';
import { Disk } from './disk.ts';
import { Faults, PlantedBug, policyOfList, type FaultPolicy } from './faults.ts';
import { compareMemory, compareReplay } from './memory-laws.ts';
import { Operations } from './operations.ts';
import { edgesOf, parentIds, type ModelJob } from './model-job.ts';
import { ORPHAN_TYPE, type Plan } from './plan.ts';
import { ScheduleLaws } from './schedule-laws.ts';
import { Process, type Surroundings } from './process.ts';
import { Wall } from './virtual-clock.ts';
import { NATURE, turned, World } from './world.ts';

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly hash: number;
  readonly lines: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
  /** Virtual time, ms. */
  readonly lastedMs: number;
  readonly eventCount: number;
  readonly recordCount: number;
  readonly operationCount: number;
  readonly faultCount: number;
}

export interface Manner {
  /** Instead of the faults of the plan. */
  readonly policy?: FaultPolicy;
  readonly keepTrace?: boolean;
}

/** After so many events something goes round in circles. */
const MOST_EVENTS = 60_000;
/** What may take how long when nothing fails any more, in virtual ms. */
const SERVICE_WITHIN_MS = 10_000;
const PROBES_WITHIN_MS = 120_000;
const SCHEDULES_KEEP_UP_MS = 300_000;
/** How late a schedule may be. */
const SCHEDULES_WITHIN_MS = 1_000;
const MOST_ALARMS = 8;
/** How long faults go on after the last operation. */
const AFTER_MS = 1_000;
const REBOOT_MS = 200;

export async function simulate(plan: Plan, manner: Manner = {}): Promise<Outcome> {
  const simulation = new Simulation(plan, manner);
  const onUnhandled = (error: unknown): void => simulation.report('nothing is thrown at the host', String(error));
  const { stackTraceLimit } = Error;
  // Stacks are long, and differ between builds: a trace must not.
  Error.stackTraceLimit = 0;
  process.on('unhandledRejection', onUnhandled);
  try {
    return await simulation.run();
  } finally {
    await turned();
    process.off('unhandledRejection', onUnhandled);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class Simulation {
  readonly #plan: Plan;
  readonly #world = new World();
  readonly #disk = new Disk();
  readonly #faults: Faults;
  readonly #auditor: Auditor;
  readonly #attempts: AttemptLaws;
  readonly #calls: CallLaws;
  readonly #schedules: ScheduleLaws;
  readonly #around: Surroundings;
  readonly #operations: Operations;
  #process: Process | undefined;
  #processCount = 0;
  #isCalm = false;
  #becomeCalm: () => void = () => undefined;
  #letProbesGo: () => void = () => undefined;
  #downMs = REBOOT_MS;

  constructor(plan: Plan, { policy = policyOfList(plan.faults), keepTrace = false }: Manner) {
    this.#plan = plan;
    this.#faults = new Faults(policy, (site) => this.#auditor.count(`fault ${site}`));
    this.#auditor = new Auditor(() => this.#world.now, keepTrace);
    const wall = new Wall(this.#world, plan.config.drift);
    this.#attempts = new AttemptLaws(this.#auditor, plan.config, wall);
    this.#calls = new CallLaws(this.#auditor);
    this.#schedules = new ScheduleLaws(this.#auditor.model, wall, (what) => this.#auditor.count(what));
    const calm = new Promise<void>((resolve) => (this.#becomeCalm = resolve));
    const probesMayEnd = new Promise<void>((resolve) => (this.#letProbesGo = resolve));
    this.#around = {
      plan,
      world: this.#world,
      wall,
      disk: this.#disk,
      faults: this.#faults,
      auditor: this.#auditor,
      attempts: this.#attempts,
      isCalm: () => this.#isCalm,
      mayEnd: (n) => (n >= PROBES && n < 2 * PROBES ? probesMayEnd : calm),
      crashed: () => {
        this.#auditor.count('crash');
        this.#world.later(this.#downMs, NATURE, () => this.#boot());
      },
    };
    this.#operations = new Operations(this.#around, this.#calls, this.#schedules, {
      process: () => this.#process,
      crash: (downMs) => this.#crash(downMs),
      bootLater: (downMs) => this.#world.later(downMs, NATURE, () => this.#boot()),
    });
    this.#disk.onWritten = (batch) => {
      this.#auditor.model.fold(batch);
      if (batch.drop !== undefined) this.#auditor.count('trim');
      this.#auditor.note(
        `on the disk: ${batch.frames.map(({ sequence }) => sequence).join(' ')}, ${this.#auditor.model.recordCount}`,
      );
      this.#calls.check();
      this.#attempts.check();
    };
  }

  report(law: string, detail: string): void {
    this.#auditor.report(law, detail);
  }

  async run(): Promise<Outcome> {
    this.#boot();
    for (const [index, op] of this.#plan.ops.entries()) {
      this.#world.later(op.at, NATURE, () => this.#operations.perform(op, index));
    }
    await this.#until(() => this.#operations.performedCount === this.#plan.ops.length, Infinity);
    await this.#until(() => false, this.#world.now + AFTER_MS);
    if (this.#isSound) await this.#endWell();
    return this.#outcome();
  }

  get #isSound(): boolean {
    return this.#auditor.violations.length === 0;
  }

  /** Nothing fails any more: all has to come to its end, and everything has to be as it should. */
  async #endWell(): Promise<void> {
    this.#auditor.note('calm');
    this.#faults.heal();
    this.#disk.fill(false);
    this.#isCalm = true;
    this.#becomeCalm();
    // All frames are read first, at worst each by itself.
    const openingMs = this.#disk.frames.size * this.#plan.config.latencyMs;
    const withinMs = SERVICE_WITHIN_MS + this.#operations.downMs + openingMs;
    await this.#must('the service resumes', () => this.#isServing(), withinMs);
    await this.#endSchedules();
    await this.#must('a final state is always reached', () => this.#hasEnded(), Infinity);
    await this.#probe();
    if (!this.#isSound) return;
    const { log } = this.#process ?? {};
    if (log !== undefined) await compareReplay(log, this.#disk, (law, detail) => this.report(law, detail));
    this.#operations.close(0, undefined);
    await this.#must('a close comes to its end', () => this.#process?.isClosed === true, 60_000);
    if (this.#isSound && !this.#auditor.model.wasClosed) this.report('a clean close is written down', 'it is not');
  }

  /** All schedules keep up with the time; then they are deleted, or there would be no end. */
  async #endSchedules(): Promise<void> {
    const { wall } = this.#around;
    const behind = (): string[] => this.#schedules.behind(wall.now() - SCHEDULES_WITHIN_MS);
    await this.#must('a schedule keeps up with the time', () => behind().length === 0, SCHEDULES_KEEP_UP_MS);
    await this.#must('a schedule can be deleted', () => this.#operations.areDeleted(), SERVICE_WITHIN_MS);
  }

  #isServing(): boolean {
    return this.#operations.isAccepted();
  }

  #hasEnded(): boolean {
    const process = this.#process;
    if (process?.engine === undefined || process.isGone || process.slots.taken > 0) return false;
    if (this.#operations.hasBacklog || this.#openCalls(process).length > 0) return false;
    for (const job of this.#auditor.model.jobs.values()) {
      if (job.state === 'running' || (job.state === 'waiting' && !this.#mayWait(job))) return false;
    }
    return this.#isQuiet(process);
  }

  /** The calls without an answer, but for those who wait for a job that nobody can run. */
  #openCalls(process: Process): string[] {
    const mayWait = (id: string): boolean => {
      const job = this.#auditor.model.everById.get(id);
      return job?.state === 'waiting' && this.#mayWait(job);
    };
    return this.#auditor.openCalls(process).filter((what) => !(what.startsWith('wait ') && mayWait(what.slice(5))));
  }

  /** Nobody can run it, or it waits for one whom nobody can. */
  #mayWait(job: ModelJob, children: readonly ModelJob[] = []): boolean {
    const { model } = this.#auditor;
    if (children.includes(job)) {
      this.report('jobs do not wait in a circle', children.map(({ id }) => id).join(' '));
      return true;
    }
    if (job.deadlineAt > 0 && edgesOf(job, (id) => model.everById.get(id)) === 'met') return false;
    if (job.type === ORPHAN_TYPE && this.#plan.config.unknownTypes !== 'die') return true;
    return parentIds(job).some((id) => {
      const parent = model.everById.get(id);
      return parent?.state === 'waiting' && parent.order < job.order && this.#mayWait(parent, [...children, job]);
    });
  }

  /** All slots are free again: as many jobs as may run at once, do. */
  async #probe(): Promise<void> {
    if (!this.#isSound) return;
    const { concurrency, threads } = this.#plan.config;
    const free = Math.min(concurrency, 5);
    const inDefault = Math.min(free, this.#attempts.queues.limitOf('default'));
    const onThreads = Math.min(inDefault, threads);
    this.#operations.enqueueProbes('th:a', onThreads, 0);
    await this.#must('all slots are free', () => this.#process?.slots.taken === onThreads, PROBES_WITHIN_MS);
    this.#operations.enqueueProbes('in:a', inDefault - onThreads, 100);
    await this.#must('all slots are free', () => this.#process?.slots.taken === inDefault, PROBES_WITHIN_MS);
    this.#letProbesGo();
    await this.#must('a final state is always reached', () => this.#hasEnded(), Infinity);
  }

  async #must(law: string, isSo: () => boolean, withinMs: number): Promise<void> {
    if (!this.#isSound) return;
    await this.#until(isSo, this.#world.now + withinMs);
    if (!this.#isSound || isSo()) return;
    const { model } = this.#auditor;
    const unfinished = [...model.jobs.values()]
      .filter((job) => (job.state === 'waiting' && !this.#mayWait(job)) || job.state === 'running')
      .map(({ id, state, dueAt }) => `${id} ${state} due in ${dueAt - this.#around.wall.now()}`);
    const process = this.#process;
    const open = process === undefined ? [] : this.#openCalls(process);
    const parts = [`jobs: ${unfinished.join(', ')}`, `calls: ${open.join(', ')}`, `slots: ${process?.slots.taken}`];
    if (process?.engine === undefined || process.isGone) parts.push('no engine');
    else if (!this.#isQuiet(process)) parts.push('something is not written');
    this.report(law, parts.join('; '));
  }

  /** Lets events happen until it is so, it is later than `before`, or a law is broken. */
  async #until(isSo: () => boolean, before: number): Promise<void> {
    // What was called just now may not have come to the first event yet.
    await turned();
    while (this.#isSound && !isSo()) {
      if (this.#world.count > MOST_EVENTS) return this.report('nothing goes round in circles', `${MOST_EVENTS} events`);
      if (!(await this.#world.step(before))) return;
      this.#check();
    }
  }

  /** What must hold after every event. */
  #check(): void {
    const process = this.#process;
    if (process === undefined || process.isGone) return;
    if (process.clock.alarmCount > MOST_ALARMS)
      this.report('there are few timers', `${process.clock.alarmCount} alarms`);
    if (process.log === undefined || !this.#isQuiet(process)) return;
    const { model } = this.#auditor;
    if (process.isCompared && model.touched.size === 0) return;
    compareMemory(process.log, model, !process.isCompared, (law, detail) => this.report(law, detail));
    process.isCompared = true;
  }

  /** Whether all that is in memory is on the disk. */
  #isQuiet({ log, store }: Process): boolean {
    return log !== undefined && store !== undefined && !log.hasUncommitted && !store.isUncertain && !store.isClosed;
  }

  #boot(): void {
    if (this.#process !== undefined && !this.#process.isGone && !this.#process.isClosed) return;
    if (this.#process !== undefined) this.#process.isGone = true;
    this.#downMs = REBOOT_MS;
    const process = new Process(this.#around, ++this.#processCount);
    this.#process = process;
    process.open().then(
      () => {
        if (process.isGone) return;
        if (this.#disk.isDamaged) this.report('damage is never silent', 'it was opened');
        this.#operations.opened();
      },
      (error: unknown) => {
        if (process.isGone) return;
        process.isGone = true;
        process.clock.stop();
        const code = error instanceof PlantedBug ? 'HOLDFAST_STORE_UNAVAILABLE' : this.#auditor.codeOf('open', error);
        this.#auditor.note(`open → ${code}`);
        if (code === 'HOLDFAST_DAMAGED' && this.#disk.isDamaged) this.#disk.restore();
        else if (code !== 'HOLDFAST_STORE_UNAVAILABLE') this.report('a sound store opens', String(error));
        this.#world.later(REBOOT_MS, NATURE, () => this.#boot());
      },
    );
  }

  #crash(downMs: number): void {
    this.#downMs = downMs;
    this.#process?.crash();
  }

  #outcome(): Outcome {
    const { violations, hash, lines, counts, model } = this.#auditor;
    return {
      ...{ violations, hash, lines, counts },
      lastedMs: this.#world.now,
      eventCount: this.#world.count,
      recordCount: model.recordCount,
      operationCount: this.#faults.countOfAll,
      faultCount: this.#faults.metCount,
    };
  }
}
