/**
 * Whether an attempt left something behind in the thread that could touch the next one: a timer, a socket or a request
 * that may call back, or a changed prototype. A thread that is not clean is replaced, which costs a few ms; so what
 * stays must be sure, and what is only slow to close gets a second look.
 *
 * It sees what keeps the event loop alive and what is changed in place. A timer that was unref'd it does not see: the
 * errors of those are told apart by their origin instead (see `session.ts`).
 */
import type { Worker } from 'node:worker_threads';

// Taken before any handler runs: one of them may replace it.
const activeResources = process.getActiveResourcesInfo.bind(process);

/** Not a request, nor a callback of the next turn, which end by themselves. */
const isLasting = (resource: string): boolean => !/Req|Immediate/.test(resource);

/** What other code most depends on; a look at each function of these takes some nanoseconds. */
const WATCHED: readonly (readonly [name: string, object: object])[] = [
  ['Object', Object],
  ['Object.prototype', Object.prototype],
  ['Function.prototype', Function.prototype],
  ['Array', Array],
  ['Array.prototype', Array.prototype],
  ['String.prototype', String.prototype],
  ['Map.prototype', Map.prototype],
  ['Set.prototype', Set.prototype],
  ['Promise', Promise],
  ['Promise.prototype', Promise.prototype],
  ['JSON', JSON],
  ['Math', Math],
  ['Date', Date],
  ['Reflect', Reflect],
  ['Buffer', Buffer],
];

/** A look at one of these takes longer, so that only what other code surely calls is among them. */
const WATCHED_GLOBALS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'],
  ...['structuredClone', 'Object', 'Array', 'Map', 'Set', 'Promise', 'Date', 'Error', 'Buffer'],
] as const;

/** Where a new key shows up in everybody's objects. */
const INHERITED: readonly object[] = [Object.prototype, Array.prototype];

/** Listeners that change what an error does to the thread. */
const WATCHED_EVENTS = ['uncaughtException', 'unhandledRejection', 'uncaughtExceptionMonitor'] as const;

interface Original {
  readonly name: string;
  readonly object: Readonly<Record<PropertyKey, unknown>>;
  readonly key: PropertyKey;
  readonly value: unknown;
}

export class Traces {
  readonly #originals: readonly Original[] = [...WATCHED.flatMap(originalsOf), ...WATCHED_GLOBALS.map(originalGlobal)];
  readonly #environment = new Environment();
  readonly #threads = new Threads();
  #threadCount = 0;
  #stacks: readonly unknown[] = [];
  #resources: readonly string[] = [];
  #keyCount = 0;
  #listenerCount = 0;

  /**
   * Takes what is there now as the thread's own: at its start, and after a module was loaded, since modules keep
   * connections and bring polyfills. What they replace outright is never taken, for other modules live here too.
   */
  accept(): void {
    this.#resources = activeResources().filter(isLasting);
    this.#keyCount = keyCount();
    this.#listenerCount = listenerCount();
    this.#stacks = [Error.prepareStackTrace, Error.stackTraceLimit];
    this.#environment.accept();
    this.#threadCount = this.#threads.count;
  }

  /** Names the first thing that is left, or undefined if the thread is clean. Takes a few microseconds. */
  left(): string | undefined {
    return this.#leftIn(activeResources()) ?? this.#changed();
  }

  /** Only what has opened since the last look and stays open. */
  opened(): string | undefined {
    return this.#leftIn(activeResources().filter(isLasting));
  }

  #leftIn(resources: readonly string[]): string | undefined {
    const accepted = [...this.#resources];
    for (const resource of resources) {
      const at = accepted.indexOf(resource);
      if (at === -1) return `an open ${resource}`;
      accepted.splice(at, 1);
    }
    return undefined;
  }

  #changed(): string | undefined {
    for (const { name, object, key, value } of this.#originals) {
      if (object[key] !== value) return `a changed ${name}.${String(key)}`;
    }
    if (keyCount() > this.#keyCount) return 'a new key on all objects or arrays';
    if (this.#environment.isChanged) return 'a changed environment';
    if (Error.prepareStackTrace !== this.#stacks[0] || Error.stackTraceLimit !== this.#stacks[1])
      return 'changed stacks';
    if (listenerCount() !== this.#listenerCount) return 'another listener for uncaught errors';
    return this.#threads.count > this.#threadCount ? 'a thread of its own' : undefined;
  }
}

function originalsOf([name, object]: (typeof WATCHED)[number]): Original[] {
  return Reflect.ownKeys(object).flatMap((key) => {
    const property = Object.getOwnPropertyDescriptor(object, key);
    return typeof property?.value === 'function'
      ? [{ name, object: object as Original['object'], key, value: property.value as unknown }]
      : [];
  });
}

function originalGlobal(key: (typeof WATCHED_GLOBALS)[number]): Original {
  const object = globalThis as unknown as Original['object'];
  return { name: 'globalThis', object, key, value: object[key] };
}

/** The threads that were started from this one: among the resources of an event loop they are not told. */
class Threads {
  count = 0;

  constructor() {
    process.on('worker', (worker: Worker) => {
      this.count++;
      worker.once('exit', () => this.count--);
    });
  }
}

/** Each thread has a copy of the environment. To read all of it takes too long, so that changes are seen as they are made. */
class Environment {
  readonly #watched: NodeJS.ProcessEnv;
  #isTouched = false;

  constructor() {
    const touch = (): void => void (this.#isTouched = true);
    this.#watched = new Proxy(process.env, {
      set(env, name, value) {
        if (env[name as string] !== value) touch();
        return Reflect.set(env, name, value);
      },
      defineProperty(env, name, property) {
        touch();
        return Reflect.defineProperty(env, name, property);
      },
      deleteProperty(env, name) {
        if (name in env) touch();
        return Reflect.deleteProperty(env, name);
      },
    });
    process.env = this.#watched;
  }

  accept(): void {
    this.#isTouched = false;
  }

  get isChanged(): boolean {
    return this.#isTouched || process.env !== this.#watched;
  }
}

function keyCount(): number {
  return INHERITED.reduce((count, object) => count + Object.getOwnPropertyNames(object).length, 0);
}

function listenerCount(): number {
  return WATCHED_EVENTS.reduce((count, event) => count + process.listenerCount(event), 0);
}
