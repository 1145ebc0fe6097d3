/** Schedules over HTTP: make or change, look, list, pause, trigger, delete. */
import { z } from 'zod';
import type { ScheduleJobOptions, ScheduleRule } from '../../index.ts';
import { Problem } from './problem.ts';
import { route, type Answer, type Route, type Site } from './route.ts';
import { duration, jobId, key, moment, name, queryNumber, retryOptions } from './schemas.ts';

const scheduleName = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,96}$/, 'expected 1 to 96 of the characters A-Z a-z 0-9 _ . : -')
  .meta({ description: 'The name of a schedule.' });
const params = z.strictObject({ name: scheduleName });
const catchUp = z
  .union([z.enum(['all', 'latest', 'none']), z.looseObject({})])
  .meta({ description: 'What becomes of runs that were missed.' });

const rule = {
  cron: z.string().max(256).optional(),
  every: duration.optional(),
  tz: z.string().max(64).optional(),
  start: moment.optional(),
  end: moment.optional(),
  limit: z.number().int().positive().optional(),
  catchUp: catchUp.optional(),
  overlap: z.enum(['allow', 'skip', 'queue', 'replace']).optional(),
  tolerance: duration.optional(),
  minGap: duration.optional(),
  jitter: duration.optional(),
};
const newSchedule = z
  .strictObject({
    name: scheduleName,
    type: name,
    payload: z.unknown().optional(),
    ...rule,
    queue: name.optional(),
    priority: z.number().int().optional(),
    key: key.optional(),
    tags: z.array(key).max(16).optional(),
    deadline: duration.optional(),
    timeout: z.union([duration, z.literal('none')]).optional(),
    retry: retryOptions.optional(),
    ifExists: z.enum(['change', 'reject']).default('change'),
  })
  .meta({ id: 'NewSchedule', description: 'A rule, and what each of its jobs is.' });
const schedule = z
  .looseObject({
    name: z.string(),
    state: z.enum(['active', 'paused', 'ended']),
    rule: z.looseObject({}),
    type: z.string(),
    queue: z.string(),
    runs: z.number(),
    nextAt: z.number().optional(),
    skipped: z
      .record(z.string(), z.number())
      .meta({ description: 'Nominal times without a run of their own, by reason.' }),
  })
  .meta({ id: 'Schedule' });

