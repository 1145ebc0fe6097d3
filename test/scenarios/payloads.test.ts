// What may be given to a job: plain data that JSON keeps as it is, and what the type's validator makes of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineJob, InvalidPayloadError } from '../../src/index.ts';
import { openMovedEngine, openTestEngine } from '../support/engine.ts';

const echo = defineJob({ type: 'echo', run: (payload: unknown) => ({ payload, kind: typeof payload }) });

test('a payload comes to the handler as it was given, also after a restart', async (t) => {
  const site = await openMovedEngine(t, { jobs: [] });
  const payloads: unknown[] = [
    null,
    0,
    -1.5,
    'x',
    '',
    'ключ \u2028 🔑 \ud800',
    true,
    [[]],
    { a: { b: [1, null, 'c'] } },
    { constructor: 1 },
  ];
  const ids: string[] = [];
  for (const payload of payloads) ids.push((await site.jobs.enqueue(echo, payload)).id);
  const jobs = await site.kill({ jobs: [echo] });
  for (const [n, id] of ids.entries()) {
    assert.deepEqual(await jobs.wait(id), { payload: payloads[n], kind: typeof payloads[n] });
    assert.deepEqual((await jobs.get(id))?.payload, payloads[n]);
  }
});

test('undefined is no payload, and is not the same as null', async (t) => {
  const site = await openMovedEngine(t, { jobs: [echo] });
  const none = await site.jobs.enqueue(echo);
  const nothing = await site.jobs.enqueue(echo, null);
  assert.deepEqual(await none.result(), { kind: 'undefined' });
  assert.deepEqual(await nothing.result(), { payload: null, kind: 'object' });
  assert.equal('payload' in ((await site.jobs.get(none.id)) ?? {}), false);
});

