/** The mixed load of the soak: every kind of job, at moments by chance, and a person who looks in and tidies up. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Engine, JobHandle, JobOptions } from '../../src/index.ts';
import type { Dice } from '../crash/dice.ts';
import type { Notebook } from '../crash/notes.ts';
import type { Work } from '../crash/work.ts';
import type { SoakNote } from './notes.ts';

/** Ids that end with it belong to jobs that are followed by another. */
export const HAS_NEXT = '@';
/** The work of a schedule's jobs. */
export const PLAIN: Work = {
  steps: 1,
  stepMs: 5,
  failures: 0,
  hasFollowUp: false,
  killsAfter: 0,
  life: 0,
  padding: '',
};

export interface LoadParts {
  readonly engine: Engine;
  readonly notes: Notebook<SoakNote>;
  readonly dice: Dice;
  /** With which the ids of this life begin. */
  readonly name: string;
  readonly beatMs: number;
  readonly longestMs: number;
}

type Entry = readonly [type: string, payload: Work, options: JobOptions & { readonly id: string }];

export class Load {
  readonly #parts: LoadParts;
  #isStopped = false;
  #number = 0;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Goes on until it is stopped. A beat does not wait for the one before it. */
  async putOn(): Promise<void> {
    const { dice, beatMs } = this.#parts;
    while (!this.#isStopped) {
      this.#beat().catch(tolerate);
      await pause(-Math.log(1 - dice.next()) * beatMs);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #beat(): Promise<void> {
    const { dice } = this.#parts;
    const shape = dice.next();
    if (shape < 0.45) return this.#enqueue([this.#entry({})]);
    if (shape < 0.55) return this.#enqueue([this.#entry({}, 'threaded')]);
    if (shape < 0.7) return this.#later(dice.between(20, Math.min(20_000, this.#parts.longestMs)));
    if (shape < 0.73) return this.#later(dice.between(1000, this.#parts.longestMs));
    if (shape < 0.8) return this.#enqueue(Array.from({ length: dice.between(2, 6) }, () => this.#entry({})));
    if (shape < 0.84) return this.#graph();
    if (shape < 0.9) return this.#unique();
    if (shape < 0.93) return this.#twice();
    if (shape < 0.95) return this.#enqueue([this.#entry({ queue: 'rated' })]);
    if (shape < 0.98) return this.#look();
    return this.#tidy();
  }

  #later(delay: number): Promise<void> {
    return this.#enqueue([this.#entry({ delay })], Date.now() + delay);
  }

