import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Command } from '../../src/actors/commands.ts';
import type { NewJob, Settle } from '../../src/actors/messages.ts';
import { encodeEdges, type EdgeCondition } from '../../src/job/edges.ts';
import { isFinal } from '../../src/job/machine.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { DEFAULT_POLICY } from '../../src/policy.ts';
import { openCommands } from '../support/commands.ts';

const settle: Settle<never> = { resolve: () => undefined, reject: () => undefined };

interface ModelJob {
  state: 'waiting' | 'running' | 'completed' | 'cancelled' | 'dead';
  isUnreachable: boolean;
  hasStarted: boolean;
  isCancelling: boolean;
  /** What it could expect of its parents when somebody last looked. */
  seen: 'free' | 'blocked' | 'unreachable';
  readonly parents: ReadonlyArray<{ readonly id: string; readonly on: EdgeCondition }>;
}

/** The same rules, said once more in the plainest way: everything is worked out anew after every step. */
class Model {
  /** In the order of acceptance, so that parents come before children. */
  readonly jobs = new Map<string, ModelJob>();

  copy(): Model {
    const copy = new Model();
    for (const [id, job] of this.jobs) copy.jobs.set(id, { ...job });
    return copy;
  }

  reach(job: ModelJob): 'free' | 'blocked' | 'unreachable' {
    let reach: 'free' | 'blocked' | 'unreachable' = 'free';
    for (const { id, on } of job.parents) {
      const parent = this.jobs.get(id);
      if (parent === undefined) {
        if (!job.hasStarted && on !== 'always') return 'unreachable';
      } else if (parent.state === 'waiting' || parent.state === 'running') reach = 'blocked';
      else if (on === 'success' && parent.state !== 'completed') return 'unreachable';
      else if (on === 'failure' && parent.state === 'completed') return 'unreachable';
    }
    return reach;
  }

  settle(): void {
    for (const job of this.jobs.values()) {
      const reach = this.reach(job);
      if (job.state === 'waiting' && reach === 'unreachable') {
        job.state = 'dead';
        job.isUnreachable = true;
      } else if (job.state === 'dead' && job.isUnreachable && reach !== 'unreachable' && reach !== job.seen) {
        job.state = 'waiting';
        job.isUnreachable = false;
      }
      job.seen = this.reach(job);
    }
  }

  /** That a parent is forgotten brings nobody back to life: only what becomes of one that is there does. */
  forget(id: string): void {
    const children = this.children(id);
    this.jobs.delete(id);
    for (const child of children.map((name) => this.jobs.get(name) as ModelJob)) child.seen = this.reach(child);
  }

  children(id: string): string[] {
    return [...this.jobs].filter(([, job]) => job.parents.some((parent) => parent.id === id)).map(([child]) => child);
  }

  isNeeded(id: string): boolean {
    return this.children(id).some((child) => !isFinal(this.jobs.get(child)?.state ?? 'absent'));
  }

  descendants(id: string): Set<string> {
    const family = new Set([id]);
    for (const member of family) for (const child of this.children(member)) family.add(child);
    return family;
  }
}

type Step =
  | { readonly kind: 'graph'; readonly parents: ReadonlyArray<ReadonlyArray<readonly [number, EdgeCondition]>> }
  | { readonly kind: 'start' | 'complete' | 'die' | 'cancel' | 'cancelAll' | 'revive' | 'clear'; readonly pick: number }
  | { readonly kind: 'commit' | 'restart' | 'kill' };

/** A child that ran, ran again with its parent, and died with it; then the parent is forgotten. */
const FOUND: [Step[]][] = [
  [
    [
      { kind: 'graph', parents: [[]] },
      { kind: 'graph', parents: [[[0, 'success']]] },
      { kind: 'start', pick: 0 },
      { kind: 'complete', pick: 0 },
      { kind: 'start', pick: 0 },
      { kind: 'complete', pick: 0 },
      { kind: 'revive', pick: 0 },
      { kind: 'start', pick: 0 },
      { kind: 'revive', pick: 0 },
      { kind: 'die', pick: 0 },
      { kind: 'clear', pick: 0 },
      { kind: 'restart' },
    ],
  ],
];

const pick = fc.nat(1_000);
const condition = fc.constantFrom<EdgeCondition>('success', 'success', 'failure', 'always');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('graph' as const),
      parents: fc.array(fc.array(fc.tuple(fc.nat(20), condition), { maxLength: 3 }), { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'start',
        'start',
        'complete',
        'complete',
        'die',
        'cancel',
        'cancelAll',
        'revive',
        'revive',
        'clear',
        'clear',
      ),
      pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'restart' as const, 'kill' as const) }),
  },
);

function newJob(id: string, parents: ModelJob['parents']): NewJob {
  const edges = encodeEdges(parents.map((parent) => ({ ...parent, as: parent.id })));
  return {
    id,
    ifExists: 'reject',
    type: 'work',
    queue: 'default',
    priority: 0,
    delayMs: 0,
    runAt: undefined,
    deadlineAt: 0,
    settings: '',
    parents: edges,
    key: '',
    labels: undefined,
    payload: undefined,
  };
}

/** Many short lives and some long ones: 10,000 in all. */
const LIVES = [
  { minLength: 5, maxLength: 40, runs: 1_500 },
  { minLength: 1, maxLength: 9, runs: 8_500 },
];

