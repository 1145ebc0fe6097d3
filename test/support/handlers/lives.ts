import { defineHandler, type JobContext } from '../../../workers/index.ts';

interface Payload {
  readonly way: string;
  readonly n?: number;
}

/** Lives of jobs that an engine is asked for, on a thread as inline. */
const ways: Readonly<Record<string, (ctx: JobContext, n: number) => unknown>> = {
  async 'counts to five, and hangs at three the first time'(ctx) {
    const done = [];
    for (let n = ((ctx.checkpoint as number | undefined) ?? 0) + 1; n <= 5; n++) {
      await ctx.save(n);
      done.push(n);
      if (n === 3) {
        ctx.progress(n);
        await new Promise(() => undefined);
      }
    }
    return { from: ctx.checkpoint, done };
  },
  async 'enqueues a child now and one at its end'(ctx) {
    await ctx.enqueue('child', 'now', { id: 'now' });
    await ctx.enqueue('child', 'at the end', { id: 'at-the-end', atEnd: true });
    return ctx.job.id;
  },
  async 'enqueues and fails'(ctx) {
    await ctx.enqueue('child', 'now', { id: 'now' });
    await ctx.enqueue('child', 'at the end', { id: 'at-the-end', atEnd: true });
    throw new Error('no');
  },
  async 'waits to be asked'(ctx) {
    ctx.progress(1);
    await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    await ctx.save('the last word');
    throw ctx.signal.reason;
  },
  'ignores everything'(ctx) {
    ctx.progress(1);
    for (;;);
  },
  async 'extends and takes its time'(ctx, n) {
    await ctx.extend(60_000);
    await new Promise((resolve) => setTimeout(resolve, n));
    return 'in time';
  },
  'tells what it sees'({ job, checkpoint, results, signal }) {
    return { job, checkpoint: checkpoint ?? null, results, aborted: signal.aborted };
  },
  'returns what cannot be stored': () => new Map(),
};

export default defineHandler<Payload>(({ way, n }, ctx) => ways[way]?.(ctx, n ?? 0));
