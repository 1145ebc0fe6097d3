/** Counts what happens, from the events of the engine: what is counted is what is on the disk, in order and once. */
import type { Engine, EventView, JobEventView } from '../../index.ts';
import type { Labels, MeasureName, Measures } from './measures.ts';

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

type Note = (value?: number) => void;

/** What is counted of the jobs of one type in one queue. */
interface Lane {
  readonly events: Map<string, Note>;
  readonly runs: Map<string, Note>;
  readonly attempts: Map<string, Note>;
  readonly latency: Note;
}

/** So many lanes are known; those of more are looked up each time. */
const MOST_LANES = 2_000;

export interface Counting {
  count(event: EventView): void;
  /** Events were missed: what was under way then may have ended, and is not waited for any more. */
  forget(): void;
}

export function createCounting(measures: Measures): Counting {
  const dueAt = new Map<string, number>();
  const running = new Map<string, Attempt>();
  const lanes = new Map<string, Map<string, Lane>>();
  let laneCount = 0;

  function remember(id: string, at: number): void {
    if (dueAt.size >= MOST_REMEMBERED) {
      const oldest = dueAt.keys().next();
      if (oldest.done !== true) dueAt.delete(oldest.value);
    }
    dueAt.set(id, at);
  }

  function laneOf(type: string, queue: string): Lane {
    const known = lanes.get(type)?.get(queue);
    if (known !== undefined) return known;
    const latency = measures.noteTo('latency', { type, queue });
    const lane = { events: new Map(), runs: new Map(), attempts: new Map(), latency } as Lane;
    if (laneCount < MOST_LANES) {
      laneCount++;
      const ofType = lanes.get(type);
      if (ofType === undefined) lanes.set(type, new Map([[queue, lane]]));
      else ofType.set(queue, lane);
    }
    return lane;
  }

  function known(words: Map<string, Note>, word: string, name: MeasureName, labels: Labels): Note {
    const note = measures.noteTo(name, labels);
    words.set(word, note);
    return note;
  }

  function started({ id, at, start = 1 }: JobEventView, lane: Lane): void {
    const due = dueAt.get(id);
    dueAt.delete(id);
    running.set(id, { startedAt: at, start });
    if (due !== undefined) lane.latency(Math.max(0, at - due) / 1_000);
  }

  function ended({ id, type, queue, at }: JobEventView, outcome: string, lane: Lane): void {
    const attempt = running.get(id);
    running.delete(id);
    if (attempt === undefined) return;
    const note = lane.runs.get(outcome) ?? known(lane.runs, outcome, 'run', { type, queue, outcome });
    note(Math.max(0, at - attempt.startedAt) / 1_000);
    if (outcome !== 'completed' && outcome !== 'dead') return;
    const noteStarts = lane.attempts.get(outcome) ?? known(lane.attempts, outcome, 'attempts', { type, outcome });
    noteStarts(attempt.start);
  }

  function count(event: EventView): void {
    if (event.id === undefined) return;
    const { kind, id, type, queue } = event;
    const lane = laneOf(type, queue);
    const note = lane.events.get(kind) ?? known(lane.events, kind, 'events', { event: kind, type, queue });
    note();
    if (kind === 'died') measures.note('deaths', { reason: event.reason ?? 'unknown', type, queue });
    if (kind === 'started') return started(event, lane);
    const outcome = ENDS[kind];
    if (outcome !== undefined) ended(event, outcome, lane);
    if (event.dueAt !== undefined) remember(id, event.dueAt);
    else if (outcome !== undefined || kind === 'removed') dueAt.delete(id);
  }

  return {
    count,
    forget() {
      dueAt.clear();
      running.clear();
    },
  };
}

/** Follows an engine until it closes. A gap is passed over, and `onGap` told; then it goes on with the oldest there is. */
export async function follow(engine: Engine, { count, forget }: Counting, onGap: () => void): Promise<void> {
  let since: number | undefined;
  while (!engine.closing.aborted) {
    try {
      for await (const events of engine.eventBatches(since === undefined ? {} : { since })) {
        for (const event of events) count(event);
        since = events.at(-1)?.seq ?? since;
      }
      return;
    } catch (error) {
      const isGap = error instanceof Error && 'code' in error && error.code === 'HOLDFAST_EVENTS_TRIMMED';
      if (!isGap) return;
      onGap();
      forget();
      since = 0;
    }
  }
}
