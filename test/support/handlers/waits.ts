import { defineHandler } from '../../../workers/index.ts';

/** Takes so many milliseconds. */
export default defineHandler<number>(async (ms) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return 'waited';
});
