// Unique keys and idempotency keys against a plain model: who gets a job of his own, who gets another's, who is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Command } from '../../src/actors/commands.ts';
import type { NewJob, Settle, TakenIds } from '../../src/actors/messages.ts';
import type { NewLabels } from '../../src/job/labels.ts';
import { isFinal } from '../../src/job/machine.ts';
import { UNIQUE_MODES, type UniqueMode } from '../../src/job/unique.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { DEFAULT_POLICY } from '../../src/policy.ts';
import { openCommands } from '../support/commands.ts';

interface Asked {
  readonly type: string;
  readonly unique: { readonly key: string; readonly mode: UniqueMode } | undefined;
  readonly idempotency: { readonly key: string; readonly windowMs: number } | undefined;
  readonly delayMs: number;
  /** Stands for the payload as well. */
  readonly priority: number;
}

interface ModelJob {
  readonly id: string;
  readonly type: string;
  readonly unique: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly until: number;
  /** The job it waits behind. */
  readonly behind: string | undefined;
  state: 'waiting' | 'running' | 'completed' | 'cancelled' | 'dead';
  isCancelling: boolean;
  priority: number;
  dueAt: number;
}

/** What the table of docs/jobs.md says, looked up anew for every call among all jobs. */
class Model {
  jobs: ModelJob[] = [];

  copy(): ModelJob[] {
    return this.jobs.map((job) => ({ ...job }));
  }

  /** The ids of the jobs that the callers get, or undefined when all of them are refused. */
  enqueue(list: readonly Asked[], at: number, createId: () => string): string[] | undefined {
    const before = this.copy();
    const ids: string[] = [];
    for (const asked of list) {
      const id = this.#take(asked, at, createId);
      if (id === undefined) {
        this.jobs = before;
        return undefined;
      }
      ids.push(id);
    }
    return ids;
  }

  #take(asked: Asked, at: number, createId: () => string): string | undefined {
    const { type, unique, idempotency, delayMs, priority } = asked;
    const first = this.jobs.findLast((job) => job.type === type && job.idempotencyKey === idempotency?.key);
    if (idempotency !== undefined && first !== undefined && first.until > at) return first.id;
    const holder = unique && this.holders(type, unique.key).at(-1);
    if (unique !== undefined && holder !== undefined) {
      const { mode } = unique;
      if (mode === 'reject') return undefined;
      if (mode === 'keep') return holder.id;
      if (holder.state === 'waiting') {
        holder.priority = priority;
        if (mode === 'replace') holder.dueAt = at + delayMs;
        return holder.id;
      }
    }
    const id = createId();
    this.jobs.push({
      ...{ id, type, unique: unique?.key, idempotencyKey: idempotency?.key, until: at + (idempotency?.windowMs ?? 0) },
      ...{ behind: holder?.id, state: 'waiting', isCancelling: false, priority, dueAt: at + delayMs },
    });
    return id;
  }

  /** The unfinished jobs with a unique key, the oldest first. */
  holders(type: string, key: string): ModelJob[] {
    return this.jobs.filter((job) => job.type === type && job.unique === key && !isFinal(job.state));
  }

  end(job: ModelJob, state: 'completed' | 'dead' | 'waiting', at: number): void {
    job.state = job.isCancelling ? 'cancelled' : state;
    job.dueAt = at;
    job.isCancelling = false;
  }

  revive(job: ModelJob, at: number): void {
    if (job.unique !== undefined && this.holders(job.type, job.unique).length > 0) return;
    job.state = 'waiting';
    job.dueAt = at;
  }

  clear({ id }: ModelJob): void {
    if (this.jobs.some(({ behind, state }) => behind === id && !isFinal(state))) return;
    this.jobs = this.jobs.filter((job) => job.id !== id);
  }
}

const ACTS = ['enqueue', 'enqueue', 'enqueue', 'enqueue', 'start', 'start', 'complete', 'die', 'interrupt'] as const;
const MORE = ['cancel', 'revive', 'clear', 'pass', 'commit', 'restart', 'kill'] as const;
const KINDS = [...ACTS, ...MORE];

/** Reads one number as a row of choices: cheaper to draw than a tree of them, and it shrinks as well. */
class Choices {
  #left: number;

  constructor(number: number) {
    this.#left = number;
  }

  of<Choice>(choices: readonly Choice[]): Choice {
    const choice = choices[this.#left % choices.length] as Choice;
    this.#left = Math.floor(this.#left / choices.length);
    return choice;
  }
}

/** @param priority tells it from all others */
function askedBy(choices: Choices, priority: number): Asked {
  const key = choices.of([undefined, 'a', 'b']);
  const mode = choices.of(UNIQUE_MODES);
  const again = choices.of([undefined, undefined, 'x', 'y']);
  return {
    type: choices.of(['one', 'one', 'two']),
    unique: key === undefined ? undefined : { key, mode },
    idempotency: again === undefined ? undefined : { key: again, windowMs: choices.of([10, 1_000]) },
    delayMs: choices.of([0, 50]),
    priority,
  };
}

function newJob({ type, unique, idempotency, delayMs, priority }: Asked): NewJob {
  const labels: NewLabels | undefined =
    unique === undefined && idempotency === undefined ? undefined : { unique, idempotency, tags: undefined };
  return {
    ...{ id: undefined, ifExists: 'reject', type, queue: 'default', priority, delayMs, runAt: undefined },
    ...{ deadlineAt: 0, settings: '', parents: '', key: '', labels, payload: String(priority) },
  };
}

const QUIET: Settle<never> = { resolve: () => undefined, reject: () => undefined };
const RUNS = Number(process.env['HOLDFAST_RUNS'] ?? 10_000);

test(`${RUNS} random lives of jobs with keys give everybody the job that a plain model says`, async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(), { minLength: 1, maxLength: 12, size: 'max' }), live), {
    numRuns: RUNS,
  });
});

