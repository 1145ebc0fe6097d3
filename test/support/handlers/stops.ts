import { defineHandler, type JobContext } from '../../../workers/index.ts';

/** Ways to take being asked to stop. Each reports progress when it is ready for it. */
const ways: Readonly<Record<string, (ctx: JobContext) => unknown>> = {
  async waits({ signal, progress }) {
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    progress(1);
    await aborted;
    throw signal.reason;
  },
  loops({ signal, progress }) {
    progress(1);
    while (!signal.aborted);
    return { name: (signal.reason as Error).name, message: (signal.reason as Error).message };
  },
  'loops and throws'({ signal, progress }) {
    progress(1);
    for (;;) signal.throwIfAborted();
  },
  'loops and hears the event'({ signal, progress }) {
    let heard = 0;
    signal.addEventListener('abort', () => (heard += 1));
    progress(1);
    while (!signal.aborted);
    return { heard, aborted: AbortSignal.any([signal]).aborted };
  },
  'loops on a signal asked for late'(ctx) {
    ctx.progress(1);
    for (let round = 0; round < 1_000_000; round++);
    while (!ctx.signal.aborted);
    return 'seen';
  },
  async 'reads it only after the event loop did'(ctx) {
    ctx.progress(1);
    while (!ctx.signal.aborted) await new Promise((resolve) => setImmediate(resolve));
    return (ctx.signal.reason as { code: string }).code;
  },
  async ignores({ progress }) {
    progress(1);
    await new Promise(() => undefined);
  },
  'ignores in a loop'({ progress }) {
    progress(1);
    for (;;);
  },
  'matches for ever'({ progress }) {
    progress(1);
    return /^(a+)+$/.test(`${'a'.repeat(60)}!`);
  },
  blocks({ progress }) {
    progress(1);
    // Nobody ever wakes it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
};

export default defineHandler<string>((way, ctx) => ways[way]?.(ctx));
