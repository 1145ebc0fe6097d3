import type { AnyJobDefinition } from '../../../src/definition.ts';
import { defineHandler } from '../../../workers/index.ts';

/** Uses all that a context has, and gives back what it saw. */
export default defineHandler<{ readonly n: number }>(async (payload, ctx) => {
  const seen: Record<string, unknown> = {
    payload,
    job: ctx.job,
    frozen: Object.isFrozen(ctx.job),
    checkpoint: ctx.checkpoint,
    results: ctx.results,
    aborted: ctx.signal.aborted,
    isSignal: ctx.signal instanceof AbortSignal,
    sameSignal: ctx.signal === ctx.signal,
  };
  ctx.progress(0.5);
  ctx.progress({ done: 1, of: 2 });
  ctx.log.info('plain');
  ctx.log.warn({ file: 'a.jpg', size: 12n }, 'with %s', 'fields');
  ctx.log.error(new TypeError('odd'));
  await ctx.save({ done: payload.n });
  seen['saved'] = ctx.checkpoint;
  await ctx.extend(5_000);
  seen['now'] = await ctx.enqueue('other:job', { a: 1 }, { priority: 3, id: 'own-id' });
  seen['atEnd'] = await ctx.enqueue({ type: 'last:job' } as AnyJobDefinition, undefined, { atEnd: true });
  const { save, progress } = ctx;
  progress(1);
  await save('taken apart');
  seen['refusals'] = await refusals([
    () => ctx.save(undefined),
    () => ctx.save({ when: new Date(0) }),
    () => ctx.save('x'.repeat(2_000)),
    () => ctx.extend(0),
    () => ctx.enqueue('other:job', { n: 1n }),
    () => ctx.enqueue(5 as never),
    () => Promise.resolve(ctx.progress({ f: () => 1 })),
    () => Promise.resolve(ctx.progress(NaN)),
  ]);
  seen['stillSaved'] = ctx.checkpoint;
  return JSON.parse(JSON.stringify(seen)) as unknown;
});

async function refusals(calls: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const found: string[] = [];
  for (const call of calls) {
    try {
      await call();
      found.push('none');
    } catch (error) {
      found.push(`${(error as { code?: string }).code}: ${(error as Error).message}`);
    }
  }
  return found;
}
