// The document of the API is true: every operation in it is asked, and answers as it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROUTES } from '../../src/admin/http/app.ts';
import { defineJob, TerminateError } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';
import { askerOf } from '../support/admin.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters?: ReadonlyArray<{ name: string; in: string; required: boolean; schema: object }>;
  readonly requestBody?: { required: boolean };
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: object }>> }>>;
}

const fails = defineJob({
  type: 'fails',
  run() {
    throw new TerminateError('no');
  },
});
const works = defineJob({ type: 'works', run: () => ({ done: true }) });

/** What each operation is asked with, and what it then answers. One that is missing here fails the test. */
const ASKED: Readonly<Record<string, readonly (readonly [path: string, body: unknown, status: number])[]>> = {
  ping: [['/ping', undefined, 200]],
  health: [['/healthz', undefined, 200]],
  readiness: [['/readyz', undefined, 200]],
  info: [['/v1/info', undefined, 200]],
  retryPolicies: [['/v1/retry-policies', undefined, 200]],
  stats: [['/v1/stats', undefined, 200]],
  // The command line's test asks it where it is allowed: through the socket.
  backup: [],
  // And the test of workers these.
  joinWorkers: [],
  leaveWorkers: [],
  tellAttempt: [],
  explainJob: [['/v1/jobs/waits/explain', undefined, 200]],
  listQueues: [['/v1/queues', undefined, 200]],
  createQueue: [
    [
      '/v1/queues',
      { name: 'slow', concurrency: 2, maxEntries: 100, whenFull: 'dropOldest', rate: { limit: 1, per: '1s' } },
      201,
    ],
  ],
  getQueue: [['/v1/queues/slow', undefined, 200]],
  configureQueue: [['/v1/queues/slow', { concurrency: null, maxAge: '1d', perKey: { concurrency: 1 } }, 200]],
  pauseQueue: [['/v1/queues/slow/pause', { reason: 'holiday', for: '1h' }, 200]],
  resumeQueue: [['/v1/queues/slow/resume', undefined, 200]],
  purgeQueue: [['/v1/queues/slow/purge', { reason: 'too many' }, 200]],
  pause: [['/v1/pause', undefined, 204]],
  resume: [['/v1/resume', { by: 'ada' }, 200]],
  listSchedules: [['/v1/schedules?limit=10', undefined, 200]],
  putSchedule: [
    ['/v1/schedules', { name: 'nightly', cron: '0 3 * * *', tz: 'Europe/Oslo', catchUp: 'all', type: 'later' }, 201],
    ['/v1/schedules', { name: 'nightly', cron: '0 4 * * *', type: 'later', priority: 5, retry: { attempts: 2 } }, 200],
    ['/v1/schedules', { name: 'old', every: '1h', catchUp: { max: 3 }, overlap: 'queue', type: 'later' }, 201],
  ],
  getSchedule: [['/v1/schedules/nightly', undefined, 200]],
  deleteSchedule: [['/v1/schedules/old', undefined, 204]],
  updateSchedule: [['/v1/schedules/nightly', { cron: '0 5 * * *', payload: { n: 2 } }, 200]],
  backfillSchedule: [
    [
      '/v1/schedules/nightly/backfill',
      { from: '2025-01-01T00:00:00Z', to: '2025-01-08T00:00:00Z', max: 10, dryRun: true },
      200,
    ],
  ],
  previewSchedule: [['/v1/schedules/nightly/preview?count=3', undefined, 200]],
  pauseSchedule: [['/v1/schedules/nightly/pause', { reason: 'holiday' }, 200]],
  resumeSchedule: [['/v1/schedules/nightly/resume', { catchUp: 'none' }, 200]],
  triggerSchedule: [['/v1/schedules/nightly/trigger', undefined, 201]],
  addJob: [
    ['/v1/jobs', { type: 'later', id: 'new', payload: { a: [1, null, 'x'] }, delay: '1h', priority: -3 }, 201],
    ['/v1/jobs', { type: 'later', id: 'new', ifExists: 'return' }, 200],
    [
      '/v1/jobs',
      { type: 'later', idempotencyKey: 'once', tags: ['a', 'b'], unique: { key: 'u', mode: 'keepLast' } },
      201,
    ],
    ['/v1/jobs', { type: 'later', idempotencyKey: { key: 'once', window: '1h' } }, 200],
    ['/v1/jobs', { type: 'later', key: 'tenant', unique: 'u' }, 200],
    ['/v1/jobs', { type: 'later', payload_base64: Buffer.from('{"b":2}').toString('base64') }, 201],
    ['/v1/jobs', { type: 'later', retry: { attempts: 2, backoff: [100, 200] }, timeout: 'none' }, 201],
    ['/v1/jobs', { type: 'later', after: ['new', { id: 'dead', on: 'always', as: 'first' }] }, 201],
  ],
  addJobs: [['/v1/jobs/batch', { jobs: [{ type: 'later' }, { type: 'later', payload: 2 }] }, 201]],
  listJobs: [
    ['/v1/jobs', undefined, 200],
    ['/v1/jobs?face=scheduled&key=k&tag=t&since=2020-01-01T00:00:00Z', undefined, 200],
    ['/v1/jobs?state=dead&type=fails&queue=default&limit=1', undefined, 200],
  ],
  getJob: [['/v1/jobs/dead', undefined, 200]],
  getGraph: [['/v1/jobs/dead/graph', undefined, 200]],
  cancelJob: [
    ['/v1/jobs/waits/cancel', { reason: 'not needed', descendants: true }, 200],
    ['/v1/jobs/dead/cancel', undefined, 200],
  ],
  retryJob: [['/v1/jobs/waits/retry', undefined, 200]],
  retryJobs: [['/v1/jobs/retry', { ids: ['waits', 'nobody'] }, 200]],
  promoteJobs: [['/v1/jobs/promote', { ids: ['new', 'nobody'] }, 200]],
  updateJob: [['/v1/jobs/waits', { priority: 7, delay: '1m', payload: [1] }, 200]],
  purgeJobs: [['/v1/jobs/purge', { type: 'nothing', state: 'dead' }, 200]],
  deleteJobs: [['/v1/jobs/delete', { ids: ['nobody'] }, 200]],
  reviveJobs: [['/v1/jobs/revive', { ids: ['dead'] }, 200]],
  clearJobs: [['/v1/jobs/clear', { ids: ['done', 'waits'] }, 200]],
  deleteJob: [['/v1/jobs/old', undefined, 204]],
  followEvents: [['/v1/events?since=0', undefined, 200]],
};

