/** The methods of the engine: each asks the journal, or reads what is durable. */
import type { JobEnd, NewJob, Settle, TakenIds, WaitAnswer } from './actors/messages.ts';
import type { Dependencies } from './actors/dependencies.ts';
import type { Runner } from './actors/runner.ts';
import type { Throughput } from './actors/throughput.ts';
import type { Admission } from './admission.ts';
import { changingMethods } from './changing.ts';
import { isDefinition, type AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError, JobCancelledError, JobFailedError, JobNotFoundError, rebuildError } from './errors.ts';
import { eventMethods, type EventParts } from './events.ts';
import type { Engine, JobHandles, JobPage, ListFilter } from './face.ts';
import { planGraph, type GraphNodes } from './graph.ts';
import { JobHandle } from './handle.ts';
import { checkFlag, checkObject, oneOf } from './job/check.ts';
import { checkId } from './job/name.ts';
import { backUp } from './log/backup.ts';
import { sequenceOf } from './log/frame.ts';
import type { Home } from './log/home.ts';
import type { JobOptions } from './job-options.ts';
import { checkMiddleware, type Middleware } from './middleware.ts';
import type { Settings } from './options.ts';
import { queueMethods, type QueueMethodParts } from './queue-methods.ts';
import { createReader } from './reader.ts';
import type { Router } from './router.ts';
import { scheduleMethods, type ScheduleMethodParts } from './schedule-methods.ts';

export interface MethodParts extends QueueMethodParts, EventParts {
  readonly home: Home;
  readonly settings: Settings;
  readonly router: Router;
  readonly dependencies: () => Dependencies | undefined;
  readonly throughput: () => Throughput | undefined;
  readonly createId: () => string;
  readonly use: Middleware[];
  readonly admission: Admission;
  readonly runner: Runner;
  readonly askSchedules: ScheduleMethodParts['askSchedules'];
}

type Entry = readonly [job: AnyJobDefinition | string, payload?: unknown, options?: JobOptions];

/** How many entries of `enqueueAll` are checked in one turn. */
const ADMIT_SLICE = 500;

