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

export default defineHandler<string>((way, context) => THREAD_CULPRITS[way]?.(context));