test('every operation answers as the document says', async (t) => {
  const site = await openTestEngine(t, { jobs: [fails, works] });
  await Promise.allSettled(
    (
      await site.jobs.enqueueAll([
        [fails, undefined, { id: 'dead' }],
        [works, undefined, { id: 'done' }],
        [works, undefined, { id: 'old' }],
      ])
    ).map((handle) => handle.result()),
  );
  const jobs = await site.restart({});
  await jobs.enqueue('later', undefined, { id: 'waits' });
  const ask = askerOf(jobs);
  const document = (await (await ask('GET', '/v1/openapi.json')).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object> };
  };
  assert.equal(document.openapi, '3.1.0');
  const seen = new Set<string>();
  let count = 0;
  for (const methods of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const examples = ASKED[operation.operationId];
      assert.ok(examples, `${operation.operationId} is asked with nothing`);
      assert.ok(!seen.has(operation.operationId), 'operations have names of their own');
      seen.add(operation.operationId);
      for (const [path, body, status] of examples) {
        const response = await ask(method.toUpperCase(), path, body);
        const what = `${operation.operationId} ${path}`;
        count += 1;
        if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
          const text = await response.text();
          assert.equal(response.status, status, `${what}: ${text}`);
          holdsTo(operation.operationId, status, text, what);
        } else {
          await response.body?.cancel();
        }
        const told = operation.responses[status];
        assert.ok(told, `${what} answers ${status}, which is not in the document`);
        const type = response.headers.get('content-type');
        assert.deepEqual(Object.keys(told.content ?? {}), type === null ? [] : [type], what);
      }
      if (operation.requestBody?.required === true && examples.length > 0) {
        const path = examples[0]?.[0] ?? '';
        assert.equal((await ask(method.toUpperCase(), path, undefined)).status, 400, 'a body that is required');
        await refused(await ask(method.toUpperCase(), path, { unheard: 1 }), 400, 'invalid_argument');
      }
      if (method === 'get' && operation.operationId !== 'followEvents') {
        const path = examples[0]?.[0] ?? '';
        await refused(await ask('GET', `${path}?unheard=1`), 400, 'invalid_argument');
      }
    }
  }
  assert.deepEqual([...seen].sort(), ROUTES.map(({ id }) => id).sort());
  assert.deepEqual(unresolved(document), [], 'every $ref leads to something');
  t.diagnostic(`${seen.size} operations, ${count} requests`);
});

