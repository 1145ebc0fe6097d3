/** Jobs over HTTP: add, look, list. */
import { z } from 'zod';
import type { JobOptions, JobView, ListFilter } from '../../index.ts';
import { Problem } from './problem.ts';
import { route, type Route, type Site } from './route.ts';
import { job, jobId, jobPage, key, name, newJob, queryNumber, state } from './schemas.ts';

const params = z.strictObject({ id: jobId });
const addition = newJob.safeExtend({
  payload_base64: z
    .base64()
    .optional()
    .meta({ description: 'The JSON of the payload in base64, instead of `payload`.' }),
});

/** Which jobs are meant. */
export const filter = {
  state: state.optional(),
  type: name.optional(),
  queue: name.optional(),
  face: z.enum(['ready', 'scheduled', 'retrying', 'blocked', 'held']).optional(),
  key: key.optional(),
  tag: key.optional(),
  unique: key.optional(),
  idempotencyKey: key.optional(),
  since: z.string().max(64).optional().meta({ description: 'Accepted then or later: epoch ms, or an ISO text.' }),
};

export function filterOf<Given extends { readonly since?: string | undefined }>(
  given: Given,
): Omit<Given, 'since'> & { readonly since?: string | number } {
  const { since, ...rest } = given;
  return { ...rest, ...(since !== undefined && { since: /^\d+$/.test(since) ? Number(since) : since }) };
}

export const jobRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/v1/jobs',
    id: 'addJob',
    tag: 'jobs',
    summary: 'Enqueues a job; it is on the disk when this is answered.',
    body: addition,
    headers: { 'Idempotency-Key': 'The same again within 10 minutes gives the job of the first.' },
    answers: {
      201: { description: 'It was accepted.', schema: job },
      200: { description: 'A job that was there before stands for it: by its id or one of its keys.', schema: job },
    },
    async handle({ body, request, site }) {
      const { type, payload: plain, payload_base64: base64, ...options } = body;
      const payload = base64 === undefined ? plain : payloadOf(base64, plain);
      const repeated = request.headers.get('idempotency-key') ?? undefined;
      const asked = { ...options, ...(repeated !== undefined && { idempotencyKey: repeated }) } as JobOptions;
      const handle = await site.engine.enqueue(type, payload, asked);
      return {
        status: handle.isNew ? 201 : 200,
        body: await stored(site, handle.id),
        headers: { location: locationOf(site, handle.id) },
      };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/batch',
    id: 'addJobs',
    tag: 'jobs',
    summary: 'Enqueues several jobs, all or none.',
    body: z.strictObject({ jobs: z.array(newJob).min(1).max(10_000) }),
    answers: {
      201: { description: 'All were accepted, in this order.', schema: z.strictObject({ ids: z.array(z.string()) }) },
    },
    async handle({ body, site }) {
      const handles = await site.engine.enqueueAll(
        body.jobs.map(({ type, payload, ...options }) => [type, payload, options as JobOptions] as const),
      );
      return { status: 201, body: { ids: (handles as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id) } };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: 'jobs',
    summary: 'Stored jobs in the order in which they were accepted. The filter comes before the limit.',
    query: z.strictObject({
      ...filter,
      limit: queryNumber(1, 1_000).optional(),
      cursor: z.string().max(32).optional(),
      stream: z.literal('ndjson').optional().meta({ description: 'All that match, one a line, without a limit.' }),
    }),
    answers: {
      200: { description: 'A page, or with `stream=ndjson` a job on each line.', schema: jobPage },
    },
    async handle({ query, site }) {
      const { stream, ...rest } = query;
      const asked = filterOf(rest);
      if (stream === 'ndjson') return streamed(site, asked);
      const { jobs, cursor } = await site.engine.list(asked);
      return { status: 200, body: { jobs: jobs.map((view) => shown(site, view)), ...(cursor && { cursor }) } };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:id',
    id: 'getJob',
    tag: 'jobs',
    summary: 'One job, with its errors, its log, its progress and its result.',
    params,
    answers: { 200: { description: 'The job.', schema: job } },
    async handle({ params: { id }, site }) {
      return { status: 200, body: await stored(site, id) };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:id/graph',
    id: 'getGraph',
    tag: 'jobs',
    summary: 'A job with all it waits for and all that wait for it.',
    params,
    answers: { 200: { description: 'The jobs that hang together.', schema: z.looseObject({ total: z.number() }) } },
    async handle({ params: { id }, site }) {
      const graph = await site.engine.graph(id);
      if (graph === undefined) throw missing(id);
      return { status: 200, body: graph };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:id/explain',
    id: 'explainJob',
    tag: 'jobs',
    summary: 'Why a job does not run, and when that can change.',
    params,
    answers: {
      200: {
        description: 'All reasons that hold now.',
        schema: z.strictObject({ id: jobId, state, reasons: z.array(z.looseObject({})) }),
      },
    },
    async handle({ params: { id }, site }) {
      const explanation = await site.engine.explain(id);
      if (explanation === undefined) throw missing(id);
      return { status: 200, body: explanation };
    },
  }),
];

function payloadOf(base64: string, plain: unknown): unknown {
  const refuse = (reason: string): never => {
    throw new Problem(400, 'invalid_argument', `payload_base64: ${reason}.`, { field: 'payload_base64', reason });
  };
  if (plain !== undefined) return refuse('payload_both_set');
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as unknown;
  } catch {
    return refuse('it is not the base64 of JSON');
  }
}

export async function stored(site: Site, id: string): Promise<object> {
  const view = await site.engine.get(id);
  if (view === undefined) throw missing(id);
  return shown(site, view);
}

function missing(id: string): Problem {
  return new Problem(404, 'not_found', `There is no job ${id}.`, { code: 'HOLDFAST_JOB_NOT_FOUND', id });
}

/** A job as it is told: without its bodies where they are secret. */
export function shown({ settings }: Site, view: JobView): Partial<JobView> {
  if (!settings.hideBodies) return view;
  const { payload: _payload, checkpoint: _checkpoint, result: _result, progress: _progress, log: _log, ...rest } = view;
  return rest;
}

function locationOf({ settings }: Site, id: string): string {
  return `${settings.basePath}/v1/jobs/${encodeURIComponent(id)}`;
}

/** One job a line, a page read at a time and only as fast as they are taken. */
function streamed(site: Site, filter: ListFilter): Response {
  const release = site.claimStream();
  let cursor: string | undefined;
  let isLast = false;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (isLast) {
        release();
        return controller.close();
      }
      const page = await site.engine.list({ limit: 200, ...filter, ...(cursor && { cursor }) });
      cursor = page.cursor;
      isLast = cursor === undefined;
      const lines = page.jobs.map((view) => `${JSON.stringify(shown(site, view))}\n`).join('');
      controller.enqueue(encoder.encode(lines));
    },
    cancel: release,
  });
  return new Response(body, { headers: { 'content-type': 'application/x-ndjson' } });
}
