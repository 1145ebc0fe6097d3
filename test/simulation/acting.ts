/** A handler at work, inline or on a thread: it does what its behaviour says, step by step. */
import type { Behaviour } from './behaviour.ts';
import { childNumber } from './behaviour.ts';
import type { ContextEnqueueOptions } from '../../src/context.ts';
import type { Owner, World } from './world.ts';

/** What it asks of the engine, as plain calls. */
export interface Acting {
  readonly id: string;
  readonly n: number;
  /** Which start of its job this is. */
  readonly start: number;
  save(checkpoint: unknown): Promise<void>;
  progress(progress: number): void;
  log(message: string): void;
  extend(ms: number): Promise<void>;
  enqueue(type: string, payload: unknown, options: ContextEnqueueOptions): Promise<string>;
  /** Whether it has been asked to stop, and a promise of that. */
  readonly isAborted: () => boolean;
  readonly aborted: Promise<void>;
}

/** Who watches what handlers are told. */
export interface ActingWatch {
  /** A call of the context is under way; the promise given back is the same, seen to settle. */
  asked<Value>(what: string, promise: Promise<Value>): Promise<Value>;
  saved(acting: Acting, checkpoint: unknown): void;
  enqueued(acting: Acting, child: number, id: string, atEnd: boolean): void;
  refused(acting: Acting, child: number | undefined, error: unknown): void;
}

/** Resolves when the steps are done, or earlier with true when it was asked to stop and does. */
export async function act(
  { steps, onAbort }: Behaviour,
  acting: Acting,
  watch: ActingWatch,
  world: World,
  owner: Owner,
  isCalm: () => boolean,
): Promise<boolean> {
  const isStopping = (): boolean => acting.isAborted() && onAbort !== 'ignore';
  let saveCount = 0;
  for (const [index, step] of steps.entries()) {
    if (isStopping()) return true;
    switch (step.kind) {
      case 'sleep': {
        const slept = world.sleep(isCalm() ? 0 : step.ms, owner);
        await (onAbort === 'ignore' ? slept : Promise.race([slept, acting.aborted]));
        break;
      }
      case 'save': {
        const checkpoint = { n: acting.n, start: acting.start, save: ++saveCount };
        try {
          await watch.asked('save', acting.save(checkpoint));
          watch.saved(acting, checkpoint);
        } catch (error) {
          watch.refused(acting, undefined, error);
        }
        break;
      }
      case 'progress':
        acting.progress(index);
        break;
      case 'log':
        acting.log(`step ${index}`);
        break;
      case 'extend':
        await watch
          .asked('extend', acting.extend(step.ms))
          .catch((error: unknown) => watch.refused(acting, undefined, error));
        break;
      case 'enqueue': {
        const child = childNumber(acting.n, acting.start, index);
        const options = { atEnd: step.atEnd, ...(step.id !== undefined && { id: step.id, ifExists: step.ifExists }) };
        try {
          const id = await watch.asked('enqueue', acting.enqueue('in:a', { n: child }, options));
          watch.enqueued(acting, child, id, step.atEnd);
        } catch (error) {
          watch.refused(acting, child, error);
        }
        break;
      }
    }
  }
  return isStopping();
}
