/** The engine itself over HTTP: is it there, is it ready, what is in it. */
import { z } from 'zod';
import { STEPPED } from '../../index.ts';
import { bodyOf, codeOf, Problem, problemOf } from './problem.ts';
import { route, type Route, type Site } from './route.ts';
import { typeStats } from './schemas.ts';

const counts = z.strictObject({
  waiting: z.number(),
  running: z.number(),
  completed: z.number(),
  cancelled: z.number(),
  dead: z.number(),
});
const check = z.strictObject({ ok: z.boolean(), code: z.string().optional() });
const readiness = z.strictObject({ ready: z.boolean(), checks: z.strictObject({ store: check }) });

export const engineRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/ping',
    id: 'ping',
    tag: 'engine',
    summary: 'Whether anybody is there. Needs no token.',
    answers: { 200: { description: 'Yes.', schema: z.strictObject({ success: z.literal(true) }) } },
    handle: () => ({ status: 200, body: { success: true } }),
  }),
  route({
    method: 'GET',
    path: '/healthz',
    id: 'health',
    tag: 'engine',
    summary: 'Whether the process answers; the store is not asked. Needs no token.',
    answers: {
      200: {
        description: 'It does.',
        schema: z.strictObject({ status: z.literal('ok'), time: z.iso.datetime() }),
      },
    },
    handle: ({ site }) => ({
      status: 200,
      body: { status: 'ok', time: new Date(site.clock.now()).toISOString() },
    }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    id: 'readiness',
    tag: 'engine',
    summary: 'Whether the store takes and gives jobs. Needs no token.',
    answers: {
      200: { description: 'It does.', schema: readiness },
      503: { description: 'It does not.', schema: readiness },
    },
    async handle({ site }) {
      const store = await storeCheck(site);
      return { status: store.ok ? 200 : 503, body: { ready: store.ok, checks: { store } } };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/info',
    id: 'info',
    tag: 'engine',
    summary: 'What this engine is, and how many jobs it has.',
    answers: {
      200: {
        description: 'The engine.',
        schema: z.looseObject({
          path: z.string(),
          startedAt: z.number(),
          upMs: z.number(),
          jobs: counts,
          queues: z.number().meta({ description: 'How many there are.' }),
          handlers: z
            .array(z.string())
            .meta({ description: 'Types, and prefixes with their star, that somebody runs.' }),
          paused: z
            .looseObject({ at: z.number() })
            .optional()
            .meta({ description: 'While nothing at all is started; queues have pauses of their own.' }),
        }),
      },
    },
    async handle({ site }) {
      const { engine, clock, startedAt } = site;
      const { waiting, running, completed, cancelled, dead } = await engine.counts();
      const jobs = { waiting, running, completed, cancelled, dead };
      const queues = (await engine.queues()).length;
      const { path, salvaged } = engine;
      const upMs = clock.now() - startedAt;
      const body = { path, startedAt, upMs, salvaged, jobs, queues, handlers: engine.handlers() };
      return { status: 200, body: { ...body, paused: await engine.paused() } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/backup',
    id: 'backup',
    tag: 'engine',
    summary:
      'Copies the log into a new folder of this machine. Only through the local socket: it writes where it is told.',
    query: z.strictObject({
      stream: z
        .literal('ndjson')
        .optional()
        .meta({ description: 'How far it is, a line each time, and last `{ report }` or `{ error }`.' }),
    }),
    body: z.strictObject({ to: z.string().min(1).max(4_096) }),
    answers: {
      201: {
        description: 'It is made.',
        schema: z.looseObject({ path: z.string(), frames: z.number(), bytes: z.number() }),
      },
    },
    async handle({ body, query, site }) {
      if (!site.isTrusted) throw new Problem(403, 'forbidden', 'A backup is asked for through the local socket.');
      if (query.stream !== undefined) return toldBackup(site, body.to);
      return { status: 201, body: await site.engine.backup(body.to) };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/retry-policies',
    id: 'retryPolicies',
    tag: 'engine',
    summary: 'The backoffs that have names, for `retry.backoff`.',
    answers: {
      200: {
        description: 'A delay is `interval × jitter` and up to one interval more, at random.',
        schema: z.strictObject({
          policies: z.array(z.strictObject({ name: z.string(), intervals: z.array(z.number()), jitter: z.number() })),
        }),
      },
    },
    handle: () => ({ status: 200, body: { policies: Object.entries(STEPPED).map(policyView) } }),
  }),
  route({
    method: 'GET',
    path: '/v1/stats',
    id: 'stats',
    tag: 'engine',
    summary: 'How many jobs there are of each type, by state.',
    answers: { 200: { description: 'A row for each type.', schema: z.strictObject({ types: z.array(typeStats) }) } },
    async handle({ site }) {
      return { status: 200, body: { types: await site.engine.stats() } };
    },
  }),
];

type Steps = (typeof STEPPED)[keyof typeof STEPPED];

function policyView([name, { count, jitter, minMs, maxMs }]: readonly [string, Steps]): object {
  const intervals = Array.from({ length: count }, (_, n) => Math.round(minMs + (n * (maxMs - minMs)) / (count - 1)));
  return { name, intervals, jitter };
}

function toldBackup({ engine }: Site, to: string): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (value: object): void => controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
      try {
        send({ report: await engine.backup(to, { onProgress: send }) });
      } catch (error) {
        send(bodyOf(problemOf(error)));
      }
      controller.close();
    },
  });
  return new Response(body, { status: 201, headers: { 'content-type': 'application/x-ndjson' } });
}

async function storeCheck({ engine }: Site): Promise<z.output<typeof check>> {
  try {
    // It reads the folder to its end: a store that has failed or is being opened again refuses.
    await engine.list({ limit: 1 });
    return { ok: true };
  } catch (error) {
    return { ok: false, code: codeOf(error) ?? 'unknown' };
  }
}
