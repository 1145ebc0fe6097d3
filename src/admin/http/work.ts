/** Workers over the local socket: join, tell how attempts go, leave. */
import { z } from 'zod';
import type { FlatError } from '../../index.ts';
import { Problem } from './problem.ts';
import { route, type Route, type Site } from './route.ts';
import { name } from './schemas.ts';
import type { Workers } from './workers.ts';

const worker = z.string().regex(/^[0-9a-f]{32}$/, 'expected the name that was given when it joined');
const routeName = z.union([
  name,
  z.string().regex(/^[A-Za-z0-9_.:-]{0,127}\*$/, 'expected a type, or a prefix and a star'),
]);
const text = z.string().max(16_384);
const flatError: z.ZodType<FlatError> = z.lazy(() =>
  z.strictObject({
    name: text,
    message: text,
    stack: text.optional(),
    code: text.optional(),
    retryAfterMs: z.number().nonnegative().optional(),
    delayMs: z.number().nonnegative().optional(),
    cause: flatError.optional(),
  }),
) as z.ZodType<FlatError>;
const word = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('log'),
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
      lines: z.array(text).max(1_000),
    }),
    z.strictObject({ kind: z.literal('progress'), progress: z.union([z.number(), z.looseObject({})]) }),
    z.strictObject({ kind: z.literal('save'), checkpoint: z.unknown() }),
    z.strictObject({ kind: z.literal('extend'), ms: z.number().positive() }),
    z.strictObject({ kind: z.literal('completed'), result: z.unknown().optional() }),
    z.strictObject({ kind: z.literal('failed'), error: flatError }),
  ])
  .meta({ id: 'AttemptWord', description: 'What a worker says about an attempt.' });

export const workRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/workers',
    id: 'joinWorkers',
    tag: 'workers',
    summary:
      'Runs the jobs of a type that nobody serves, for as long as the answer is read. Only through the local socket.',
    body: z.strictObject({ type: routeName, concurrency: z.number().int().min(1).max(1_000).default(1) }),
    answers: {
      200: { description: 'Attempts, one a line, until it leaves.', type: 'application/x-ndjson', schema: z.string() },
    },
    handle: ({ body: { type, concurrency }, site }) => workersOf(site).join(type, concurrency),
  }),
  route({
    method: 'POST',
    path: '/v1/workers/:worker/leave',
    id: 'leaveWorkers',
    tag: 'workers',
    summary: 'Is handed no more attempts; the stream ends when those under way have.',
    params: z.strictObject({ worker }),
    body: z.strictObject({}).default({}),
    answers: { 204: { description: 'Its type waits for another.' } },
    handle({ params, site }) {
      workersOf(site).leave(params.worker);
      return { status: 204 };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/workers/:worker/attempts/:attempt',
    id: 'tellAttempt',
    tag: 'workers',
    summary: 'Log lines, progress, a checkpoint (durable when it is answered), more time, or the end of an attempt.',
    params: z.strictObject({ worker, attempt: z.string().regex(/^\d{1,15}$/, 'expected the number of an attempt') }),
    body: word,
    answers: { 204: { description: 'It is heard.' } },
    async handle({ params, body, site }) {
      await workersOf(site).tell(params.worker, Number(params.attempt), body);
      return { status: 204 };
    },
  }),
];

/** @throws {Problem} for whoever did not come through the socket: a worker is given every payload of its type */
function workersOf({ workers, isTrusted }: Site): Workers {
  if (isTrusted) return workers;
  throw new Problem(403, 'forbidden', 'Workers come through the local socket.');
}
