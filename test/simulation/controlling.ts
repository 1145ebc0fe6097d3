/** What people do beside enqueuing, done on an open engine, and the answers held against what is durable. */
import type { CallLaws } from './call-laws.ts';
import { cronOf, QUEUES, type ControlOp, type PlannedSchedule } from './control.ts';
import { optionsOf, type Process, type Surroundings } from './process.ts';
import type { ScheduleLaws } from './schedule-laws.ts';
import { EPOCH_MS } from './virtual-clock.ts';
import type { Engine, ListFilter } from '../../src/face.ts';
import type { ScheduleRule } from '../../src/schedule-options.ts';

/** The number of the payload of a schedule's jobs: they have no children. */
const OF_SCHEDULES = 2_000_000_000;

export class Controlling {
  readonly #around: Surroundings;
  readonly #laws: CallLaws;
  readonly #schedules: ScheduleLaws;
  readonly #idOf: (target: number) => string;
  #pauseCount = 0;

  constructor(around: Surroundings, laws: CallLaws, schedules: ScheduleLaws, idOf: (target: number) => string) {
    this.#around = around;
    this.#laws = laws;
    this.#schedules = schedules;
    this.#idOf = idOf;
  }

  perform(process: Process, engine: Engine, op: ControlOp): void {
    switch (op.kind) {
      case 'pause':
        return this.#pause(process, engine, op);
      case 'resume':
        return this.#follow(process, 'resume', engine.resume(queueOf(op.queue)));
      case 'configure':
        return this.#follow(process, 'configure', engine.configureQueue(op.queue, optionsOf(op.rule)), () =>
          this.#mustBeStored(`queue/${op.queue}`, 'configure'),
        );
      case 'update':
        return this.#update(process, engine, op);
      case 'purge':
        return this.#follow(process, 'purge', engine.purge(op.filter as ListFilter));
      case 'schedule':
        return this.#schedule(process, engine, op.schedule);
      case 'pauseSchedule': {
        const until = op.forMs === undefined ? {} : { until: this.#around.wall.now() + op.forMs };
        return this.#follow(process, 'pauseSchedule', engine.schedules.pause(op.name, until));
      }
      case 'resumeSchedule':
        return this.#follow(process, 'resumeSchedule', engine.schedules.resume(op.name, { catchUp: op.catchUp }));
      case 'trigger':
        return this.#follow(process, 'trigger', engine.schedules.trigger(op.name), (id) => {
          this.#laws.knownIds.push(id);
          if (!this.#around.auditor.model.everById.has(id)) this.#lost('trigger', id);
        });
      case 'deleteSchedule':
        return this.#follow(process, 'deleteSchedule', engine.schedules.delete(op.name));
    }
  }

  #pause(process: Process, engine: Engine, { queue, forMs }: Extract<ControlOp, { kind: 'pause' }>): void {
    const reason = `pause ${++this.#pauseCount}`;
    const promise = engine.pause({ ...queueOf(queue), reason, ...(forMs !== undefined && { for: forMs }) });
    this.#follow(process, 'pause', promise, () => {
      if (!this.#around.attempts.queues.reasons.has(reason)) this.#lost('pause', reason);
    });
  }

  #update(process: Process, engine: Engine, op: Extract<ControlOp, { kind: 'update' }>): void {
    const { n, priority, delayMs, target } = op;
    const id = this.#idOf(target);
    const changes = {
      ...(n !== undefined && { payload: { n } }),
      ...(priority !== undefined && { priority }),
      ...(delayMs !== undefined && { delay: delayMs }),
    };
    const calledAt = this.#around.auditor.model.newest;
    this.#follow(
      process,
      'update',
      engine.update(id, changes),
      () => {
        if (n !== undefined) this.#laws.updated(id, n);
      },
      (code) => {
        if (n !== undefined) this.#laws.notUpdated(n, code);
        if (code === 'HOLDFAST_JOB_NOT_FOUND') this.#laws.notFound(id, 'update', calledAt);
      },
    );
  }

  #schedule(process: Process, engine: Engine, { name, type, queue, ...planned }: PlannedSchedule): void {
    const { everyMs, isCron, startsBefore, limit, catchUp, overlap, jitterMs } = planned;
    const rule: ScheduleRule = {
      ...(isCron ? { cron: cronOf(everyMs), tz: 'UTC' } : { every: everyMs }),
      ...(startsBefore !== undefined && { start: EPOCH_MS - startsBefore * everyMs }),
      ...(limit !== undefined && { limit }),
      ...{ catchUp, overlap, jitter: jitterMs },
    };
    this.#follow(process, 'schedule', engine.schedule(name, rule, type, { n: OF_SCHEDULES }, { queue }), () => {
      if (!this.#schedules.everMade.has(name)) this.#lost('schedule', name);
    });
  }

  #mustBeStored(entry: string, what: string): void {
    if (!this.#around.auditor.model.entries.has(entry)) this.#lost(what, entry);
  }

  #lost(what: string, detail: string): void {
    this.#around.auditor.report('an answer comes when it is durable', `${what} ${detail}`);
  }

  #follow<Value>(
    process: Process,
    what: string,
    promise: Promise<Value>,
    kept: (value: Value) => void = () => undefined,
    broken: (code: string) => void = () => undefined,
  ): void {
    this.#around.auditor.follow(process, what, promise, kept, broken);
  }

  /** Ends all pauses; resolves when that is so. */
  async resumeAll(engine: Engine): Promise<void> {
    for (const queue of [undefined, 'default', ...QUEUES]) await engine.resume(queueOf(queue));
  }

  async deleteAll(engine: Engine): Promise<void> {
    for (const name of this.#schedules.names()) await engine.schedules.delete(name);
  }
}

function queueOf(queue: string | undefined): { queue?: string } {
  return queue === undefined ? {} : { queue };
}