export function engineMethods(parts: MethodParts): Engine {
  const { admission, ask, closing } = parts;
  const isHeldBack = (slot: number): boolean => parts.core()?.isHeldBack(slot) ?? false;
  const reader = createReader({ ...parts, isHeldBack });

  function enqueueOne(job: NewJob): Promise<JobHandle<unknown>> {
    return ask<JobHandle<unknown>>((settle) => ({ kind: 'enqueue', jobs: [job], settle: handleOfFirst(settle) }));
  }

  /** Not a `then`, which would make a second promise for each job. */
  function handleOfFirst(settle: Settle<JobHandle<unknown>>): Settle<TakenIds> {
    return {
      resolve: (ids) => settle.resolve(handleOf(ids, 0)),
      reject: (error) => settle.reject(error),
    };
  }

  function handleOf(ids: TakenIds, n: number): JobHandle<unknown> {
    return new JobHandle(ids[n] as string, wait, ids.known?.has(n) !== true);
  }

  async function wait(id: string): Promise<unknown> {
    checkId(id);
    for (;;) {
      const answer = await ask<WaitAnswer>((settle) => ({ kind: 'wait', id, settle }), false);
      const end = 'ended' in answer ? answer.ended : await reader.endOf(answer.found);
      if (end !== 'revived') return resultOf(id, end);
    }
  }

  return {
    ...queueMethods(parts),
    ...eventMethods(parts),
    path: parts.home.path,
    salvaged: parts.home.salvaged,
    closing: closing.signal,
    // Not an async function: at a hundred thousand calls a second each promise less is seen.
    enqueue(job: AnyJobDefinition | string, payload?: unknown, options?: JobOptions) {
      try {
        const admitted = admission.admit(job, payload, options);
        const handle = admitted instanceof Promise ? admitted.then(enqueueOne) : enqueueOne(admitted);
        return handle as Promise<JobHandle<never>>;
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
    },
    async enqueueAll(entries: readonly unknown[]) {
      if (!Array.isArray(entries)) {
        throw new InvalidArgumentError({
          field: 'entries',
          expected: 'a list of [job, payload, options]',
          got: entries,
        });
      }
      const jobs: NewJob[] = [];
      const later: Array<Promise<unknown>> = [];
      for (let index = 0; index < entries.length; index++) {
        const [job, payload, options] = checkEntry(entries[index], index);
        const admitted = admission.admit(job, payload, options);
        if (admitted instanceof Promise) {
          const validated = admitted.then((valid) => (jobs[index] = valid));
          // If an entry behind it is refused at once, nobody waits for it any more.
          validated.catch(() => undefined);
          later.push(validated);
        } else jobs[index] = admitted;
        // Others get their turn while a hundred thousand payloads are checked and encoded.
        if (index % ADMIT_SLICE === ADMIT_SLICE - 1) await new Promise<void>((resolve) => parts.clock.turn(resolve));
      }
      if (later.length > 0) await Promise.all(later);
      const ids = await ask<TakenIds>((settle) => ({ kind: 'enqueue', jobs, settle }));
      return ids.map((_id, n) => handleOf(ids, n)) as JobHandles<never>;
    },
    async enqueueGraph(nodes) {
      const planned = planGraph(nodes as unknown as GraphNodes, parts.createId);
      const jobs = await Promise.all(
        planned.map(async ({ job, payload, options }) => admission.admit(job, payload, options)),
      );
      const ids = await ask<TakenIds>((settle) => ({ kind: 'enqueue', jobs, settle }));
      return Object.fromEntries(planned.map(({ key }, n) => [key, handleOf(ids, n)])) as never;
    },
    ...scheduleMethods(parts),
    async graph(id) {
      checkId(id);
      return reader.graph(id);
    },
    register(...definitions) {
      for (const [index, definition] of definitions.entries()) {
        if (!isDefinition(definition)) {
          const field = `register[${index}]`;
          throw new InvalidArgumentError({ field, expected: 'a definition made by defineJob', got: definition });
        }
        parts.router.add(definition);
      }
      parts.tellDispatcher({ kind: 'routes', areFewer: false });
    },
    unregister(definition, options = {}) {
      if (!isDefinition(definition)) {
        const expected = 'the definition that was registered';
        throw new InvalidArgumentError({ field: 'definition', expected, got: definition });
      }
      checkObject(options, 'options', "{ running: 'interrupt' }");
      const running = oneOf(options.running, 'running', ['finish', 'interrupt', 'lost']);
      parts.router.remove(definition);
      parts.tellDispatcher({ kind: 'routes', areFewer: true });
      if (running === 'finish') return;
      const isLost = running === 'lost';
      const message = isLost ? 'whoever ran it is gone' : 'its handler was taken away';
      parts.runner.abortOf(definition, { kind: 'interrupted', message }, isLost);
    },
    handlers: () => parts.router.all().map(({ type }) => type),
    use(...middleware) {
      checkMiddleware(middleware, 'use');
      parts.use.push(...middleware);
    },
    async cancel(id, reason, options = {}) {
      checkId(id);
      checkObject(options, 'options', '{ descendants: true }');
      const { descendants = false } = options;
      checkFlag(descendants, 'descendants');
      if (reason !== undefined && typeof reason !== 'string') {
        throw new InvalidArgumentError({ field: 'reason', expected: 'a text', got: reason });
      }
      return ask<boolean>((settle) => ({ kind: 'cancel', id, reason, descendants, settle }));
    },
    ...changingMethods({
      ask,
      admission,
      listing: () => ({ ...parts, isHeldBack, table: parts.log().table, dependencies: parts.dependencies() }),
    }),
    stats: () => reader.stats(),
    queueStats: () => reader.queueStats(),
    counts: (of = {}) => reader.counts(of),
    async get(id: string) {
      checkId(id);
      return reader.get(id) as Promise<never>;
    },
    list: (filter: ListFilter = {}) => reader.list(filter) as Promise<JobPage<never, never, never>>,
    wait,
    async backup(to, { onProgress } = {}) {
      await ask<void>((settle) => ({ kind: 'flush', settle }));
      const { headPosition, durablePosition } = parts.log();
      const total = sequenceOf(durablePosition) - sequenceOf(headPosition) + 1;
      const tell = (done: number): void => onProgress?.({ step: 'frames', done, total: Math.max(done, total) });
      return backUp(parts.home.path, to, () => parts.log().durableFrames(), parts.clock, tell);
    },
    async close(options = {}) {
      checkObject(options, 'options', "{ drain: '5s' }");
      return closing.begin(options);
    },
    async [Symbol.asyncDispose]() {
      await closing.begin({});
    },
  };
}

function checkEntry(entry: unknown, index: number): Entry {
  if (Array.isArray(entry)) return entry as unknown as Entry;
  throw new InvalidArgumentError({
    field: `entries[${index}]`,
    expected: 'a list [job, payload, options]',
    got: entry,
  });
}

function resultOf(id: string, end: JobEnd | undefined): unknown {
  switch (end?.state) {
    case 'completed':
      return end.result === undefined ? undefined : JSON.parse(end.result);
    case 'cancelled':
      throw new JobCancelledError({ id, reason: end.reason });
    case 'dead':
      throw new JobFailedError({ id, reason: end.reason, cause: end.error && rebuildError(end.error) });
    case undefined:
      throw new JobNotFoundError(id);
  }
}
