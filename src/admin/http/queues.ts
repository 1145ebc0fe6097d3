/** Queues over HTTP: make, look, configure, pause, purge; and pausing the whole engine. */
import { z } from 'zod';
import type { PauseOptions, QueueChanges, QueueView, ResumeOptions } from '../../index.ts';
import { codeOf, Problem } from './problem.ts';
import { route, type Route, type Site } from './route.ts';
import { duration, moment, name, retryOptions } from './schemas.ts';

const params = z.strictObject({ name });
const rate = z.union([z.strictObject({ limit: z.number().int().positive(), per: duration }), z.literal('none')]);
const limit = z
  .union([duration, z.literal('none')])
  .nullable()
  .optional();
const changes = {
  concurrency: z.number().int().positive().nullable().optional(),
  timeout: limit,
  retry: retryOptions.nullable().optional(),
  weight: z.number().positive().nullable().optional(),
  minimum: z.number().int().nonnegative().nullable().optional(),
  aging: limit,
  rate: rate.nullable().optional(),
  perKey: z
    .strictObject({ concurrency: z.number().int().positive().optional(), rate: rate.optional() })
    .nullable()
    .optional(),
  maxEntries: z.number().int().positive().nullable().optional(),
  whenFull: z.enum(['reject', 'dropOldest']).nullable().optional(),
  maxAge: limit,
};
const queue = z
  .looseObject({
    name: z.string(),
    settings: z.looseObject({ concurrency: z.number().nullable(), weight: z.number() }),
    paused: z.looseObject({ at: z.number() }).optional(),
    isConsumed: z.boolean(),
    counts: z.looseObject({ waiting: z.number(), running: z.number(), dead: z.number() }),
  })
  .meta({
    id: 'Queue',
    description: 'What holds for it: what is stored, what the app said, the defaults. null is no limit.',
  });
const pausing = z
  .strictObject({
    by: z.string().max(200).optional(),
    reason: z.string().max(1_000).optional(),
    until: moment.optional(),
    for: duration.optional(),
  })
  .default({});
const resuming = z.strictObject({ by: z.string().max(200).optional() }).default({});
const resumed = z.strictObject({ resumed: z.boolean().meta({ description: 'false when it was not paused.' }) });

export const queueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/queues',
    id: 'listQueues',
    tag: 'queues',
    summary: 'All queues: their settings, pauses, jobs by state, and how long the oldest has been ready.',
    answers: { 200: { description: 'A row for each.', schema: z.strictObject({ queues: z.array(queue) }) } },
    async handle({ site: { engine } }) {
      const [queues, stats] = await Promise.all([engine.queues(), engine.queueStats()]);
      const activity = new Map(stats.map((row) => [row.queue, row]));
      const rows = queues.map((view) => {
        const { oldestReadyMs, throughput } = activity.get(view.name) ?? {};
        return { ...view, oldestReadyMs, throughput };
      });
      return { status: 200, body: { queues: rows } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/queues',
    id: 'createQueue',
    tag: 'queues',
    summary: 'Makes a queue with stored settings.',
    body: z.strictObject({ name, ...changes }),
    answers: { 201: { description: 'It was made.', schema: queue } },
    async handle({ body: { name: asked, ...settings }, site: { engine } }) {
      if ((await known(engine, asked)) !== undefined) {
        throw new Problem(409, 'duplicate', `There is a queue ${asked} already.`, { reason: 'queue_already_exists' });
      }
      return { status: 201, body: await engine.configureQueue(asked, settings as QueueChanges) };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/queues/:name',
    id: 'getQueue',
    tag: 'queues',
    summary: 'One queue.',
    params,
    answers: { 200: { description: 'The queue.', schema: queue } },
    async handle({ params: { name: asked }, site }) {
      return { status: 200, body: await site.engine.queue(asked) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/queues/:name',
    id: 'configureQueue',
    tag: 'queues',
    summary: 'Changes stored settings; what is not named stays, null forgets what was stored.',
    params,
    body: z.strictObject(changes),
    answers: { 200: { description: 'The queue.', schema: queue } },
    async handle({ params: { name: asked }, body, site }) {
      const view = await site.engine.configureQueue(asked, body as QueueChanges, { ifMissing: 'refuse' });
      return { status: 200, body: view };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/queues/:name/pause',
    id: 'pauseQueue',
    tag: 'queues',
    summary: 'Starts nothing more of a queue; what runs goes on. Kept over restarts.',
    params,
    body: pausing,
    answers: { 200: { description: 'The queue.', schema: queue } },
    async handle({ params: { name: asked }, body, site: { engine } }) {
      await engine.queue(asked);
      await engine.pause({ ...body, queue: asked } as PauseOptions);
      return { status: 200, body: await engine.queue(asked) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/queues/:name/resume',
    id: 'resumeQueue',
    tag: 'queues',
    summary: 'Ends the pause of a queue.',
    params,
    body: resuming,
    answers: { 200: { description: 'Whether it was paused.', schema: resumed } },
    async handle({ params: { name: asked }, body, site }) {
      return { status: 200, body: { resumed: await site.engine.resume({ ...body, queue: asked } as ResumeOptions) } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/queues/:name/purge',
    id: 'purgeQueue',
    tag: 'queues',
    summary: 'Cancels all jobs that wait in a queue.',
    params,
    body: z.strictObject({ reason: z.string().max(1_000).optional() }).default({}),
    answers: { 200: { description: 'How many.', schema: z.strictObject({ cancelled: z.number() }) } },
    handle: async ({ params: { name: asked }, body, site }) => ({
      status: 200,
      body: { cancelled: await purge(site, asked, body.reason) },
    }),
  }),
  route({
    method: 'POST',
    path: '/v1/pause',
    id: 'pause',
    tag: 'engine',
    summary: 'Starts nothing more at all; what runs goes on. Kept over restarts.',
    body: pausing,
    answers: { 204: { description: 'It is paused.' } },
    async handle({ body, site }) {
      await site.engine.pause(body as PauseOptions);
      return { status: 204 };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/resume',
    id: 'resume',
    tag: 'engine',
    summary: 'Ends the pause of the engine; queues that are paused themselves stay so.',
    body: resuming,
    answers: { 200: { description: 'Whether it was paused.', schema: resumed } },
    async handle({ body, site }) {
      return { status: 200, body: { resumed: await site.engine.resume(body as ResumeOptions) } };
    },
  }),
];

async function known(engine: Site['engine'], asked: string): Promise<QueueView | undefined> {
  return engine.queue(asked).catch((error: unknown) => {
    if (codeOf(error) === 'HOLDFAST_QUEUE_NOT_FOUND') return undefined;
    throw error;
  });
}

/** A page at a time; what comes meanwhile is behind the last page and stays. */
async function purge({ engine }: Site, asked: string, reason: string | undefined): Promise<number> {
  await engine.queue(asked);
  let cancelled = 0;
  let cursor: string | undefined;
  do {
    const page = await engine.list({ queue: asked, state: 'waiting', limit: 1_000, cursor });
    const done = await Promise.all(page.jobs.map(({ id }) => engine.cancel(id, reason).catch(() => false)));
    cancelled += done.filter(Boolean).length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return cancelled;
}
