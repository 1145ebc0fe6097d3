/** What must hold after any number of kills, said once: the notes of the killed against what the log says at the end. */
import type { JobView } from '../../src/index.ts';
import { CLOCKS_DIFFER_BY_MS, type Note } from './notes.ts';
import { followUpOf } from './work.ts';

/** What is found of a job at the end. */
export interface Found {
  readonly view: JobView;
  /** The events that the log has of it, in order. */
  readonly events: readonly string[];
}

export interface Evidence {
  readonly notes: readonly Note[];
  readonly found: ReadonlyMap<string, Found>;
  /** Jobs that have follow-ups when they complete. */
  readonly withFollowUp: (view: JobView) => boolean;
  /** Whether every job that ever was must still be there, and every event of it. */
  readonly isAllKept: boolean;
  /** Whether all jobs had the time to end. */
  readonly isOver: boolean;
}

/** What the notes say of one job. */
interface Story {
  notBefore: number;
  isAccepted: boolean;
  /** The highest checkpoint that was acknowledged, and the highest that was tried. */
  saved: number;
  tried: number;
  attempt: number;
  starts: number;
  throws: number;
  hasReturned: boolean;
  /** Somebody asked for its cancellation, and may have been killed before it heard of it. */
  mayBeCancelled: boolean;
  /** How it ended, as somebody was told; nothing may start after that. */
  told: 'completed' | 'cancelled' | 'dead' | undefined;
}

/** All breaches, as sentences. */
export function breaches({ notes, found, withFollowUp, isAllKept, isOver }: Evidence): string[] {
  const complaints: string[] = [];
  const complain = (id: string, what: string): void => void complaints.push(`${id}: ${what}`);
  const { stories, groups } = read(notes, complain);

  for (const [id, story] of stories) {
    const job = found.get(id);
    const mayBeForgotten = !isAllKept && (story.hasReturned || story.mayBeCancelled || story.told !== undefined);
    if (story.isAccepted && job === undefined && !mayBeForgotten) complain(id, 'was accepted and is lost');
    if (story.starts > 0 && job === undefined && !mayBeForgotten) complain(id, 'was started and is lost');
    if (job === undefined) continue;
    if (story.told !== undefined && job.view.state !== story.told) {
      complain(id, `was told to be ${story.told} and is ${job.view.state}`);
    }
    if (story.starts > job.view.starts) complain(id, `was started ${story.starts} times and counts ${job.view.starts}`);
    if (job.view.state === 'completed' && !story.hasReturned)
      complain(id, 'is completed and its handler never returned');
    if (job.view.state === 'cancelled' && !story.mayBeCancelled) complain(id, 'is cancelled and nobody asked for it');
    const { checkpoint } = job.view;
    const kept = checkpoint === undefined ? 0 : (checkpoint as { readonly done: number }).done;
    if (kept < story.saved || kept > story.tried) {
      complain(id, `saved ${story.saved}, tried ${story.tried}, and keeps ${kept}`);
    }
  }
  for (const ids of groups) {
    const there = ids.filter((id) => found.has(id)).length;
    if (isAllKept && there !== 0 && there !== ids.length) {
      complaints.push(`${ids.join(' ')}: ${there} of ${ids.length} are there, though it was all or nothing`);
    }
  }
  for (const [id, job] of found) if (isOver || isEnded(job.view)) checkRecord(id, job, isAllKept, complain);
  if (isAllKept) checkFollowUps(found, withFollowUp, complain);
  return complaints;
}

type Complain = (id: string, what: string) => void;

