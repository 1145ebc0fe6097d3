/** The handlers of the simulation's job types on the main thread. */
import type { JobContext } from '../../src/context.ts';
import type { JobFacts } from '../../src/protocol.ts';
import { act, type Acting, type ActingWatch } from './acting.ts';
import type { Behaviour } from './behaviour.ts';
import { resultOf } from './simulated-threads.ts';
import type { Owner, World } from './world.ts';

export interface InlineParts {
  readonly world: World;
  readonly owner: Owner;
  readonly watch: ActingWatch & {
    /** Returns what is to be called when the handler has returned. */
    began(job: JobFacts, payload: unknown, checkpoint: unknown): () => void;
  };
  readonly behaviour: (id: string, n: number) => { readonly start: number; readonly behaviour: Behaviour };
  readonly isCalm: () => boolean;
  /** Resolves when a handler that hangs shall end. */
  readonly mayEnd: (n: number) => Promise<void>;
}

export function inlineHandler(parts: InlineParts): (payload: { n: number }, context: JobContext) => unknown {
  return (payload, context) => {
    const over = parts.watch.began(context.job, payload, context.checkpoint);
    const { start, behaviour } = parts.behaviour(context.job.id, payload.n);
    const acting = actingOf(context, payload.n, start);
    if (!behaviour.isAtOnce || behaviour.end === 'hang') return runAsync(parts, behaviour, acting, over);
    over();
    if (behaviour.end === 'returnJunk') return 1n;
    return resultOf(behaviour.end, behaviour.onAbort, acting, false);
  };
}

async function runAsync(parts: InlineParts, behaviour: Behaviour, acting: Acting, over: () => void): Promise<unknown> {
  const { world, owner, watch, isCalm, mayEnd } = parts;
  try {
    const hasStopped = await act(behaviour, acting, watch, world, owner, isCalm);
    if (behaviour.end === 'hang' && !hasStopped) {
      await Promise.race([mayEnd(acting.n), ...(behaviour.onAbort === 'ignore' ? [] : [acting.aborted])]);
    }
    if (behaviour.end === 'returnJunk' && !hasStopped) return 1n;
    return resultOf(behaviour.end, behaviour.onAbort, acting, hasStopped);
  } finally {
    over();
  }
}

function actingOf(context: JobContext, n: number, start: number): Acting {
  const { signal } = context;
  return {
    id: context.job.id,
    n,
    start,
    save: context.save,
    progress: context.progress,
    log: (message) => context.log.info(message),
    extend: context.extend,
    enqueue: (type, payload, options) => context.enqueue(type, payload, options),
    isAborted: () => signal.aborted,
    aborted: new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  };
}
