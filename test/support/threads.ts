// Attempts on real threads, watched: what a listener was told, in order, and a promise for whatever comes next.
import { after } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { openThreads, type ThreadListener, type ThreadRun, type Threads } from '../../src/actors/threads.ts';
import type { Answer, JobFacts, Limits, Outcome, Request, RunOrder } from '../../src/protocol.ts';

export const LIMITS: Limits = {
  payloadBytes: 1_000_000,
  resultBytes: 1_000_000,
  checkpointBytes: 1_000_000,
  progressBytes: 8_192,
  depth: 64,
};

export const FACTS: JobFacts = {
  id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  type: 'test:job',
  queue: 'default',
  priority: 7,
  attempt: 2,
  maxAttempts: 5,
  createdAt: 1_700_000_000_000,
  scheduledFor: 1_700_000_060_000,
};

/** The URL of a module in `support/handlers`, as it is compiled. */
export function handler(name: string): string {
  return new URL(`./handlers/${name}`, import.meta.url).href;
}

let tokenCount = 0;

export function order(module: string, payload?: unknown, more: Partial<RunOrder> = {}): RunOrder {
  tokenCount += 1;
  const text = payload === undefined ? undefined : JSON.stringify(payload);
  return { token: tokenCount, module, job: FACTS, payload: text, checkpoint: undefined, limits: LIMITS, ...more };
}

/** What a listener was told. */
export type Told =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'putBack' }
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'log'; readonly level: string; readonly message: string; readonly fields: string | undefined }
  | { readonly kind: 'request'; readonly request: Request; readonly answer: (answer: Answer) => void }
  | { readonly kind: 'ended'; readonly outcome: Outcome }
  | { readonly kind: 'released'; readonly left: string | undefined; readonly threadsFree: number };

export interface Watched {
  readonly run: ThreadRun;
  readonly order: RunOrder;
  /** Everything told so far. */
  readonly told: readonly Told[];
  /** Resolves with the first thing of this kind, told already or to come. */
  next<Kind extends Told['kind']>(kind: Kind): Promise<Extract<Told, { kind: Kind }>>;
  readonly outcome: Promise<Outcome>;
  /** Resolves with what was left. */
  readonly released: Promise<string | undefined>;
}

/** Starts an attempt. Requests are answered at once unless `answer` is given. */
export function start(
  threads: Threads,
  what: RunOrder,
  answer: (request: Request) => Answer | undefined = granted,
): Watched {
  const told: Told[] = [];
  const waiting: { readonly kind: string; readonly tell: (it: never) => void }[] = [];
  const tell = (it: Told): void => {
    told.push(it);
    for (const { kind, tell: wake } of waiting) if (kind === it.kind) wake(it as never);
  };
  const listener: ThreadListener = {
    loaded: () => tell({ kind: 'loaded' }),
    progress: (text) => tell({ kind: 'progress', text }),
    log: (level, message, fields) => tell({ kind: 'log', level, message, fields }),
    request(request, reply) {
      tell({ kind: 'request', request, answer: reply });
      const given = answer(request);
      if (given !== undefined) reply(given);
    },
    ended: (outcome) => tell({ kind: 'ended', outcome }),
    released: (left) => tell({ kind: 'released', left, threadsFree: threads.free }),
    putBack: () => tell({ kind: 'putBack' }),
  };
  const run = threads.run(what, listener);
  const next: Watched['next'] = (kind) => {
    const already = told.find((it) => it.kind === kind);
    if (already !== undefined) return Promise.resolve(already as never);
    return new Promise((resolve) => waiting.push({ kind, tell: resolve }));
  };
  return {
    run,
    order: what,
    told,
    next,
    outcome: next('ended').then(({ outcome }) => outcome),
    released: next('released').then(({ left }) => left),
  };
}

function granted(request: Request): Answer {
  return request.kind === 'enqueue' ? { ok: true, value: 'the-new-job' } : { ok: true };
}

/** The result of a whole attempt, its slot released; throws what it failed with. */
export async function resultOf(threads: Threads, what: RunOrder): Promise<unknown> {
  const watched = start(threads, what);
  const outcome = await watched.outcome;
  await watched.released;
  if (!outcome.ok) throw new Error(`${outcome.error.name}: ${outcome.error.message}`);
  return outcome.result === undefined ? undefined : JSON.parse(outcome.result);
}

/** Threads that are closed when the tests of the file are through. */
export function threadsFor(options: Partial<Parameters<typeof openThreads>[0]> = {}): Threads {
  const clock = systemClock({ keepAlive: false });
  const threads = openThreads({ max: 2, clock, ...options });
  after(async () => {
    await threads.close();
    clock.stop();
  });
  return threads;
}
