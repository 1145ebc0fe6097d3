/** One life of the program: an engine with a clock, threads and handlers of its own, on a disk that outlives it. */
import { inlineHandler } from './inline-handlers.ts';
import { behaviourOf, CALM, PROBE, PROBES, type Behaviour } from './behaviour.ts';
import type { AttemptLaws, Slots } from './attempt-laws.ts';
import type { Auditor } from './auditor.ts';
import { Dice } from './dice.ts';
import type { Disk } from './disk.ts';
import { PlantedBug, type Faults } from './faults.ts';
import type { QueueRule } from './control.ts';
import { INLINE_TYPES, THREAD_TYPES, type Config, type Plan } from './plan.ts';
import { KEY_CONCURRENCY } from './queue-laws.ts';
import { simulatedHome } from './simulated-home.ts';
import type { SimulatedStore } from './simulated-store.ts';
import { simulatedThreads } from './simulated-threads.ts';
import { virtualClock, type VirtualClock, type Wall } from './virtual-clock.ts';
import type { Owner, World } from './world.ts';
import { defineJob, type AnyJobDefinition } from '../../src/definition.ts';
import { openEngine } from '../../src/engine.ts';
import type { Engine } from '../../src/face.ts';
import type { JournalMessage } from '../../src/actors/messages.ts';
import { Turns, type Mailbox } from '../../src/kernel/actor.ts';
import type { Log } from '../../src/log/log.ts';
import { checkOpenOptions, type Settings } from '../../src/options.ts';
import type { QueueOptions } from '../../src/queue-options.ts';

/** What all lives of a run share. */
export interface Surroundings {
  readonly plan: Plan;
  readonly world: World;
  readonly wall: Wall;
  readonly disk: Disk;
  readonly faults: Faults;
  readonly auditor: Auditor;
  readonly attempts: AttemptLaws;
  readonly isCalm: () => boolean;
  /** Resolves when a handler that hangs shall end. */
  readonly mayEnd: (n: number) => Promise<void>;
  readonly crashed: (process: Process) => void;
}

export class Process implements Owner {
  isGone = false;
  engine: Engine | undefined;
  log: Log | undefined;
  store: SimulatedStore | undefined;
  /** The event in which `close` was called. */
  closingSince: number | undefined;
  isClosed = false;
  /** Whether its memory has been compared with the disk as a whole since the log was opened. */
  isCompared = false;
  readonly clock: VirtualClock;
  readonly slots: Slots;
  #journal: Mailbox<JournalMessage> | undefined;
  readonly #around: Surroundings;
  readonly #number: number;
  readonly #dice: Dice;

  constructor(around: Surroundings, number: number) {
    const { plan, world, wall } = around;
    this.#around = around;
    this.#number = number;
    this.#dice = new Dice(plan.seed, `process ${number}`);
    this.clock = virtualClock(world, wall, this, new Dice(plan.seed, `clock ${number}`), plan.config);
    this.slots = around.attempts.slots();
  }

  async open(): Promise<Engine> {
    const { plan, world, disk, faults, auditor, attempts } = this.#around;
    const settings = this.#settings();
    const home = simulatedHome({
      world,
      disk,
      owner: this,
      faults,
      dice: this.#dice,
      crash: () => this.crash(),
      isSynced: plan.config.durability === 'disk',
      latencyMs: plan.config.latencyMs,
      chunkFrames: 3,
      seesRoom: plan.config.seesRoom ?? false,
      onMisuse: (what) => this.#misused(what),
      cacheBytes: settings.cacheBytes,
      onOpened: (log, store) => this.#opened(log, store),
    });
    const threads = simulatedThreads({
      world,
      owner: this,
      size: settings.threads,
      behaviour: ({ job, payload }) => this.#behaviour(job.id, (JSON.parse(payload ?? '{}') as { n: number }).n),
      watch: {
        ...this.#around.attempts.watch(this),
        began: (order) => {
          if (this.isGone) return () => undefined;
          this.#checkOpen(order.job.id);
          this.#around.attempts.began(order.job, order.payload, order.checkpoint, order.token);
          return this.slots.take(order.job, true);
        },
        laidReady: ({ job }) => this.isGone || attempts.laidReady(job),
        timedOutEarly: ({ job }, byMs) => this.isGone || attempts.timedOutEarly(job, byMs),
      },
      isCut: plan.config.stepMs > 0,
      dice: new Dice(plan.seed, `threads ${this.#number}`),
      isCalm: this.#around.isCalm,
      mayEnd: this.#around.mayEnd,
      onMisuse: (what) => this.#misused(what),
    });
    const opening = this.#capturing(() => openEngine({ home, clock: this.clock, settings, threads }));
    const engine = await opening;
    if (!this.isGone) auditor.note('open');
    this.engine = engine;
    return engine;
  }

  /** Tells the journal something that the engine itself would not. */
  tellJournal(message: JournalMessage): void {
    this.#journal?.tell(message);
  }

