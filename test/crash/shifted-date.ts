/**
 * Loaded before a child's program (`--import`): the wall clock of this process can be stepped, as `date --set` steps that
 * of a machine. `Date.now` is all of it that the engine asks; timers and `performance.now` go on as they do there.
 */
declare global {
  /** Sets the wall clock of this process forward, or back, from now on. */
  var stepClock: (byMs: number) => void;
}

const { now } = Date;
let shiftMs = Number(process.env['HOLDFAST_CLOCK_SHIFT_MS'] ?? 0);
Date.now = () => now() + shiftMs;
globalThis.stepClock = (byMs) => {
  shiftMs += byMs;
};
