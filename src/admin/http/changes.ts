/** What changes jobs that are there: cancel, retry, revive, update, forget. */
import { z } from 'zod';
import type { ChangeOutcome, JobUpdate } from '../../index.ts';
import { filter, filterOf, stored } from './jobs.ts';
import { codeOf } from './problem.ts';
import { route, type Answer, type Route, type Site } from './route.ts';
import { duration, ids, job, jobId, moment, outcomes } from './schemas.ts';

const params = z.strictObject({ id: jobId });

const OF_MANY = {
  retry: 'Makes waiting jobs due now, and runs finished ones again.',
  promote: 'Makes waiting jobs due now.',
  clear: 'Forgets finished jobs.',
  delete: 'Forgets jobs that do not run.',
} as const;

export const changeRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/jobs/:id/cancel',
    id: 'cancelJob',
    tag: 'jobs',
    summary: 'Cancels a job: a waiting one never starts, a running one sees its signal.',
    params,
    body: z.strictObject({ reason: z.string().max(1_000).optional(), descendants: z.boolean().optional() }).default({}),
    answers: {
      200: {
        description: 'Whether it was cancelled; false when it had ended otherwise.',
        schema: z.strictObject({ cancelled: z.boolean(), job }),
      },
    },
    async handle({ params: { id }, body: { reason, descendants }, site }) {
      const cancelled = await site.engine.cancel(id, reason, { descendants: descendants ?? false });
      return { status: 200, body: { cancelled, job: await stored(site, id) } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/:id/retry',
    id: 'retryJob',
    tag: 'jobs',
    summary: 'Makes a waiting job due now, or runs a finished one again.',
    params,
    body: z.strictObject({}).default({}),
    answers: { 200: { description: 'The job as it is now.', schema: job } },
    async handle({ params: { id }, site }) {
      return single(site, id, await site.engine.retry([id]));
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/jobs/:id',
    id: 'deleteJob',
    tag: 'jobs',
    summary: 'Forgets a job that does not run.',
    params,
    answers: { 204: { description: 'It is forgotten.' } },
    async handle({ params: { id }, site }) {
      const [outcome] = await site.engine.delete([id]);
      if (outcome?.ok === false) throw outcome.error;
      return { status: 204 };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/revive',
    id: 'reviveJobs',
    tag: 'jobs',
    summary: 'Lets dead, cancelled or completed jobs wait again. For each id it is said whether it was done.',
    body: z.strictObject({
      ids,
      attempts: z.enum(['reset', 'keep']).optional().meta({ description: 'Whether it begins a new series.' }),
    }),
    answers: { 200: { description: 'What became of each.', schema: outcomes } },
    async handle({ body: { ids: chosen, attempts }, site }) {
      const revived = await site.engine.revive(chosen, attempts === undefined ? {} : { attempts });
      return { status: 200, body: { outcomes: revived.map(outcomeView) } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/purge',
    id: 'purgeJobs',
    tag: 'jobs',
    summary: 'Forgets all jobs that a filter means and that do not run. A filter without a word is refused.',
    body: z.strictObject(filter),
    answers: {
      200: {
        description: 'How many; kept are those that run, or that unfinished others wait for.',
        schema: z.strictObject({ removed: z.number(), kept: z.number() }),
      },
    },
    handle: async ({ body, site }) => ({ status: 200, body: await site.engine.purge(filterOf(body)) }),
  }),
  ...(['retry', 'promote', 'clear', 'delete'] as const).map(many),
  route({
    method: 'POST',
    path: '/v1/jobs/:id',
    id: 'updateJob',
    tag: 'jobs',
    summary: 'Changes a waiting job: its priority, its moment, its payload. What is not named stays.',
    params,
    body: z.strictObject({
      priority: z.number().int().optional(),
      delay: duration.optional(),
      runAt: moment.optional(),
      payload: z.unknown().optional(),
    }),
    answers: { 200: { description: 'The job as it is now.', schema: job } },
    async handle({ params: { id }, body, site }) {
      await site.engine.update(id, body as JobUpdate);
      return { status: 200, body: await stored(site, id) };
    },
  }),
];

function many(verb: keyof typeof OF_MANY): Route {
  return route({
    method: 'POST',
    path: `/v1/jobs/${verb}`,
    id: `${verb}Jobs`,
    tag: 'jobs',
    summary: `${OF_MANY[verb]} For each id it is said whether it was done.`,
    body: z.strictObject({ ids }),
    answers: { 200: { description: 'What became of each.', schema: outcomes } },
    async handle({ body, site }): Promise<Answer> {
      return { status: 200, body: { outcomes: (await site.engine[verb](body.ids)).map(outcomeView) } };
    },
  });
}

export function outcomeView(outcome: ChangeOutcome): object {
  if (outcome.ok) return { id: outcome.id, ok: true };
  return { id: outcome.id, ok: false, error: { code: codeOf(outcome.error), message: outcome.error.message } };
}

async function single(site: Site, id: string, [outcome]: readonly ChangeOutcome[]): Promise<Answer> {
  if (outcome?.ok === false) throw outcome.error;
  return { status: 200, body: await stored(site, id) };
}