  /** Takes note of the mailbox that the engine makes for its journal. */
  #capturing<Value>(make: () => Value): Value {
    const { mailbox } = Turns.prototype;
    const capture = (journal: Mailbox<JournalMessage>): void => void (this.#journal = journal);
    Turns.prototype.mailbox = function <Message>(this: Turns, name: string): Mailbox<Message> {
      const made = mailbox.call(this, name);
      if (name === 'journal') capture(made as Mailbox<JournalMessage>);
      return made as Mailbox<Message>;
    };
    try {
      return make();
    } finally {
      Turns.prototype.mailbox = mailbox;
    }
  }

  /** The process dies; nothing of it happens any more. */
  crash(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.clock.stop();
    this.store?.abandon();
    this.#around.auditor.note('the process dies');
    this.#around.crashed(this);
  }

  #opened(log: Log, store: SimulatedStore): void {
    this.log = log;
    this.store = store;
    this.isCompared = false;
    const { attempts, world, plan, auditor, faults } = this.#around;
    const record = log.record.bind(log);
    log.record = (event) => {
      const fault = this.isGone ? undefined : faults.next('record');
      if (fault === 'error') throw new PlantedBug();
      if (fault === 'crashBefore') this.crash();
      const position = record(event);
      attempts.turnOf.set(position, world.count);
      if (event.kind === 'started') attempts.queues.recorded(position);
      const isLate = this.closingSince !== undefined && world.count > this.closingSince && plan.config.stepMs === 0;
      if (event.kind === 'started' && isLate && !this.isGone)
        auditor.report('nothing starts once it closes', `${position}`);
      return position;
    };
  }

  #misused(what: string): void {
    if (!this.isGone) this.#around.auditor.report('the seams are used by their rules', what);
  }

  #checkOpen(id: string): void {
    if (this.isClosed) this.#around.auditor.report('nothing starts once it is closed', id);
  }

  #settings(): Settings {
    const { config } = this.#around.plan;
    const { keep, keepDead } = config;
    const checked = checkOpenOptions({
      jobs: this.#definitions(),
      queues: queuesOf(config),
      settle: config.settleMs ?? 10_000,
      concurrency: config.concurrency,
      threads: config.threads,
      durability: config.durability,
      timeout: config.timeoutMs,
      retry: { attempts: config.attempts, backoff: [config.backoffMs, config.backoffMs * 3] },
      grace: config.graceMs,
      maxCrashes: config.maxCrashes,
      keep: { completed: keep, cancelled: keep, dead: keepDead },
      maxPending: config.maxPending,
      cacheBytes: config.cacheBytes,
      unknownTypes: config.unknownTypes ?? 'wait',
    });
    return { ...checked, trimSlackBytes: config.trimSlackBytes, listSlice: 2 };
  }

  #definitions(): AnyJobDefinition[] {
    const { world, attempts, isCalm, mayEnd } = this.#around;
    const run = inlineHandler({
      world,
      owner: this,
      watch: {
        ...attempts.watch(this),
        began: (job, payload, checkpoint) => {
          if (this.isGone) return () => undefined;
          this.#checkOpen(job.id);
          attempts.began(job, JSON.stringify(payload), textOf(checkpoint), undefined);
          return this.slots.take(job, false);
        },
      },
      behaviour: (id, n) => this.#behaviour(id, n),
      isCalm,
      mayEnd,
    });
    const [inlineA, inlineB] = INLINE_TYPES;
    const [threadA, threadB] = THREAD_TYPES;
    return [
      defineJob({ type: inlineA, run }),
      defineJob({ type: inlineB, run, queue: 'q1', priority: 1 }),
      defineJob({ type: threadA, worker: 'file:///th-a.js' }),
      defineJob({ type: threadB, worker: 'file:///th-b.js', queue: 'q2', priority: -1 }),
    ] as AnyJobDefinition[];
  }

  #behaviour(id: string, n: number): { n: number; start: number; behaviour: Behaviour } {
    const { plan, isCalm, auditor } = this.#around;
    const start = auditor.model.everById.get(id)?.starts ?? 0;
    if (n >= PROBES && n < 2 * PROBES) return { n, start, behaviour: PROBE };
    return { n, start, behaviour: isCalm() ? CALM : behaviourOf(plan.seed, plan.config.manners, n, start) };
  }
}

function queuesOf({ queues, rules = {} }: Config): Record<string, QueueOptions> {
  const named = Object.entries(queues).map(([name, concurrency]): [string, QueueOptions] => [
    name,
    { concurrency, perKey: { concurrency: KEY_CONCURRENCY } },
  ]);
  const options: Record<string, QueueOptions> = Object.fromEntries(named);
  for (const [name, rule] of Object.entries(rules)) {
    const before = options[name] ?? {};
    const told = optionsOf(rule);
    options[name] = { ...told, ...before, perKey: { ...before.perKey, ...told.perKey } };
  }
  return options;
}

/** As the engine wants it. */
export function optionsOf({ concurrency, rate, keyConcurrency, keyRate }: QueueRule): QueueOptions {
  return {
    ...(concurrency !== undefined && { concurrency }),
    ...(rate !== undefined && { rate: { limit: rate.limit, per: rate.perMs } }),
    perKey: {
      ...(keyConcurrency !== undefined && { concurrency: keyConcurrency }),
      ...(keyRate !== undefined && { rate: { limit: keyRate.limit, per: keyRate.perMs } }),
    },
  };
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