async function live(steps: readonly number[]): Promise<void> {
  const frames: MemoryFrames = new Map();
  const model = new Model();
  let committed: ModelJob[] = [];
  let at = 1_000;
  let made = 0;
  let calls = 0;
  const given = { now: () => at, createId: () => `job-${++made}` };
  let engine = await openCommands(frames, given);
  const slotOf = (id: string): number => engine.table.ids.find(id);
  const end = ({ id }: ModelJob, verdict: (Command & { kind: 'end' })['verdict']): void => {
    const slot = slotOf(id);
    engine.carryOut({ kind: 'end', slot, token: engine.table.tokenOf(slot) as number, verdict, report: undefined });
  };

  for (const step of steps) {
    const choices = new Choices(step);
    const kind = choices.of(KINDS);
    const pick = (isFitting: (job: ModelJob) => boolean): ModelJob | undefined => {
      const fitting = model.jobs.filter(isFitting);
      return fitting.length === 0 ? undefined : choices.of(fitting);
    };
    switch (kind) {
      case 'enqueue': {
        const list = Array.from({ length: choices.of([1, 1, 2]) }, () => askedBy(choices, ++calls));
        const before = made;
        const expected = model.enqueue(list, at, given.createId);
        made = before;
        let answer: readonly string[] | undefined;
        const settle: Settle<TakenIds> = { resolve: (ids) => (answer = [...ids]), reject: () => undefined };
        engine.carryOut({ kind: 'enqueue', jobs: list.map(newJob), settle });
        engine.answer();
        assert.deepEqual(answer, expected, 'who gets which job');
        break;
      }
      case 'start': {
        const startable = [...engine.startable].filter((slot) => engine.table.dueAtOf(slot) <= at);
        if (startable.length === 0) break;
        const slot = choices.of(startable);
        const job = model.jobs.find(({ id }) => id === engine.table.ids.of(slot)) as ModelJob;
        const others = job.unique === undefined ? [] : model.holders(job.type, job.unique);
        assert.ok(!others.some(({ state }) => state === 'running'), 'two jobs with one unique key run');
        engine.startable.delete(slot);
        const hold = { queue: 'default', lane: 'inline', key: undefined, route: undefined } as const;
        engine.carryOut({ kind: 'start', slot, order: engine.table.orderOf(slot), hold });
        job.state = 'running';
        break;
      }
      case 'complete':
      case 'die':
      case 'interrupt': {
        const job = pick(({ state }) => state === 'running');
        if (job === undefined) break;
        const policy = { ...DEFAULT_POLICY, maxAttempts: 1 };
        if (kind === 'complete') end(job, { kind: 'completed', result: undefined, followUps: undefined, policy });
        if (kind === 'die') end(job, { kind: 'failed', error: { name: 'Error', message: 'x' }, policy });
        if (kind === 'interrupt') end(job, { kind: 'interrupted', why: 'closing' });
        model.end(job, kind === 'complete' ? 'completed' : kind === 'die' ? 'dead' : 'waiting', at);
        break;
      }
      case 'cancel': {
        const job = pick(({ state }) => !isFinal(state));
        if (job === undefined) break;
        engine.carryOut({ kind: 'cancel', id: job.id, reason: undefined, descendants: false, settle: QUIET });
        if (job.state === 'running') job.isCancelling = true;
        else job.state = 'cancelled';
        break;
      }
      case 'revive':
      case 'clear': {
        const job = pick(({ state }) => isFinal(state));
        if (job === undefined) break;
        const change = kind === 'clear' ? ({ kind } as const) : ({ kind, attempts: 'reset' } as const);
        engine.carryOut({ kind: 'change', ids: [job.id], change, settle: QUIET });
        if (kind === 'clear') model.clear(job);
        else model.revive(job, at);
        break;
      }
      case 'pass':
        at += choices.of([5, 10, 2_000]);
        break;
      case 'commit':
      case 'restart':
        await engine.log.commit();
        committed = model.copy();
        if (kind === 'restart') engine = await openCommands(frames, given);
        break;
      case 'kill':
        engine = await openCommands(frames, given);
        model.jobs = committed.map((job) => ({ ...job }));
        break;
    }
    const { table } = engine;
    for (const { id, state, priority, dueAt } of model.jobs) {
      const slot = slotOf(id);
      assert.equal(table.stateOf(slot), state, `${id} after ${kind}`);
      if (state === 'waiting') assert.deepEqual([table.priorityOf(slot), table.dueAtOf(slot)], [priority, dueAt], id);
    }
    assert.equal(table.size, model.jobs.length);
  }
}
