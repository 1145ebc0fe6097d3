import { defineHandler, type JobContext } from '../../../workers/index.ts';

/** Ways to harm the thread one runs on. */
const ways: Readonly<Record<string, (ctx: JobContext) => unknown>> = {
  'exits with 0': () => process.exit(0),
  'exits with 3': () => process.exit(3),
  async 'saves and exits'(ctx) {
    ctx.save('the last word').catch(() => undefined);
    process.exit(0);
  },
  async 'throws where nobody catches'() {
    setTimeout(() => {
      throw new TypeError('uncaught');
    }, 1);
    await new Promise(() => undefined);
  },
  async 'rejects where nobody awaits'() {
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- it is what this handler does wrong
    Promise.reject(new TypeError('unhandled'));
    await new Promise(() => undefined);
  },
  'fills the memory'() {
    const kept: string[][] = [];
    for (let round = 0; ; round++) kept.push(Array.from({ length: 1_000 }, (_, n) => `${round} ${n}`));
  },
};

export default defineHandler<string>((way, ctx) => {
  ctx.progress(0);
  return ways[way]?.(ctx);
});