test('a handler that changes its payload changes its own copy', async (t) => {
  let failures = 0;
  const job = defineJob({
    type: 'changes',
    retry: { backoff: [0] },
    run(payload: { list: number[] }) {
      payload.list.push(1);
      if (failures++ === 0) throw new Error('once');
      return payload;
    },
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  const payload = { list: [] };
  const handle = await site.jobs.enqueue(job, payload);
  assert.deepEqual(await handle.result(), { list: [1] });
  assert.deepEqual(payload, { list: [] });
  assert.deepEqual((await site.jobs.get(handle.id))?.payload, { list: [] });
});

test('a payload that is changed after the call is stored as it was at the call', async (t) => {
  const site = await openMovedEngine(t, { jobs: [echo] });
  const payload = { n: 1 };
  const accepted = site.jobs.enqueue(echo, payload);
  payload.n = 2;
  assert.deepEqual(await (await accepted).result(), { payload: { n: 1 }, kind: 'object' });
});

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;
let deep: unknown = 1;
for (let n = 0; n < 65; n++) deep = [deep];
const REFUSED: readonly (readonly [what: string, payload: unknown, path: string])[] = [
  ['NaN', { share: NaN }, 'payload.share'],
  ['-0', [-0], 'payload[0]'],
  ['a Date', { user: { born: new Date(0) } }, 'payload.user.born'],
  ['a Map', new Map(), 'payload'],
  ['a bigint', { 'strange key': 1n }, 'payload["strange key"]'],
  ['undefined in a list', [1, undefined], 'payload[1]'],
  ['a function', () => 1, 'payload'],
  ['a symbol', Symbol('s'), 'payload'],
  ['a cycle', cycle, 'payload.self'],
  ['bytes', Buffer.from('x'), 'payload'],
  ['an error', new Error('x'), 'payload'],
  ['what is too large', 'x'.repeat(2 ** 20), 'payload'],
  ['what is too large in UTF-8', 'ü'.repeat(2 ** 19), 'payload'],
];
for (const [what, payload, path] of REFUSED) {
  test(`${what} is refused with the path to it, and nothing is stored`, async (t) => {
    const { jobs } = await openMovedEngine(t);
    await assert.rejects(jobs.enqueue('echo', payload), (error: unknown) => {
      assert.ok(error instanceof InvalidPayloadError);
      assert.equal(error.path, path);
      assert.ok(error.message.startsWith(`${path}: `), error.message);
      return true;
    });
    assert.deepEqual(await jobs.list(), { jobs: [] });
  });
}

test('what is nested too deeply is refused', async (t) => {
  const { jobs } = await openMovedEngine(t);
  await assert.rejects(jobs.enqueue('echo', deep), { code: 'HOLDFAST_INVALID_PAYLOAD' });
});

test('a payload of the largest size allowed goes in and comes out', async (t) => {
  const site = await openMovedEngine(t, { jobs: [], maxBodyBytes: 100_000 });
  const largest = 'x'.repeat(100_000 - 2);
  const { id } = await site.jobs.enqueue('echo', largest);
  await assert.rejects(site.jobs.enqueue('echo', `${largest}x`), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  const jobs = await site.kill({ jobs: [defineJob({ type: 'echo', run: (text: string) => text.length })] });
  assert.equal(await jobs.wait(id), 99_998);
});

const welcome = defineJob({
  type: 'email:welcome',
  payload: z.object({
    to: z.email(),
    name: z.string().trim().default('friend'),
    tries: z.coerce.number().int().optional(),
  }),
  run: ({ to, name, tries }) => ({ to, name, tries }),
});

test('a validator checks the payload, and what it gives back is what is stored', async (t) => {
  const site = await openMovedEngine(t, { jobs: [welcome] });
  const job = await site.jobs.enqueue(welcome, { to: 'ada@example.com', name: '  Ada ', tries: '3' });
  assert.deepEqual((await site.jobs.get(job.id))?.payload, { to: 'ada@example.com', name: 'Ada', tries: 3 });
  assert.deepEqual(await job.result(), { to: 'ada@example.com', name: 'Ada', tries: 3 });
  assert.deepEqual(await (await site.jobs.enqueue(welcome, { to: 'b@example.com' })).result(), {
    to: 'b@example.com',
    name: 'friend',
  });
});

for (const way of ['by its definition', 'by its type', 'in a list']) {
  test(`a payload that the validator refuses is refused ${way}, with its path and its words`, async (t) => {
    const { jobs } = await openMovedEngine(t, { jobs: [welcome] });
    const payload = { to: 'nobody', name: 5 } as never;
    const accepted =
      way === 'by its definition'
        ? jobs.enqueue(welcome, payload)
        : way === 'by its type'
          ? jobs.enqueue('email:welcome', payload)
          : jobs.enqueueAll([
              [welcome, { to: 'a@example.com' }],
              [welcome, payload],
            ]);
    await assert.rejects(accepted, (error: unknown) => {
      assert.ok(error instanceof InvalidPayloadError);
      assert.match(error.path, /^payload\.(to|name)$/);
      assert.match(error.message, /and 1 more/);
      return true;
    });
    assert.deepEqual(await jobs.list(), { jobs: [] });
  });
}

test('a validator may take its time, and jobs keep the order in which they were accepted', async (t) => {
  const slow = defineJob({
    type: 'slow',
    payload: z.string().refine(async (text) => Promise.resolve(text !== 'bad'), 'bad is bad'),
    run: (text) => text.toUpperCase(),
  });
  const site = await openMovedEngine(t, { jobs: [slow] });
  assert.equal(await (await site.jobs.enqueue(slow, 'good')).result(), 'GOOD');
  await assert.rejects(site.jobs.enqueue(slow, 'bad'), { code: 'HOLDFAST_INVALID_PAYLOAD', problem: 'bad is bad' });
});

test('a validator that gives what JSON cannot hold, or fails itself, is refused with a code', async (t) => {
  const bug = new Error('a bug in the validator');
  const failing = (type: string, validate: () => never | Promise<never>) =>
    defineJob({ type, payload: { '~standard': { version: 1, vendor: 'test', validate } }, run: () => 1 });
  const dates = defineJob({ type: 'dates', payload: z.coerce.date(), run: () => 1 });
  const throws = failing('throws', () => {
    throw bug;
  });
  const rejects = failing('rejects', () => Promise.reject(bug));
  const { jobs } = await openMovedEngine(t, { jobs: [dates, throws, rejects] });
  await assert.rejects(jobs.enqueue(dates, 0), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  for (const job of [throws, rejects]) {
    await assert.rejects(jobs.enqueue(job, 0), { code: 'HOLDFAST_INVALID_PAYLOAD', cause: bug });
  }
  assert.deepEqual(await jobs.list(), { jobs: [] });
});

const dates = {
  encode: ({ at }: { at: Date }) => ({ ms: at.getTime() }),
  decode: ({ ms }: { ms: number }) => ({ at: new Date(ms) }),
};

test('a codec stores what JSON would change, and the handler and its middleware get it back, also after a kill', async (t) => {
  const seen: unknown[] = [];
  const job = defineJob({
    type: 'dated',
    codec: dates,
    retry: { backoff: [0] },
    use: [(payload, _context, next) => (seen.push(payload), next())],
    run: ({ at }: { at: Date }) => at.toISOString(),
  });
  const site = await openMovedEngine(t, { jobs: [] });
  const { id } = await site.jobs.enqueue(job, { at: new Date(5) });
  assert.deepEqual((await site.jobs.get(id))?.payload, { ms: 5 });
  const jobs = await site.kill({ jobs: [job] });
  assert.equal(await jobs.wait(id), '1970-01-01T00:00:00.005Z');
  assert.deepEqual(seen, [{ at: new Date(5) }]);
  const byName = await jobs.enqueue('dated', { at: new Date(6) });
  assert.equal(await byName.result(), '1970-01-01T00:00:00.006Z');
});

test('a codec on a thread is what its module exports', async (t) => {
  const job = defineJob<{ at: Date }, string>({
    type: 'dated',
    codec: dates,
    worker: new URL('../support/handlers/dated.js', import.meta.url),
  });
  const { jobs } = await openTestEngine(t, { jobs: [job] });
  const handle = await jobs.enqueue(job, { at: new Date(7) });
  assert.equal(await handle.result(), '1970-01-01T00:00:00.007Z');
});

test('what a codec refuses is not stored, and what it cannot decode fails the attempt', async (t) => {
  const job = defineJob({
    type: 'broken',
    codec: {
      encode: (payload: number) => (payload > 0 ? payload : JSON.parse('{')) as number,
      decode: (stored: number): number => (stored === 1 ? stored : (JSON.parse('{') as number)),
    },
    retry: { attempts: 1 },
    run: (payload: number) => payload,
  });
  const site = await openMovedEngine(t, { jobs: [job] });
  await assert.rejects(site.jobs.enqueue(job, 0), { code: 'HOLDFAST_INVALID_PAYLOAD', problem: 'its codec failed' });
  assert.deepEqual((await site.jobs.list()).jobs, []);
  const failing = await site.jobs.enqueue(job, 2);
  await assert.rejects(failing.result(), { code: 'HOLDFAST_JOB_FAILED' });
  assert.equal(await (await site.jobs.enqueue(job, 1)).result(), 1);
  assert.throws(() => defineJob({ type: 'x', codec: {} as never, run: () => 1 }), {
    code: 'HOLDFAST_INVALID_ARGUMENT',
    message: /encode and decode/,
  });
});
