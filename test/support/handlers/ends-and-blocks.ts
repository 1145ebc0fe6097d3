import { defineHandler } from '../../../workers/index.ts';

const BLOCKED_MS = 100;

/** Ends, and then keeps its thread from reading messages, in the same round of the event loop. */
export default defineHandler(async () => {
  const over = new Promise((resolve) => setTimeout(resolve, 5));
  setTimeout(() => {
    const until = performance.now() + BLOCKED_MS;
    while (performance.now() < until);
  }, 5).unref();
  await over;
});
