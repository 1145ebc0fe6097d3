/** Keeps its thread busy for as long as the payload says, as a computation would. */
import { defineHandler } from '../../workers/index.ts';

export default defineHandler<{ readonly ms: number }, undefined>(({ ms }) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return undefined;
});
