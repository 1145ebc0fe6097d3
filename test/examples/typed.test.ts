/**
 * What the types of the face allow and refuse. The compiler is the test: each line with `@ts-expect-error` must be one,
 * and each declared type must be the inferred one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineJob, open, type EnqueueEntry, type JobContext } from 'holdfast';
import { defineHandler } from 'holdfast/worker';
import { z } from 'zod';

const welcome = defineJob({
  type: 'welcome',
  payload: z.object({ to: z.string() }),
  run: ({ to }) => ({ greeted: to }),
});
const measure = defineJob({
  type: 'measure',
  payload: z.object({ text: z.string().transform((text) => text.length) }),
  run: ({ text }) => text * 2,
});
const step = defineJob<{ to: number }, string, { done: number }>({
  type: 'step',
  async run({ to }, { checkpoint, save }) {
    const done: number = checkpoint?.done ?? 0;
    await save({ done: done + to });
    // @ts-expect-error: the checkpoint has another shape
    if (to < 0) await save({ finished: true });
    return 'done';
  },
});
const tick = defineJob({ type: 'tick', run: () => undefined });

const same = <Type>(value: Type): Type => value;

test('payloads and results are those of the definition', async (t) => {
  const jobs = await open(':memory:', { jobs: [welcome, measure, step, tick] });
  t.after(() => jobs.close());

  const { greeted } = await (await jobs.enqueue(welcome, { to: 'Ada' })).result();
  assert.equal(same<string>(greeted), 'Ada');
  assert.equal(same<number>(await (await jobs.enqueue(measure, { text: 'four' })).result()), 8);
  await jobs.enqueue(tick);
  await jobs.enqueue('any:type', { any: 'payload' });
  // @ts-expect-error: a number is no name
  await assert.rejects(jobs.enqueue(welcome, { to: 5 }), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  // @ts-expect-error: the payload is missing
  await assert.rejects(jobs.enqueue(welcome), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  // @ts-expect-error: what the validator makes of it is not what it takes
  await assert.rejects(jobs.enqueue(measure, { text: 4 }), { code: 'HOLDFAST_INVALID_PAYLOAD' });
});

test('each handle of enqueueAll has the result of its job', async (t) => {
  const jobs = await open(':memory:', { jobs: [welcome, step, tick] });
  t.after(() => jobs.close());

  const [first, second, third, fourth] = await jobs.enqueueAll([
    [welcome, { to: 'Ada' }, { priority: 1 }],
    [step, { to: 1 }],
    [tick],
    ['any:type', 5],
  ]);
  assert.equal(same<string>((await first.result()).greeted), 'Ada');
  assert.equal(same<string>(await second.result()), 'done');
  assert.equal(await third.result(), undefined);
  assert.equal(same<Promise<unknown>>(fourth.result().catch(() => 'closed')) instanceof Promise, true);

  const many = await jobs.enqueueAll(['a', 'b'].map((to) => [welcome, { to }] as const));
  const results = await Promise.all(many.map((handle) => handle.result()));
  assert.deepEqual(
    results.map(({ greeted }) => greeted),
    ['a', 'b'],
  );
  const mixed: EnqueueEntry[] = [[tick], ['any:type', {}]];
  assert.equal((await jobs.enqueueAll(mixed)).length, 2);

  // @ts-expect-error: the payloads are swapped
  await assert.rejects(jobs.enqueueAll([[welcome, { to: 5 }]]), { code: 'HOLDFAST_INVALID_PAYLOAD' });
  // @ts-expect-error: no such job
  await assert.rejects(jobs.enqueueAll([[5]]), { code: 'HOLDFAST_INVALID_ARGUMENT' });
});

test('a list of one type is typed: its payload as it is stored, its checkpoint and its result', async (t) => {
  const jobs = await open(':memory:', { jobs: [measure, step] });
  t.after(() => jobs.close());
  await (await jobs.enqueue(measure, { text: 'four' })).result();
  await (await jobs.enqueue(step, { to: 3 })).result();

  const [measured] = (await jobs.list({ type: measure })).jobs;
  assert.equal(same<number | undefined>(measured?.payload?.text), 4);
  assert.equal(same<number | undefined>(measured?.result), 8);
  const [stepped] = (await jobs.list({ type: step, state: 'completed' })).jobs;
  assert.equal(same<number | undefined>(stepped?.checkpoint?.done), 3);
  assert.equal(same<string | undefined>(stepped?.result), 'done');
  const { jobs: all, cursor } = await jobs.list();
  assert.deepEqual(
    all.map(({ payload }) => same<unknown>(payload)),
    [{ text: 4 }, { to: 3 }],
  );
  assert.deepEqual((await jobs.list({ cursor, state: undefined })).jobs.length, 2);
  // @ts-expect-error: a state that is none
  await assert.rejects(jobs.list({ state: 'done' }), { code: 'HOLDFAST_INVALID_ARGUMENT' });
});

test('a handler of a thread is typed by its module', () => {
  const handler = defineHandler<{ to: number }, number, { done: number }>(({ to }, context) => {
    const typed: JobContext<{ done: number }> = context;
    return to + (typed.checkpoint?.done ?? 0);
  });
  assert.equal(typeof handler, 'function');
  // @ts-expect-error: it promises a number
  assert.equal(typeof defineHandler<undefined, number>(() => 'text'), 'function');
  // @ts-expect-error: one of the two, not both
  assert.throws(() => defineJob({ type: 'both', run: () => 1, worker: new URL('file:///x.js') }), {
    code: 'HOLDFAST_INVALID_ARGUMENT',
  });
});
