/** How handlers misbehave: each way by the words under which the page lists it. The first table suits the main thread and threads alike. */
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { parentPort, Worker } from 'node:worker_threads';
import type { JobContext } from '../../workers/index.ts';

export type Way = (context: JobContext) => unknown;
export type Ways = Readonly<Record<string, Way>>;

const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('a trap');
    },
    ownKeys() {
      throw new Error('a trap');
    },
    getPrototypeOf() {
      throw new Error('a trap');
    },
  },
);
const cycle: Record<string, unknown> = {};
cycle['self'] = [cycle];

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** Throws what a linter would not let it throw. */
function thrown(what: unknown): never {
  throw what;
}

class OddError extends Error {
  override readonly name = 'OddError';
  override get message(): string {
    throw new Error('a getter that throws');
  }
}

function selfCaused(): Error {
  const error = new Error('my own cause');
  error.cause = error;
  return error;
}

export const THROWS: Ways = {
  'throws an error': () => thrown(new TypeError('as usual')),
  'throws a text': () => thrown('just text'),
  'throws `null`': () => thrown(null),
  'throws `undefined`': () => thrown(undefined),
  'throws a number': () => thrown(NaN),
  'throws a symbol': () => thrown(Symbol('s')),
  'throws a function': () => thrown(() => 1),
  'throws a BigInt': () => thrown(1n),
  'throws an object that is no error': () => thrown({ message: 'no error', code: 'E_PLAIN' }),
  'throws a proxy whose traps throw': () => thrown(hostile),
  'throws an error whose message throws': () => thrown(new OddError()),
  'throws an error that is its own cause': () => thrown(selfCaused()),
  'throws an error of a million characters': () => thrown(new Error('x'.repeat(1_000_000))),
  'throws several errors at once': () => thrown(new AggregateError([new Error('one'), new Error('two')], 'both')),
  'throws an error that claims to be a cancel': () =>
    thrown(Object.assign(new Error('forged'), { code: 'HOLDFAST_JOB_CANCELLED' })),
  'recurses without an end': function recurse(context): unknown {
    return [recurse(context)];
  },
  rejects: () => Promise.reject(new Error('later')),
  'rejects with `null`': () => Promise.resolve().then(() => thrown(null)),
};

export const RETURNS: Ways = {
  'returns a function': () => () => 1,
  'returns a symbol': () => Symbol('s'),
  'returns a BigInt': () => ({ rows: [1n] }),
  'returns a cycle': () => cycle,
  'returns a `Date`': () => ({ at: new Date(0) }),
  'returns a `Map`': () => new Map([['a', 1]]),
  'returns `NaN`': () => [NaN],
  'returns an error': () => new Error('returned'),
  'returns a proxy whose traps throw': () => hostile,
  'returns something whose `toJSON` throws': () => ({ toJSON: () => thrown(new Error('a trap')) }),
  'returns 100,000 lists in each other': () => deep(100_000),
  'returns 100 MB': () => 'x'.repeat(100_000_000),
  'returns a thenable that throws': () => ({
    then: () => thrown(new Error('no promise')),
  }),
  'returns a thenable that answers twice': () => ({
    then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
      resolve('the first answer');
      reject(new Error('the second'));
      resolve('the third');
    },
  }),
  'returns something whose `then` cannot be read': () => ({
    get then() {
      return thrown(new Error('a trap'));
    },
  }),
};

export const CALLS: Ways = {
  'saves what cannot be stored': async ({ save }) => save({ when: new Date(0) }),
  'saves 2 MB': async ({ save }) => save('x'.repeat(2_000_000)),
  'reports progress that cannot be stored': ({ progress }) => progress({ done: 1n }),
  'extends its time by `NaN`': async ({ extend }) => extend(NaN),
  'enqueues a job with a bad id': async ({ enqueue }) => enqueue('probe', 1, { id: 'no spaces please' }),
  'logs 10,000 lines and a cycle': ({ log }) => {
    for (let n = 0; n < 10_000; n++) log.info({ n }, 'line %d', n);
    log.error(cycle, 'last');
  },
  'changes its payload and its facts': ({ job }) => {
    (job as { attempt: number }).attempt = 99;
  },
  'goes on saving when it is over': ({ save, progress, log }) => {
    (async () => {
      for (let n = 0; ; n++) {
        await save(n);
        progress(n);
        log.info('from the grave');
      }
    })().catch(() => undefined);
  },
};