for (const { runs, ...length } of LIVES) {
  test(`${runs} random graphs with up to ${length.maxLength} failures, cancels, revivals, kills and restarts behave as a plain model says`, async () => {
    const numRuns = Number(process.env['HOLDFAST_RUNS'] ?? runs);
    await fc.assert(behavesAsTheModel(length), { numRuns, examples: FOUND });
  });
}

function behavesAsTheModel(length: { readonly minLength: number; readonly maxLength: number }) {
  return fc.asyncProperty(fc.array(step, { ...length, size: 'max' }), async (steps) => {
    const frames: MemoryFrames = new Map();
    let model = new Model();
    let committed = new Model();
    let engine = await openCommands(frames);
    let made = 0;

    const chosen = (states: ReadonlyArray<ModelJob['state']>, among: number): string | undefined => {
      const fitting = [...model.jobs].filter(([, { state }]) => states.includes(state));
      return fitting[among % Math.max(fitting.length, 1)]?.[0];
    };
    const slotOf = (id: string): number => engine.table.ids.find(id);
    const end = (id: string, verdict: (Command & { kind: 'end' })['verdict']): void => {
      const slot = slotOf(id);
      engine.carryOut({ kind: 'end', slot, token: engine.table.tokenOf(slot) as number, verdict, report: undefined });
    };

    for (const next of steps) {
      switch (next.kind) {
        case 'graph': {
          const jobs: NewJob[] = [];
          for (const edges of next.parents) {
            // An edge leads to a job that was made before, to one that is gone, or to one that never was.
            const parents = new Map(
              edges.map(([n, on]) => [`job-${n % (made + 2)}`, { id: `job-${n % (made + 2)}`, on }]),
            );
            const id = `job-${made++}`;
            parents.delete(id);
            const job = { id, parents: [...parents.values()].filter((parent) => parent.id !== `job-${made}`) };
            jobs.push(newJob(job.id, job.parents));
            model.jobs.set(id, {
              state: 'waiting',
              isUnreachable: false,
              hasStarted: false,
              isCancelling: false,
              seen: 'free',
              parents: job.parents,
            });
            model.settle();
          }
          engine.carryOut({ kind: 'enqueue', jobs, settle });
          break;
        }
        case 'start': {
          const free = [...engine.startable];
          const slot = free[next.pick % Math.max(free.length, 1)];
          if (slot === undefined) break;
          const job = model.jobs.get(engine.table.ids.of(slot)) as ModelJob;
          engine.startable.delete(slot);
          engine.carryOut({
            kind: 'start',
            slot,
            order: engine.table.orderOf(slot),
            hold: { queue: 'default', lane: 'inline', key: undefined, route: undefined },
          });
          job.state = 'running';
          job.hasStarted = true;
          break;
        }
        case 'complete':
        case 'die': {
          const id = chosen(['running'], next.pick);
          if (id === undefined) break;
          const job = model.jobs.get(id) as ModelJob;
          if (next.kind === 'complete') {
            end(id, { kind: 'completed', result: undefined, followUps: undefined, policy: DEFAULT_POLICY });
            job.state = job.isCancelling ? 'cancelled' : 'completed';
          } else {
            end(id, {
              kind: 'failed',
              error: { name: 'Error', message: 'x' },
              policy: { ...DEFAULT_POLICY, maxAttempts: 1 },
            });
            job.state = job.isCancelling ? 'cancelled' : 'dead';
          }
          job.isCancelling = false;
          break;
        }
        case 'cancel':
        case 'cancelAll': {
          const id = chosen(['waiting', 'running'], next.pick);
          if (id === undefined) break;
          const descendants = next.kind === 'cancelAll';
          for (const member of descendants ? model.descendants(id) : [id]) {
            const job = model.jobs.get(member) as ModelJob;
            if (job.state === 'waiting') job.state = 'cancelled';
            if (job.state === 'running') job.isCancelling = true;
          }
          engine.carryOut({ kind: 'cancel', id, reason: undefined, descendants, settle });
          break;
        }
        case 'revive': {
          const id = chosen(['completed', 'cancelled', 'dead'], next.pick);
          if (id === undefined) break;
          const job = model.jobs.get(id) as ModelJob;
          if (model.reach(job) !== 'unreachable') {
            job.state = 'waiting';
            job.isUnreachable = false;
          }
          engine.carryOut({ kind: 'change', ids: [id], change: { kind: 'revive', attempts: 'reset' }, settle });
          break;
        }
        case 'clear': {
          const id = chosen(['completed', 'cancelled', 'dead'], next.pick);
          if (id === undefined) break;
          if (!model.isNeeded(id)) model.forget(id);
          engine.carryOut({ kind: 'change', ids: [id], change: { kind: 'clear' }, settle });
          break;
        }
        case 'commit':
        case 'restart':
          await engine.log.commit();
          committed = model.copy();
          if (next.kind === 'restart') engine = await openCommands(frames);
          break;
        case 'kill':
          engine = await openCommands(frames);
          model = committed.copy();
          break;
      }
      model.settle();
      for (const [id, { state }] of model.jobs) {
        assert.equal(engine.table.stateOf(slotOf(id)), state, `${id} after ${JSON.stringify(next)}`);
      }
      assert.equal(engine.table.size, model.jobs.size);
      const free = [...model.jobs].filter(([, job]) => job.state === 'waiting' && model.reach(job) === 'free');
      assert.deepEqual(
        [...engine.startable].map((slot) => engine.table.ids.of(slot)).sort(),
        free.map(([id]) => id).sort(),
        `who may start after ${JSON.stringify(next)}`,
      );
    }
  });
}
