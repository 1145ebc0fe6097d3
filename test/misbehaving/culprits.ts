/** Ways to take the whole process down. */
import { writeSync } from 'node:fs';
import { defineHandler } from '../../workers/index.ts';
import type { Ways } from './ways.ts';

const never = (): Promise<never> => new Promise(() => undefined);

export const CULPRITS: Ways = {
  'calls `process.exit(0)`': () => process.exit(0),
  'calls `process.exit(3)`': () => process.exit(3),
  'calls `process.abort()`': () => process.abort(),
  'kills its process': () => process.kill(process.pid, 'SIGKILL'),
  'throws in a timer': () => {
    setTimeout(() => {
      throw new Error('uncaught');
    }, 1);
    return never();
  },
  'leaves a rejection to nobody': () => {
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- nobody is to catch it
    void Promise.reject(new Error('unhandled'));
    return never();
  },
  'loops for ever, until somebody kills the app': () => {
    writeSync(1, 'stuck');
    for (;;);
  },
  'fills the memory': () => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(10_000).fill(kept));
  },
};

export const THREAD_CULPRITS: Ways = {
  'kills the process from its thread': () => process.kill(process.pid, 'SIGKILL'),
};

/**
 * Ways to use up the memory, on a thread. V8 ends the thread, or the whole process: which one is its choice. The last one is
 * outside of its heap, where only the machine sets a limit.
 */
export const MEMORY_CULPRITS: Ways = {
  'fills a list': () => {
    const kept: string[][] = [];
    for (let n = 0; ; n++) kept.push(Array.from({ length: 1_000 }, (_, m) => `${n} ${m}`));
  },
  'fills a map': () => {
    const kept = new Map<string, object>();
    for (let n = 0; ; n++) kept.set(`key ${n}`, { n });
  },
  'makes a text twice as long, again and again': () => {
    for (let text = 'x'.repeat(1_000); ; text = [text, text].join('')) if (text === '') return;
  },
  'makes one huge list': () => new Array<number>(2 ** 26).fill(1.5).map((n) => ({ n })),
  'writes itself as JSON, again and again': () => {
    for (let text = '"'.repeat(1_000); ; text = JSON.stringify([text, text])) if (text === '') return;
  },
  'keeps a closure of each round': () => {
    let last = (): number => 0;
    for (;;) {
      const before = last;
      const kept = Array.from({ length: 100 }, (_, n) => n / 3);
      last = () => before.length + kept.length;
    }
  },
  'keeps 2 GB of Buffers': () => {
    const kept: Buffer[] = [];
    for (let n = 0; n < 128; n++) kept.push(Buffer.alloc(16 * 1024 * 1024, 1));
    return kept.length;
  },
};

export default defineHandler<string>((way, context) => ({ ...THREAD_CULPRITS, ...MEMORY_CULPRITS })[way]?.(context));