const forever = (): never => {
  for (;;);
};
const never = (): Promise<never> => new Promise(() => undefined);

/** They need a timeout. The first two also suit the main thread, where nothing can end them. */
export const HANGS: Ways = {
  'never settles': never,
  'ignores its signal': ({ signal }) => {
    signal.addEventListener('abort', () => undefined);
    return never();
  },
};
export const BLOCKS: Ways = {
  'loops for ever': forever,
  'matches a regular expression that explodes': () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
  'blocks in `Atomics.wait`': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'blocks in a native call, and cannot be ended before that returns': () =>
    execFileSync(process.execPath, ['-e', 'setTimeout(() => undefined, 250)']),
};

/** They end or harm their thread. */
export const HARMS: Ways = {
  'calls `process.exit(0)`': () => process.exit(0),
  'calls `process.exit(3)`': () => process.exit(3),
  'calls `process.abort()`': () => process.abort(),
  'calls `process.chdir()`': () => process.chdir('/'),
  'throws in a timer while it runs': () => {
    setTimeout(() => thrown(new TypeError('uncaught')), 1);
    return never();
  },
  'leaves a rejection to nobody while it runs': () => {
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- nobody is to catch it
    void Promise.reject(new TypeError('unhandled'));
    return never();
  },
  'posts foreign messages': () => {
    const { _getActiveHandles: handles } = process as unknown as {
      _getActiveHandles(): Array<{ postMessage?(message: unknown): void }>;
    };
    const port = handles.call(process).at(-1);
    for (const message of [1, null, { kind: 'ended' }, { kind: 'ended', token: 1, outcome: { ok: true } }]) {
      port?.postMessage?.(message);
    }
    parentPort?.on('message', () => undefined);
    return 'mine';
  },
};

/** They complete, and leave something behind. */
export const LEAVES: Ways = {
  'leaves an interval': () => void setInterval(() => undefined, 1_000),
  'leaves a timer that throws': () => void setTimeout(() => thrown(new Error('late')), 5),
  'leaves a timer that throws and that nobody can see': () =>
    void setTimeout(() => thrown(new Error('late')), 20).unref(),
  'leaves a rejection to nobody': () => {
    // eslint-disable-next-line @typescript-eslint/no-floating-promises -- nobody is to catch it
    void Promise.reject(new Error('late'));
  },
  'leaves a server': () => void createServer().listen(0, '127.0.0.1'),
  'leaves a thread of its own': () => void new Worker('setInterval(() => undefined, 1000)', { eval: true }),
  'leaves a loop without an end': () => void setImmediate(forever),
  'leaves a listener for errors': () => void process.on('uncaughtException', () => undefined),
  'removes the listeners for errors': () => void process.removeAllListeners('uncaughtException'),
  'replaces `JSON.parse`': () => void (JSON.parse = () => 'spoofed'),
  'replaces `Promise.prototype.then`': () => {
    Promise.prototype.then = () => never();
  },
  'replaces `Array.prototype.push`': () => {
    Array.prototype.push = () => 0;
  },
  'replaces `setTimeout`': () => void (globalThis.setTimeout = (() => 0) as never),
  'replaces `Buffer.from`': () => void (Buffer.from = (() => Buffer.alloc(0)) as never),
  'adds a key to every object': () => {
    Object.defineProperty(Object.prototype, 'spoofed', { value: true, configurable: true, enumerable: true });
  },
  'changes the environment': () => void (process.env['SPOOFED'] = 'yes'),
  'changes how stacks are written': () => void (Error.prepareStackTrace = () => 'spoofed'),
};