export const scheduleRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/schedules',
    id: 'listSchedules',
    tag: 'schedules',
    summary: 'Stored schedules by name, with their last and next runs and what they skipped.',
    query: z.strictObject({ limit: queryNumber(1, 1_000).optional(), cursor: z.string().max(256).optional() }),
    answers: {
      200: {
        description: 'A page.',
        schema: z.strictObject({ schedules: z.array(schedule), cursor: z.string().optional() }),
      },
    },
    async handle({ query, site }) {
      return { status: 200, body: await site.engine.schedules.list(present(query)) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/schedules',
    id: 'putSchedule',
    tag: 'schedules',
    summary: 'Makes a schedule, or changes the one with this name.',
    body: newSchedule,
    answers: {
      201: { description: 'It was made.', schema: schedule },
      200: { description: 'It was there, and was changed.', schema: schedule },
    },
    async handle({ body, site }) {
      const {
        name: given,
        type,
        payload,
        ifExists,
        queue,
        priority,
        key: owner,
        tags,
        deadline,
        timeout,
        retry,
        ...plan
      } = body;
      const isThere = (await site.engine.schedules.get(given)) !== undefined;
      if (isThere && ifExists === 'reject') {
        throw new Problem(409, 'duplicate', `There is a schedule ${given} already.`, {
          reason: 'schedule_already_exists',
        });
      }
      const options = present({ queue, priority, key: owner, tags, deadline, timeout, retry });
      const made = await site.engine.schedule(
        given,
        plan as ScheduleRule,
        type,
        payload,
        options as ScheduleJobOptions,
      );
      return { status: isThere ? 200 : 201, body: made };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/schedules/:name',
    id: 'getSchedule',
    tag: 'schedules',
    summary: 'One schedule.',
    params,
    answers: { 200: { description: 'The schedule.', schema: schedule } },
    handle: ({ params: { name: asked }, site }) => stored(site, asked),
  }),
  route({
    method: 'POST',
    path: '/v1/schedules/:name',
    id: 'updateSchedule',
    tag: 'schedules',
    summary: 'Changes what is named of its rule, and its payload; the rest stays. It affects what comes after.',
    params,
    body: z.strictObject({ ...rule, payload: z.unknown().optional() }),
    answers: { 200: { description: 'The schedule.', schema: schedule } },
    async handle({ params: { name: asked }, body, site }) {
      return { status: 200, body: await site.engine.schedules.update(asked, present(body) as ScheduleRule) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/schedules/:name/backfill',
    id: 'backfillSchedule',
    tag: 'schedules',
    summary:
      'Makes the jobs of past nominal times, by the ids they would have had; those that are stored are left alone.',
    params,
    body: z.strictObject({
      from: moment,
      to: moment,
      max: z.number().int().positive().optional().meta({ description: 'More than this many are refused; 1,000.' }),
      order: z.enum(['oldest', 'newest']).optional(),
      parallel: z.boolean().optional(),
      dryRun: z.boolean().optional().meta({ description: 'Only counts them.' }),
    }),
    answers: {
      200: { description: 'How many nominal times there are.', schema: z.strictObject({ count: z.number() }) },
    },
    async handle({ params: { name: asked }, body, site }) {
      return { status: 200, body: { count: await site.engine.schedules.backfill(asked, present(body)) } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/schedules/:name',
    id: 'deleteSchedule',
    tag: 'schedules',
    summary: 'Deletes a schedule; its jobs stay.',
    params,
    answers: { 204: { description: 'It is gone.' } },
    async handle({ params: { name: asked }, site }) {
      if (!(await site.engine.schedules.delete(asked))) throw missing(asked);
      return { status: 204 };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/schedules/:name/preview',
    id: 'previewSchedule',
    tag: 'schedules',
    summary: 'The next moments at which it is due.',
    params,
    query: z.strictObject({ count: queryNumber(1, 1_000).optional() }),
    answers: { 200: { description: 'Epoch ms.', schema: z.strictObject({ at: z.array(z.number()) }) } },
    async handle({ params: { name: asked }, query, site }) {
      return { status: 200, body: { at: await site.engine.schedules.preview(asked, present(query)) } };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/schedules/:name/pause',
    id: 'pauseSchedule',
    tag: 'schedules',
    summary: 'Nothing is due until it is resumed, or until `until`.',
    params,
    body: z.strictObject({ reason: z.string().max(1_000).optional(), until: moment.optional() }).default({}),
    answers: { 200: { description: 'The schedule.', schema: schedule } },
    async handle({ params: { name: asked }, body, site }) {
      await site.engine.schedules.pause(asked, present(body));
      return stored(site, asked);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/schedules/:name/resume',
    id: 'resumeSchedule',
    tag: 'schedules',
    summary: 'Goes on; `catchUp` says what becomes of the times that were skipped meanwhile.',
    params,
    body: z.strictObject({ catchUp: catchUp.optional() }).default({}),
    answers: { 200: { description: 'The schedule.', schema: schedule } },
    async handle({ params: { name: asked }, body, site }) {
      await site.engine.schedules.resume(asked, present(body) as { catchUp?: ScheduleRule['catchUp'] });
      return stored(site, asked);
    },
  }),
  route({
    method: 'POST',
    path: '/v1/schedules/:name/trigger',
    id: 'triggerSchedule',
    tag: 'schedules',
    summary: 'Makes a job now, whatever the rule says.',
    params,
    body: z.strictObject({ payload: z.unknown().optional() }).default({}),
    answers: { 201: { description: 'The id of the job.', schema: z.strictObject({ id: jobId }) } },
    async handle({ params: { name: asked }, body, site }) {
      return { status: 201, body: { id: await site.engine.schedules.trigger(asked, present(body)) } };
    },
  }),
];

async function stored({ engine }: Site, asked: string): Promise<Answer> {
  const found = await engine.schedules.get(asked);
  if (found === undefined) throw missing(asked);
  return { status: 200, body: found };
}

function missing(asked: string): Problem {
  const code = 'HOLDFAST_SCHEDULE_NOT_FOUND';
  return new Problem(404, 'not_found', `There is no schedule ${asked}.`, { code, name: asked });
}

type Present<Given> = { [Key in keyof Given]: Exclude<Given[Key], undefined> };

/** Without what was not said. */
function present<Given extends object>(given: Given): Present<Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Present<Given>;
}
