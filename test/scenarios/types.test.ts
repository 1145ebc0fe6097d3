// The types of the public face. What must not compile stands under a `@ts-expect-error`, so that the build checks it:
// an error that is not there is an error of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import {
  command,
  defineJob,
  open,
  type CommandOutput,
  type Engine,
  type JobDefinition,
  type JobHandle,
  type Middleware,
} from '../../src/index.ts';

/** Compiles only if the two are one type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_isSame: Same<A, B>): void {
  // The compiler has done it.
}
type TypesOf<Job> = Job extends JobDefinition<infer Payload, infer Result> ? [Payload, Result] : never;
/** Compiles only if the definition has exactly this payload and this result. */
function defines<Expected extends [unknown, unknown]>() {
  return <Job>(_job: Job, _isSame: Same<Expected, TypesOf<Job>>): void => undefined;
}
/** Compiles only if the value is of exactly this type. */
function exactly<Expected>() {
  return <Actual>(_value: Actual, _isSame: Same<Expected, Actual>): void => undefined;
}

const fromGenerics = defineJob<{ readonly folder: string }, { readonly imported: number }>({
  type: 'from-generics',
  run: ({ folder }) => ({ imported: folder.length }),
});
const onThread = defineJob<{ readonly folder: string }, { readonly imported: number }>({
  type: 'on-thread',
  worker: new URL('../support/handlers/echo.js', import.meta.url),
});
const fromParameter = defineJob({
  type: 'from-parameter',
  run: async (payload: { readonly to: string; readonly cc?: string }, { signal }) => ({
    sent: payload.to,
    ok: signal.aborted,
  }),
});
const fromSchema = defineJob({
  type: 'from-schema',
  payload: z.object({ to: z.string(), tries: z.coerce.number<string>().optional() }),
  run: (payload) => {
    same<typeof payload, { to: string; tries?: number | undefined }>(true);
    return payload.tries ?? 0;
  },
});
const withoutPayload = defineJob({ type: 'without-payload', run: () => 'done' });
const optionalPayload = defineJob({ type: 'optional', run: (n: number | undefined) => n ?? 0 });
const withoutResult = defineJob({ type: 'without-result', run: async (_: string) => Promise.resolve() });

const program = defineJob({
  type: 'program',
  run: command('ffmpeg', ({ path }: { readonly path: string }) => ['-i', path]),
});
const checkedProgram = defineJob({
  type: 'checked-program',
  payload: z.object({ path: z.string() }),
  run: command('ffmpeg', ({ path }) => ['-i', path]),
});
const jsonProgram = defineJob<string, { readonly width: number }>({
  type: 'json-program',
  run: command('probe', (path) => [path], { output: 'json' }),
});

test('definitions know their payloads and results', () => {
  defines<[{ readonly folder: string }, { readonly imported: number }]>()(fromGenerics, true);
  defines<[{ readonly folder: string }, { readonly imported: number }]>()(onThread, true);
  defines<[{ readonly to: string; readonly cc?: string }, { sent: string; ok: boolean }]>()(fromParameter, true);
  defines<[{ to: string; tries?: string | undefined }, number]>()(fromSchema, true);
  defines<[undefined, string]>()(withoutPayload, true);
  defines<[string, void]>()(withoutResult, true);
  defines<[number, string]>()(enqueuesMore, true);
  defines<[{ readonly path: string }, CommandOutput]>()(program, true);
  defines<[{ path: string }, CommandOutput]>()(checkedProgram, true);
  defines<[string, { readonly width: number }]>()(jsonProgram, true);

  // @ts-expect-error -- exactly one of run and worker
  assert.throws(() => defineJob({ type: 'neither' }));
  // @ts-expect-error -- exactly one of run and worker
  assert.throws(() => defineJob({ type: 'both', run: () => 1, worker: '/x.js' }));
  // @ts-expect-error -- a type is a must
  assert.throws(() => defineJob({ run: () => 1 }));
  // @ts-expect-error -- a priority is a number
  assert.throws(() => defineJob({ type: 'x', priority: 'high', run: () => 1 }));
  // @ts-expect-error -- no such mode
  assert.throws(() => defineJob({ type: 'x', retry: { mode: 'some' }, run: () => 1 }));
});

const enqueuesMore = defineJob<number, string>({
  type: 'enqueues-more',
  use: [
    async (payload, { job }, next) => {
      exactly<number>()(payload, true);
      const result = await next();
      exactly<string>()(result, true);
      return result + String(job.attempt);
    },
    // Middleware of any type will do as well.
    (async (_payload, _context, next) => next()) satisfies Middleware,
  ],
  async run(_n, { enqueue }) {
    await enqueue(fromGenerics, { folder: 'x' }, { atEnd: true });
    await enqueue(withoutPayload);
    await enqueue('any:type', { what: 'ever' });
    // @ts-expect-error -- the payload is missing
    await enqueue(fromGenerics);
    // @ts-expect-error -- a property is of another type
    await enqueue(fromParameter, { to: 5 });
    return 'done';
  },
});