function read(
  notes: readonly Note[],
  complain: Complain,
): { stories: Map<string, Story>; groups: (readonly string[])[] } {
  const stories = new Map<string, Story>();
  const groups: (readonly string[])[] = [];
  const earliest = new Map<string, number>();
  for (const note of notes) {
    if (note.kind !== 'enqueue' && note.kind !== 'accepted') continue;
    for (const id of note.ids) earliest.set(id, note.notBefore);
    if (note.kind === 'enqueue' && note.ids.length > 1) groups.push(note.ids);
  }
  const storyOf = (id: string): Story => {
    let story = stories.get(id);
    if (story === undefined) {
      story = {
        notBefore: earliest.get(id) ?? 0,
        isAccepted: false,
        saved: 0,
        tried: 0,
        attempt: 1,
        starts: 0,
        throws: 0,
        hasReturned: false,
        mayBeCancelled: false,
        told: undefined,
      };
      stories.set(id, story);
    }
    return story;
  };
  for (const note of notes) {
    switch (note.kind) {
      case 'born':
      case 'open':
      case 'synced':
      case 'enqueue':
        break;
      case 'accepted':
        for (const id of note.ids) storyOf(id).isAccepted = true;
        break;
      case 'start':
        readStart(note, storyOf(note.id), complain);
        break;
      case 'save':
        storyOf(note.id).tried = Math.max(storyOf(note.id).tried, note.checkpoint);
        break;
      case 'saved':
        storyOf(note.id).saved = note.checkpoint;
        break;
      case 'return':
        storyOf(note.id).hasReturned = true;
        break;
      case 'throw':
        storyOf(note.id).throws++;
        break;
      case 'cancel':
        storyOf(note.id).mayBeCancelled = true;
        break;
      case 'cancelled':
        tell(note.id, storyOf(note.id), 'cancelled', complain);
        break;
      case 'result':
        tell(note.id, storyOf(note.id), note.state, complain);
        break;
    }
  }
  return { stories, groups };
}

function readStart(note: Note & { kind: 'start' }, story: Story, complain: Complain): void {
  const { id, checkpoint, attempt, at } = note;
  if (story.told !== undefined) complain(id, `was started again though it was told to be ${story.told}`);
  if (at < story.notBefore - CLOCKS_DIFFER_BY_MS)
    complain(id, `was started ${story.notBefore - at} ms before its time`);
  if (checkpoint < story.saved) complain(id, `had saved ${story.saved} and was given ${checkpoint}`);
  if (checkpoint > story.tried) complain(id, `was given the checkpoint ${checkpoint}, which it never saved`);
  if (attempt < story.attempt) complain(id, `is in attempt ${attempt} after attempt ${story.attempt}`);
  if (attempt > story.throws + 1) complain(id, `is in attempt ${attempt} after ${story.throws} failures`);
  story.attempt = attempt;
  story.starts++;
}

function tell(id: string, story: Story, state: Exclude<Story['told'], undefined>, complain: Complain): void {
  if (story.told !== undefined && story.told !== state) complain(id, `was told to be ${story.told}, then ${state}`);
  story.told = state;
}

/** The record by itself: it has ended, once, and its counters are those of its events. */
function checkRecord(id: string, { view, events }: Found, isAllKept: boolean, complain: Complain): void {
  if (!isEnded(view)) {
    complain(id, `is ${view.state} at the end`);
    return;
  }
  if (!isAllKept) return;
  const count = (...kinds: string[]): number => events.filter((kind) => kinds.includes(kind)).length;
  const ends = count('completed', 'cancelled', 'died');
  if (count('enqueued') !== 1) complain(id, `was enqueued ${count('enqueued')} times`);
  if (ends !== 1) complain(id, `ended ${ends} times: ${events.join(' ')}`);
  if (!events.includes(view.state === 'dead' ? 'died' : view.state))
    complain(id, `is ${view.state} and no event says so`);
  if (count('started') !== view.starts)
    complain(id, `counts ${view.starts} starts and was started ${count('started')} times`);
  const closed = count('failed', 'interrupted', 'snoozed', 'completed', 'died') + (wasRunning(events) ? 1 : 0);
  if (closed !== view.starts) complain(id, `was started ${view.starts} times and ${closed} attempts ended`);
}

function isEnded({ state }: JobView): boolean {
  return state !== 'waiting' && state !== 'running';
}

/** Whether it was running when it was cancelled. */
function wasRunning(events: readonly string[]): boolean {
  const end = events.indexOf('cancelled');
  const before = events.slice(0, end).filter((kind) => !['checkpointed', 'progressed', 'cancelling'].includes(kind));
  return end >= 0 && before.at(-1) === 'started';
}

function checkFollowUps(found: Evidence['found'], withFollowUp: (view: JobView) => boolean, complain: Complain): void {
  for (const [id, { view }] of found) {
    const isDue = view.state === 'completed' && withFollowUp(view);
    const isThere = found.has(followUpOf(id));
    if (isDue && !isThere) complain(id, 'is completed and what should follow it is not there');
    if (!isDue && isThere) complain(id, `is ${view.state} and is followed though nothing should follow it`);
  }
}
