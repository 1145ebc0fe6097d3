/** What the app of the soak notes: what the killed child does, and what the stream of events told it. */
import type { Note } from '../crash/notes.ts';

export type FinalState = 'completed' | 'cancelled' | 'dead';

export type SoakNote =
  | Exclude<Note, { kind: 'enqueue' }>
  /** Jobs are about to be enqueued; each of them may start only when all of `after` have returned. */
  | {
      readonly kind: 'enqueue';
      readonly ids: readonly string[];
      readonly notBefore: number;
      readonly after?: readonly string[];
    }
  /** The stream of events told of an end. It goes on behind the last one that was noted, life after life. */
  | { readonly kind: 'ended'; readonly id: string; readonly state: FinalState; readonly seq: number }
  /** A dead job is about to be revived. */
  | { readonly kind: 'revive'; readonly id: string }
  /** What a schedule counts at the end. */
  | {
      readonly kind: 'schedule';
      readonly name: string;
      readonly everyMs: number;
      readonly runs: number;
      readonly skips: number;
    };