/** Never called: it only has to compile, or not. */
async function enqueues(jobs: Engine): Promise<void> {
  const handle = await jobs.enqueue(fromGenerics, { folder: 'x' });
  exactly<JobHandle<{ readonly imported: number }>>()(handle, true);
  const { imported } = await (await jobs.enqueue(onThread, { folder: 'x' }, { priority: 1 })).result();
  exactly<number>()(imported, true);
  const sent = await (await jobs.enqueue(fromParameter, { to: 'x' })).result();
  exactly<{ sent: string; ok: boolean }>()(sent, true);
  const tries = await (await jobs.enqueue(fromSchema, { to: 'x', tries: '3' })).result();
  exactly<number>()(tries, true);
  const done = await (await jobs.enqueue(withoutPayload)).result();
  exactly<string>()(done, true);
  await jobs.enqueue(withoutPayload, undefined, { delay: '5m' });
  await jobs.enqueue(optionalPayload);
  await jobs.enqueue(optionalPayload, 5);
  const unknownResult = await (await jobs.enqueue('any:type', { what: 'ever' }, { id: 'x' })).result();
  exactly<unknown>()(unknownResult, true);

  // @ts-expect-error -- the payload is missing
  await jobs.enqueue(fromGenerics);
  // @ts-expect-error -- a property is missing
  await jobs.enqueue(fromGenerics, {});
  // @ts-expect-error -- a property is of another type
  await jobs.enqueue(fromParameter, { to: 5 });
  // @ts-expect-error -- what the validator takes, not what it gives
  await jobs.enqueue(fromSchema, { to: 'x', tries: 3 });
  // @ts-expect-error -- there is no payload
  await jobs.enqueue(withoutPayload, 5);
  // @ts-expect-error -- an option that does not exist
  await jobs.enqueue(withoutPayload, undefined, { prioritiy: 5 });
  // @ts-expect-error -- a delay in parsecs
  await jobs.enqueue(withoutPayload, undefined, { delay: '5 parsecs' });
  // @ts-expect-error -- a definition is made by defineJob
  await jobs.enqueue({ type: 'x' }, 5);
}

async function enqueuesLists(jobs: Engine): Promise<void> {
  const [first, second, third] = await jobs.enqueueAll([
    [fromGenerics, { folder: 'x' }],
    [withoutPayload],
    ['any:type', { what: 'ever' }, { id: 'x' }],
  ]);
  exactly<JobHandle<{ readonly imported: number }>>()(first, true);
  exactly<JobHandle<string>>()(second, true);
  exactly<JobHandle<unknown>>()(third, true);
  const many = await jobs.enqueueAll(['a', 'b'].map((folder) => [fromGenerics, { folder }] as const));
  const { imported } = (await many[0]?.result()) ?? { imported: 0 };
  exactly<number>()(imported, true);

  // @ts-expect-error -- the payload is missing
  await jobs.enqueueAll([[fromGenerics]]);
  // @ts-expect-error -- a property is of another type
  await jobs.enqueueAll([[withoutPayload], [fromParameter, { to: 5 }]]);
  // @ts-expect-error -- there is no payload
  await jobs.enqueueAll([[withoutPayload, 5]]);
  // @ts-expect-error -- entries are lists
  await jobs.enqueueAll([withoutPayload]);
}

async function reads(jobs: Engine): Promise<void> {
  const view = await jobs.get('x');
  if (view?.state === 'completed') same<typeof view.result, unknown>(true);
  const { jobs: page } = await jobs.list({ type: fromGenerics });
  exactly<{ readonly folder: string } | undefined>()(page[0]?.payload, true);
  for await (const event of jobs.events({ since: 0 })) exactly<number>()(event.seq, true);

  const one = await jobs.get('x', fromGenerics);
  exactly<{ readonly folder: string } | undefined>()(one?.payload, true);
  exactly<{ readonly imported: number } | undefined>()(one?.result, true);
  exactly<{ readonly imported: number }>()(await jobs.wait('x', fromGenerics), true);
  exactly<unknown>()(await jobs.wait('x'), true);

  // @ts-expect-error -- a state that does not exist
  await jobs.list({ state: 'ready' });
  // @ts-expect-error -- a kind that does not exist
  for await (const { kind } of jobs.events()) if (kind === 'finished') break;
  // @ts-expect-error -- a job may be missing
  exactly<unknown>()(view.result, true);
}

async function opens(): Promise<void> {
  await using jobs = await open(':memory:', {
    jobs: [fromGenerics, onThread, fromSchema, withoutPayload],
    queues: { a: { concurrency: 1 } },
  });
  // @ts-expect-error -- a queue has no priority
  await open(jobs.path, { queues: { a: { priority: 1 } } });
  // @ts-expect-error -- no such durability
  await open(jobs.path, { durability: 'none' });
}

test('the calls above compile, and those that must not do not', () => {
  for (const call of [enqueues, enqueuesLists, reads, opens]) assert.equal(typeof call, 'function');
});
