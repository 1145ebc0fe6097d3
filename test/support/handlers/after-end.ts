import { defineHandler, type JobContext } from '../../../workers/index.ts';

let last: JobContext | undefined;

/** Keeps its context, and uses it in the next attempt on this thread. */
export default defineHandler<string>(async (step, ctx) => {
  if (step === 'keep') {
    last = ctx;
    return 'kept';
  }
  const codes: unknown[] = [];
  for (const call of [() => last?.save(1), () => last?.extend(1), () => last?.enqueue('a:b')]) {
    try {
      await call();
      codes.push('accepted');
    } catch (error) {
      codes.push((error as { code: unknown }).code);
    }
  }
  last?.progress(99);
  last?.log.info('from the grave');
  return codes;
});
