// The context by itself, as the inline runner uses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptControl, createContext, type JobContext, type Link } from '../../src/context.ts';
import type { AbortReason } from '../../src/protocol.ts';
import { FACTS, LIMITS } from '../support/threads.ts';

const CANCELLED: AbortReason = { kind: 'cancelled', message: 'album closed' };

function contextWith(link: Partial<Link> = {}, checkpoint?: string): { ctx: JobContext; control: AttemptControl } {
  const nothing: Link = {
    save: () => Promise.resolve(),
    extend: () => Promise.resolve(),
    progress: () => undefined,
    log: () => undefined,
    enqueue: () => Promise.resolve('id'),
  };
  const control = new AttemptControl(FACTS.id);
  return { ctx: createContext({ job: FACTS, checkpoint, limits: LIMITS }, { ...nothing, ...link }, control), control };
}

test('the signal aborts with a typed reason, whether it was asked for before or after', () => {
  for (const early of [true, false]) {
    const { ctx, control } = contextWith();
    let heard = 0;
    if (early) ctx.signal.addEventListener('abort', () => (heard += 1));
    control.abort(CANCELLED);
    assert.equal(ctx.signal.aborted, true);
    assert.equal((ctx.signal.reason as { code: string }).code, 'HOLDFAST_JOB_CANCELLED');
    assert.throws(() => ctx.signal.throwIfAborted(), { code: 'HOLDFAST_JOB_CANCELLED' });
    assert.equal(heard, early ? 1 : 0);
  }
});

test('a context nobody asked for its signal aborts all the same, and with one error', () => {
  const { control } = contextWith();
  assert.equal(control.error, undefined);
  control.abort(CANCELLED);
  assert.equal(control.aborted, true);
  assert.equal(control.error, control.error);
  assert.equal(control.error, control.signal.reason);
});

test('an abort after the end does nothing', () => {
  const { ctx, control } = contextWith();
  const { signal } = ctx;
  control.end();
  control.abort(CANCELLED);
  assert.equal(signal.aborted, false);
});

test('each reason has its error', () => {
  for (const [reason, code] of [
    [{ kind: 'cancelled' }, 'HOLDFAST_JOB_CANCELLED'],
    [{ kind: 'timeout', timeoutMs: 5 }, 'HOLDFAST_ATTEMPT_TIMEOUT'],
    [{ kind: 'interrupted' }, 'HOLDFAST_INTERRUPTED'],
  ] as const) {
    const { control } = contextWith();
    control.abort(reason);
    assert.equal((control.error as { code?: string } | undefined)?.code, code);
  }
});

test('after the end save, extend and enqueue reject, and progress and log do nothing', async () => {
  const told: unknown[] = [];
  const { ctx, control } = contextWith({
    save: async (...it) => void told.push(it),
    progress: (...it) => void told.push(it),
    log: (...it) => void told.push(it),
  });
  const { save, progress, log } = ctx;
  control.end();
  for (const [method, call] of [
    ['save', () => save(1)],
    ['extend', () => ctx.extend(1)],
    ['enqueue', () => ctx.enqueue('a:b')],
  ] as const) {
    await assert.rejects(call(), { code: 'HOLDFAST_ATTEMPT_ENDED', method });
  }
  progress(1);
  log.info('x');
  assert.deepEqual(told, []);
});

test('the checkpoint is the one saved last, and one that failed to be saved is not', async () => {
  let fail = false;
  const { ctx } = contextWith({ save: () => (fail ? Promise.reject(new Error('no')) : Promise.resolve()) }, '{"a":1}');
  assert.deepEqual(ctx.checkpoint, { a: 1 });
  await ctx.save({ a: 2 });
  assert.deepEqual(ctx.checkpoint, { a: 2 });
  fail = true;
  await assert.rejects(ctx.save({ a: 3 }), /no/);
  assert.deepEqual(ctx.checkpoint, { a: 2 });
  assert.equal(contextWith().ctx.checkpoint, undefined);
});

test('saves reach the link in the order of the calls, awaited or not', async () => {
  const saved: string[] = [];
  const { ctx } = contextWith({ save: async (text) => void saved.push(text) });
  await Promise.all([ctx.save(1), ctx.save(2), ctx.save(3)]);
  assert.deepEqual(saved, ['1', '2', '3']);
});

test('a log line never fails and is never large, whatever it is given', () => {
  const lines: { level: string; message: string; fields: string | undefined }[] = [];
  const { ctx } = contextWith({ log: (level, message, fields) => void lines.push({ level, message, fields }) });
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('a trap');
      },
      ownKeys: () => {
        throw new Error('a trap');
      },
    },
  );
  for (const fields of [
    cycle,
    hostile,
    { big: 'x'.repeat(100_000) },
    { n: 1n, e: new Error('in') },
    new Error('out'),
  ]) {
    ctx.log.info(fields);
  }
  ctx.log.warn('x'.repeat(100_000));
  ctx.log.error('%s and %o', hostile, hostile);
  ctx.log.fatal(hostile as string);
  assert.equal(lines.length, 8);
  for (const { message, fields } of lines) {
    assert.ok(message.length <= 8_192 && (fields ?? '').length <= 8_192);
    if (fields !== undefined) JSON.parse(fields);
  }
  assert.deepEqual(lines[0]?.fields, '{"omitted":"fields that JSON cannot hold"}');
  assert.match(lines[3]?.fields ?? '', /"n":"1","e":\{"name":"Error","message":"in"/);
  assert.equal(lines[4]?.message, 'out');
});
