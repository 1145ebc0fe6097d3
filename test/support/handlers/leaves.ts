import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { defineHandler, type JobContext } from '../../../workers/index.ts';

/** Ways to leave something behind. */
const ways: Readonly<Record<string, (ctx: JobContext) => unknown>> = {
  nothing: () => undefined,
  'a timer that throws': () => {
    setTimeout(() => {
      throw new Error('late, from another job');
    }, 5);
  },
  'an interval': () => {
    setInterval(() => undefined, 1_000);
  },
  'a timer that throws and holds nothing': () => {
    setTimeout(() => {
      throw new Error('late, from another job');
    }, 40).unref();
  },
  'a rejection that nobody awaits': () => {
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- it is what this handler does wrong
    Promise.reject(new Error('late, from another job'));
  },
  'a server': () => {
    createServer().listen(0, '127.0.0.1');
  },
  'a patched then': () => {
    Promise.prototype.then = () => new Promise(() => undefined);
  },
  'a patched JSON': () => {
    JSON.parse = () => 'spoofed';
  },
  'a key on every object': () => {
    Object.defineProperty(Object.prototype, 'spoofed', { value: true, configurable: true });
  },
  'an exit that comes as soon as it is over': () => {
    const later = (ticks: number): void => {
      if (ticks === 0) process.exit(0);
      process.nextTick(later, ticks - 1);
    };
    later(20);
  },
  'a listener for errors': () => {
    process.on('uncaughtException', () => undefined);
  },
  'no listener for errors': () => {
    process.removeAllListeners('uncaughtException');
    process.removeAllListeners('unhandledRejection');
  },
  'a file that is only just closed': async () => {
    for await (const _chunk of createReadStream(fileURLToPath(import.meta.url)));
    await readFile(fileURLToPath(import.meta.url));
  },
  'a save nobody awaited': (ctx) => {
    ctx.save(1).catch(() => undefined);
  },
  async 'a loop of saves'(ctx) {
    // Goes on when the attempt is over.
    (async () => {
      for (let n = 0; ; n++) await ctx.save(n);
    })().catch(() => undefined);
  },
};

/** Tells which thread it was, so that a test knows whether the next attempt got another one. */
export default defineHandler<string>(async (way, ctx) => {
  await ways[way]?.(ctx);
  return { thread: threadId };
});
