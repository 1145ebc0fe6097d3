/**
 * When missed runs may be made up: not at once after an opening or a wake-up, when everything else on the machine wants
 * to begin as well, but some awake seconds later.
 */
import type { Clock } from '../kernel/clock.ts';

/**
 * @param onJump called when the wall clock has moved against the monotonic one: by sleep, or because it was set
 * @returns the moment, in monotonic ms
 */
export function createSettling(clock: Clock, settleMs: number, onJump: () => void): () => number {
  let settledAt = clock.monotonic() + settleMs;
  clock.onJump((byMs) => {
    if (byMs > 0) settledAt = clock.monotonic() + settleMs;
    onJump();
  });
  return () => settledAt;
}