  async #enqueue(entries: readonly Entry[], notBefore = Date.now()): Promise<void> {
    const { engine, notes, dice } = this.#parts;
    const ids = entries.map(([, , { id }]) => id);
    notes.write({ kind: 'enqueue', ids, notBefore });
    const [first] = entries;
    const handles =
      entries.length === 1 && first !== undefined ? [await engine.enqueue(...first)] : await engine.enqueueAll(entries);
    notes.write({ kind: 'accepted', ids, notBefore });
    for (const handle of handles) this.#attend(handle, dice.chance(0.06) ? dice.between(0, 30) : undefined);
  }

  /** Two jobs and one that waits for both. */
  async #graph(): Promise<void> {
    const { engine, notes } = this.#parts;
    const [left, right, whole] = [this.#entry({}), this.#entry({}), this.#entry({})];
    const after = [left[2].id, right[2].id];
    const notBefore = Date.now();
    notes.write({ kind: 'enqueue', ids: after, notBefore });
    notes.write({ kind: 'enqueue', ids: [whole[2].id], notBefore, after });
    const handles = await engine.enqueueGraph({
      left,
      right,
      whole: [whole[0], whole[1], { ...whole[2], after: ['left', 'right'] }],
    });
    notes.write({ kind: 'accepted', ids: [...after, whole[2].id], notBefore });
    for (const handle of Object.values(handles)) this.#attend(handle);
  }

  /** One of a few keys: the job that has it already takes the place of another, or is given a new payload. */
  async #unique(): Promise<void> {
    const { engine, notes, dice } = this.#parts;
    const [type, work, options] = this.#entry({ delay: dice.between(0, 500) });
    const unique = { key: `key:${dice.between(1, 10)}`, mode: dice.oneOf(['keep', 'replace', 'keepLast'] as const) };
    const handle = await engine.enqueue(
      type,
      { ...work, failures: 0, hasFollowUp: false, steps: 0 },
      {
        ...{ priority: options.priority ?? 0, delay: options.delay ?? 0 },
        unique,
      },
    );
    notes.write({ kind: 'accepted', ids: [handle.id], notBefore: 0 });
    if (handle.isNew) this.#attend(handle);
  }

  /** The same call again. */
  async #twice(): Promise<void> {
    const { engine, notes } = this.#parts;
    const [type, work, { id: idempotencyKey, ...options }] = this.#entry({});
    const key = { key: idempotencyKey, window: '30s' } as const;
    const call = (): Promise<JobHandle<unknown>> =>
      engine.enqueue(type, { ...work, hasFollowUp: false }, { ...options, idempotencyKey: key });
    const [first, second] = await Promise.all([call(), call()]);
    assert.equal(first.id, second.id);
    notes.write({ kind: 'accepted', ids: [first.id], notBefore: 0 });
    this.#attend(first);
  }

  /** A person looks. */
  async #look(): Promise<void> {
    const { engine, dice } = this.#parts;
    const { jobs } = await engine.list({ limit: 20 });
    const [one] = jobs;
    if (one !== undefined) await engine.get(one.id);
    if (dice.chance(0.3)) await engine.stats();
    if (dice.chance(0.3)) await engine.queueStats();
  }

  /** A person looks through the dead jobs: some are revived, some cleared. */
  async #tidy(): Promise<void> {
    const { engine, notes, dice } = this.#parts;
    const { jobs } = await engine.list({ state: 'dead', limit: 20 });
    const revived = jobs.slice(0, 2).map(({ id }) => id);
    const cleared = jobs.slice(2, 2 + dice.between(0, 5)).map(({ id }) => id);
    for (const id of revived) notes.write({ kind: 'revive', id });
    if (revived.length > 0) await engine.revive(revived);
    if (cleared.length > 0) await engine.clear(cleared);
  }

  #entry(options: JobOptions, type = 'inline'): Entry {
    const { dice, name } = this.#parts;
    const isLong = dice.chance(0.02);
    const hasFollowUp = dice.chance(0.1);
    const work: Work = {
      steps: isLong ? 20 : dice.between(0, 3),
      stepMs: isLong ? 200 : dice.between(0, 20),
      failures: dice.chance(0.12) ? dice.between(1, 5) : 0,
      ...{ hasFollowUp, killsAfter: 0, life: 0 },
      padding: 'x'.repeat(dice.chance(0.003) ? 100_000 : dice.between(0, 400)),
    };
    const key = dice.chance(0.3) ? { key: `tenant:${dice.between(1, 5)}` } : {};
    const id = `${name}.${++this.#number}${hasFollowUp ? HAS_NEXT : ''}`;
    return [type, work, { priority: dice.between(-3, 3), ...key, ...options, id }];
  }

  /** Waits for the result as a caller would, and may cancel before. */
  #attend(handle: JobHandle<unknown>, cancelAfterMs?: number): void {
    const { engine, notes } = this.#parts;
    const { id } = handle;
    handle.result().then(
      () => notes.write({ kind: 'result', id, state: 'completed' }),
      (error: unknown) => {
        const code = codeOf(error);
        if (code === 'HOLDFAST_JOB_FAILED') notes.write({ kind: 'result', id, state: 'dead' });
        else if (code === 'HOLDFAST_JOB_CANCELLED') notes.write({ kind: 'result', id, state: 'cancelled' });
        else tolerate(error);
      },
    );
    if (cancelAfterMs === undefined) return;
    pause(cancelAfterMs)
      .then(() => {
        notes.write({ kind: 'cancel', id });
        return engine.cancel(id, 'by chance');
      })
      .then((isDone) => {
        if (isDone) notes.write({ kind: 'cancelled', id });
      }, tolerate);
  }
}

/** An engine that closes refuses, and retention forgets; anything else ends the app, which the parent counts as a breach. */
export function tolerate(error: unknown): void {
  if (['HOLDFAST_CLOSED', 'HOLDFAST_JOB_NOT_FOUND'].includes(String(codeOf(error)))) return;
  process.nextTick(() => {
    throw error;
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
