import { defineHandler } from '../../../workers/index.ts';

/** If it is told to, it leaves a promise behind that is rejected before the next event, and that nobody awaits. */
export default defineHandler<boolean>((rejects) => {
  let chain = Promise.resolve();
  for (let n = 0; n < 100; n++) chain = chain.then(() => undefined);
  // eslint-disable-next-line @typescript-eslint/no-floating-promises -- it is what this handler does wrong
  chain.then(() => {
    if (rejects) throw new Error('late, from another job');
  });
  return 'done';
});
