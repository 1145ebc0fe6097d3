import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as worker from '../../workers/index.ts';
import type { Handler } from '../../workers/index.ts';

test('holdfast/worker has what the module of a handler needs, and nothing else', () => {
  assert.deepEqual(Object.keys(worker).sort(), ['RetryableError', 'SnoozeError', 'TerminateError', 'defineHandler']);
});

test('a handler gets its types in one line', async () => {
  const handler = worker.defineHandler<{ readonly n: number }, number>(({ n }, ctx) => n + ctx.job.attempt);
  const typed: Handler<{ readonly n: number }, number> = handler;
  // @ts-expect-error -- a payload of another type
  const other: Handler<{ readonly n: string }, number> = handler;
  assert.equal(typed, other);
  assert.equal(await typed({ n: 1 }, { job: { attempt: 2 } } as worker.JobContext), 3);
});