/** The body, held against the very schema that the document is made of. */
function holdsTo(id: string, status: number, text: string, what: string): void {
  const schema = ROUTES.find((route) => route.id === id)?.answers[status]?.schema;
  if (schema === undefined) return assert.equal(text, '', what);
  const verdict = schema.safeParse(JSON.parse(text));
  assert.ok(verdict.success, `${what}: ${verdict.error?.message}`);
}

async function refused(response: Response, status: number, code: string): Promise<void> {
  const body = (await response.json()) as { error: { code: string; message: string; details: object } };
  assert.deepEqual([response.status, body.error.code], [status, code]);
  assert.deepEqual(Object.keys(body), ['error']);
  assert.deepEqual(Object.keys(body.error), ['code', 'message', 'details']);
}

function unresolved(document: { components: { schemas: object } }): string[] {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
  return refs.filter((ref) => !Object.hasOwn(document.components.schemas, ref.replace('#/components/schemas/', '')));
}

test('what is refused says so in one envelope, with the code of the library', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  await jobs.enqueue('x', undefined, { id: 'x' });
  const cases: readonly (readonly [string, string, unknown, number, string, string?])[] = [
    ['GET', '/v1/jobs/nobody', undefined, 404, 'not_found', 'HOLDFAST_JOB_NOT_FOUND'],
    ['POST', '/v1/jobs/nobody/cancel', {}, 404, 'not_found', 'HOLDFAST_JOB_NOT_FOUND'],
    ['POST', '/v1/jobs', { type: 'x', id: 'x' }, 409, 'duplicate', 'HOLDFAST_JOB_EXISTS'],
    ['DELETE', '/v1/jobs/nobody', undefined, 404, 'not_found', 'HOLDFAST_JOB_NOT_FOUND'],
    ['POST', '/v1/jobs/x', { priority: 1, type: 'y' }, 400, 'invalid_argument'],
    ['POST', '/v1/jobs/x', { delay: '1m', runAt: 1 }, 400, 'invalid_argument', 'HOLDFAST_INVALID_ARGUMENT'],
    ['POST', '/v1/jobs/purge', {}, 400, 'invalid_argument', 'HOLDFAST_INVALID_ARGUMENT'],
    ['POST', '/v1/schedules/nobody', { limit: 1 }, 404, 'not_found', 'HOLDFAST_SCHEDULE_NOT_FOUND'],
    ['POST', '/v1/jobs', { type: 'not a type' }, 400, 'invalid_argument'],
    ['POST', '/v1/jobs', { type: 'x', delay: 'soon' }, 400, 'invalid_argument', 'HOLDFAST_INVALID_ARGUMENT'],
    ['POST', '/v1/jobs', { type: 'x', payload: 1, payload_base64: 'MQ==' }, 400, 'invalid_argument'],
    ['POST', '/v1/jobs', { type: 'x', payload_base64: 'e30=e30=' }, 400, 'invalid_argument'],
    ['GET', '/v1/jobs?limit=1001', undefined, 400, 'invalid_argument'],
    ['GET', '/v1/jobs?limit=0', undefined, 400, 'invalid_argument'],
    ['GET', '/v1/jobs?state=lost', undefined, 400, 'invalid_argument'],
    ['GET', '/v1/jobs?cursor=%21', undefined, 400, 'invalid_argument', 'HOLDFAST_INVALID_ARGUMENT'],
    ['POST', '/v1/jobs/retry', { ids: [] }, 400, 'invalid_argument'],
    ['POST', '/v1/jobs/retry', { ids: Array.from({ length: 1_001 }, () => 'x') }, 400, 'invalid_argument'],
    ['GET', '/v1/jobs/nobody/explain', undefined, 404, 'not_found', 'HOLDFAST_JOB_NOT_FOUND'],
    ['POST', '/v1/queues', { name: 'default' }, 409, 'duplicate'],
    ['GET', '/v1/queues/nobody', undefined, 404, 'not_found', 'HOLDFAST_QUEUE_NOT_FOUND'],
    ['POST', '/v1/queues/nobody', { weight: 2 }, 404, 'not_found', 'HOLDFAST_QUEUE_NOT_FOUND'],
    ['POST', '/v1/queues/nobody/pause', {}, 404, 'not_found', 'HOLDFAST_QUEUE_NOT_FOUND'],
    ['GET', '/v1/schedules/nobody', undefined, 404, 'not_found', 'HOLDFAST_SCHEDULE_NOT_FOUND'],
    ['DELETE', '/v1/schedules/nobody', undefined, 404, 'not_found', 'HOLDFAST_SCHEDULE_NOT_FOUND'],
    [
      'POST',
      '/v1/schedules',
      { name: 'n', cron: 'often', type: 'x' },
      400,
      'invalid_argument',
      'HOLDFAST_INVALID_ARGUMENT',
    ],
    ['GET', '/v1/nothing', undefined, 404, 'not_found'],
    ['DELETE', '/v1/info', undefined, 405, 'method_not_allowed'],
  ];
  for (const [method, path, body, status, code, own] of cases) {
    const response = await ask(method, path, body);
    const { error } = (await response.json()) as { error: { code: string; details: { code?: string } } };
    assert.deepEqual([response.status, error.code, error.details.code], [status, code, own], `${method} ${path}`);
  }
  assert.equal((await jobs.list()).jobs.length, 1, 'and nothing was stored');
});

