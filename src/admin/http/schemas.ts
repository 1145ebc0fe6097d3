/** The shapes of what comes in and goes out. They check what comes in, and the OpenAPI document is made of all of them. */
import { z } from 'zod';
import { PROBLEM_CODES } from './problem.ts';

export const jobId = z
  .string()
  .regex(/^[A-Za-z0-9_.:@-]{1,128}$/, 'expected 1 to 128 of the characters A-Z a-z 0-9 _ . : @ -')
  .meta({ description: 'The id of a job.', example: '01K9ZQ8T5V6W7X8Y9ZABCDEFGH' });
export const name = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'expected 1 to 128 of the characters A-Z a-z 0-9 _ . : -');
export const duration = z
  .union([z.number().int().nonnegative(), z.string().max(64)])
  .meta({ description: "Milliseconds, or a text such as '5m'." });
export const moment = z
  .union([z.number().int(), z.string().max(64)])
  .meta({ description: 'Epoch milliseconds, or an ISO text with its zone.' });
export const state = z.enum(['waiting', 'running', 'completed', 'cancelled', 'dead']);

/** A number in a query. */
export function queryNumber(least: number, most: number): z.ZodType<number, unknown> {
  const digits = z.string().regex(/^-?\d{1,16}$/, `expected an integer from ${least} to ${most}`);
  return digits
    .transform(Number)
    .pipe(z.number().int().min(least).max(most))
    .meta({
      override: { type: 'integer', minimum: least, maximum: most },
    });
}
export const queryFlag = z.enum(['true', 'false']).transform((word) => word === 'true');

export const retryOptions = z.strictObject({
  attempts: z.number().int().min(1).optional().meta({ description: 'How many attempts may fail.' }),
  backoff: z.unknown().optional().meta({ description: 'As the library takes it, in plain data.' }),
  mode: z.enum(['all', 'retryable']).optional(),
});

export const key = z.string().min(1).max(128);

export const newJob = z
  .strictObject({
    type: name,
    payload: z.unknown().optional(),
    id: jobId.optional(),
    ifExists: z.enum(['reject', 'return']).optional(),
    queue: name.optional(),
    key: key.optional().meta({ description: 'Whom it belongs to.' }),
    priority: z.number().int().min(-2147483648).max(2147483647).optional(),
    delay: duration.optional(),
    runAt: moment.optional(),
    deadline: moment.optional(),
    after: z
      .array(
        z.union([
          jobId,
          z.strictObject({
            id: jobId,
            on: z.enum(['success', 'failure', 'always']).optional(),
            as: jobId.optional(),
          }),
        ]),
      )
      .max(1_000)
      .optional(),
    unique: z
      .union([key, z.strictObject({ key, mode: z.enum(['keep', 'reject', 'replace', 'keepLast']).optional() })])
      .optional()
      .meta({ description: 'At most one unfinished job of its type has this key.' }),
    idempotencyKey: z
      .union([key, z.strictObject({ key, window: duration.optional() })])
      .optional()
      .meta({ description: 'The same again within 10 minutes, or the window, gives the first job.' }),
    tags: z.array(key).max(16).optional(),
    timeout: z.union([duration, z.literal('none')]).optional(),
    retry: retryOptions.optional(),
    trace: z.strictObject({ traceparent: z.string(), tracestate: z.string().optional() }).optional(),
  })
  .meta({ id: 'NewJob', description: 'A job to be enqueued. What is left out is as its type or queue has it.' });

export const job = z
  .looseObject({
    id: jobId,
    type: name,
    queue: name,
    state,
    face: z.string().optional().meta({ description: 'Of a waiting job: why it does not run.' }),
    priority: z.number().int(),
    payload: z.unknown().optional(),
    attempts: z.number().int(),
    maxAttempts: z.number().int().nullable().meta({ description: 'null for no limit.' }),
    timeoutMs: z.number().nullable().meta({ description: 'null for no limit.' }),
    starts: z.number().int(),
    crashes: z.number().int(),
    interrupts: z.number().int(),
    snoozes: z.number().int(),
    createdAt: z.number().int().meta({ description: 'Epoch ms, as all that ends in At.' }),
    dueAt: z.number().optional(),
    deadlineAt: z.number().optional(),
    startedAt: z.number().optional(),
    finishedAt: z.number().optional(),
    progress: z.unknown().optional(),
    checkpoint: z.unknown().optional(),
    result: z.unknown().optional(),
    errors: z.array(z.looseObject({ name: z.string(), message: z.string(), at: z.number(), start: z.number() })),
    reason: z.string().optional(),
  })
  .meta({ id: 'Job', description: 'A job as it is stored.' });

export const jobPage = z
  .strictObject({
    jobs: z.array(job),
    cursor: z.string().optional().meta({ description: 'Given when there may be more; ask again with it.' }),
  })
  .meta({ id: 'JobPage' });

export const outcome = z
  .strictObject({
    id: z.string(),
    ok: z.boolean(),
    error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'Outcome', description: 'What became of one of several ids.' });
export const outcomes = z.strictObject({ outcomes: z.array(outcome) }).meta({ id: 'Outcomes' });
export const ids = z.array(jobId).min(1).max(1_000);

export const problem = z
  .strictObject({
    error: z.strictObject({
      code: z.enum(PROBLEM_CODES),
      message: z.string(),
      details: z.looseObject({ code: z.string().optional() }),
    }),
  })
  .meta({ id: 'Problem', description: 'The one envelope of errors; `details.code` is the code of the library.' });

export const typeStats = z
  .looseObject({
    type: z.string(),
    active: z.number(),
    waiting: z.number(),
    running: z.number(),
    completed: z.number(),
    cancelled: z.number(),
    dead: z.number(),
  })
  .meta({ id: 'TypeStats' });
