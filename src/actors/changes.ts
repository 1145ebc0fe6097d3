import type { Removed, Rescheduled, Revived } from '../job/event.ts';
import type { Change } from './messages.ts';

/** What a change of a job that does not run comes to. */
export function eventOf(change: Change, slot: number, at: number, hasEnded: boolean): Revived | Rescheduled | Removed {
  switch (change.kind) {
    case 'clear':
      return { kind: 'removed', slot, at };
    case 'revive':
      return { kind: 'revived', slot, at, dueAt: at, keepAttempts: change.attempts === 'keep' };
    case 'retry':
      return hasEnded
        ? { kind: 'revived', slot, at, dueAt: at, keepAttempts: false }
        : { kind: 'rescheduled', slot, at, dueAt: at };
  }
}
