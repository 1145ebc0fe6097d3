/** Counts what happens, from the events of the engine: what is counted is what is on the disk, in order and once. */
import type { Engine, EventView, JobEventView } from '../../index.ts';
import type { Measures } from './measures.ts';

/** Jobs whose due time is remembered until they start. The oldest is forgotten, and its latency is not measured. */
const MOST_REMEMBERED = 100_000;

interface Attempt {
  readonly startedAt: number;
  readonly start: number;
}

/** How an attempt can end, and what it is then called. */
const ENDS: Readonly<Record<string, string>> = {
  completed: 'completed',
  failed: 'failed',
  died: 'dead',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
  snoozed: 'snoozed',
};

export function createCounting(measures: Measures): (event: EventView) => void {
  const dueAt = new Map<string, number>();
  const running = new Map<string, Attempt>();

  function remember(id: string, at: number): void {
    if (dueAt.size >= MOST_REMEMBERED) {
      const oldest = dueAt.keys().next();
      if (oldest.done !== true) dueAt.delete(oldest.value);
    }
    dueAt.set(id, at);
  }

  function started({ id, type, queue, at, start = 1 }: JobEventView): void {
    const due = dueAt.get(id);
    dueAt.delete(id);
    running.set(id, { startedAt: at, start });
    if (due !== undefined) measures.note('latency', { type, queue }, Math.max(0, at - due) / 1_000);
  }

  function ended({ id, type, queue, at }: JobEventView, outcome: string): void {
    const attempt = running.get(id);
    running.delete(id);
    if (attempt === undefined) return;
    measures.note('run', { type, queue, outcome }, Math.max(0, at - attempt.startedAt) / 1_000);
    if (outcome === 'completed' || outcome === 'dead') measures.note('attempts', { type, outcome }, attempt.start);
  }

  return (event) => {
    if (event.id === undefined) return;
    const { kind, id, type, queue } = event;
    measures.note('events', { event: kind, type, queue });
    if (kind === 'died') measures.note('deaths', { reason: event.reason ?? 'unknown', type, queue });
    if (kind === 'started') return started(event);
    const outcome = ENDS[kind];
    if (outcome !== undefined) ended(event, outcome);
    if (event.dueAt !== undefined) remember(id, event.dueAt);
    else if (outcome !== undefined || kind === 'removed') dueAt.delete(id);
  };
}

/** Follows an engine until it closes. A gap is passed over, and `onGap` told; then it goes on with the oldest there is. */
export async function follow(engine: Engine, count: (event: EventView) => void, onGap: () => void): Promise<void> {
  let since: number | undefined;
  while (!engine.closing.aborted) {
    try {
      for await (const event of engine.events({ ...(since === undefined ? {} : { since }) })) {
        since = event.seq;
        count(event);
      }
      return;
    } catch (error) {
      const isGap = error instanceof Error && 'code' in error && error.code === 'HOLDFAST_EVENTS_TRIMMED';
      if (!isGap) return;
      onGap();
      since = 0;
    }
  }
}