test('what fails inside is told to the app and not to the one who asks', async (t) => {
  const { jobs } = await openTestEngine(t);
  const heard: unknown[] = [];
  const secret = new Error('the password is 12345');
  const ask = askerOf(
    new Proxy(jobs, {
      get: (target, name) => (name === 'get' ? () => Promise.reject(secret) : (target as never)[name]),
    }),
    { onError: (error) => heard.push(error) },
  );
  const response = await ask('GET', '/v1/jobs/x');
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /12345|at .*\.js/);
  assert.deepEqual(heard, [secret]);
});

test('a closed engine is unavailable, and not ready', async (t) => {
  const site = await openTestEngine(t);
  const ask = askerOf(site.jobs);
  await site.close();
  assert.equal((await ask('GET', '/v1/jobs')).status, 503);
  assert.equal((await ask('GET', '/healthz')).status, 200);
  const ready = await ask('GET', '/readyz');
  assert.deepEqual(
    [ready.status, await ready.json()],
    [503, { ready: false, checks: { store: { ok: false, code: 'HOLDFAST_CLOSED' } } }],
  );
});

test('the same Idempotency-Key gives the same job, and is not mixed up with another', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  const add = async (key: string): Promise<[number, string]> => {
    const response = await ask('POST', '/v1/jobs', { type: 'x' }, { 'idempotency-key': key });
    return [response.status, ((await response.json()) as { id: string }).id];
  };
  const [[created, first], [found, second], [other, third]] = [await add('a'), await add('a'), await add('b')];
  assert.deepEqual([created, found, other], [201, 200, 201]);
  assert.equal(first, second);
  assert.notEqual(first, third);
  assert.equal((await ask('POST', '/v1/jobs', { type: 'x' }, { 'idempotency-key': 'x'.repeat(129) })).status, 400);
});

test('all jobs that match come one a line, a page read at a time', async (t) => {
  const { jobs } = await openTestEngine(t);
  await jobs.enqueueAll(Array.from({ length: 450 }, (_, n) => ['x', n, { queue: n % 2 ? 'odd' : 'even' }] as const));
  const text = await (await askerOf(jobs)('GET', '/v1/jobs?stream=ndjson&queue=odd')).text();
  const payloads = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { payload: number }).payload);
  assert.deepEqual(
    payloads,
    Array.from({ length: 225 }, (_, n) => 2 * n + 1),
  );
});

test('a location leads to the job that was added, also where it is mounted', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs, { basePath: '/admin' });
  const response = await ask('POST', '/admin/v1/jobs', { type: 'x', id: 'a@b:c' });
  const location = response.headers.get('location') ?? '';
  assert.equal(location, '/admin/v1/jobs/a%40b%3Ac');
  assert.equal(((await (await ask('GET', location)).json()) as { id: string }).id, 'a@b:c');
});
