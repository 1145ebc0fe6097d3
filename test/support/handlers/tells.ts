import { defineHandler } from '../../../workers/index.ts';

/** Reports a lot: as much as it is asked to, without ever giving the event loop a turn. */
export default defineHandler<{ readonly progress: number; readonly lines: number }>((payload, ctx) => {
  for (let n = 1; n <= payload.progress; n++) ctx.progress(n);
  for (let n = 1; n <= payload.lines; n++) ctx.log.info({ n }, 'line');
  return 'told';
});
