/**
 * What must hold at the end of the soak, from the notes of one app: every acknowledged job ended exactly once, as was
 * told, and nothing began before it might. The stream of events is the witness, since retention has forgotten most jobs.
 */
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { CLOCKS_DIFFER_BY_MS } from '../crash/notes.ts';
import { followUpOf } from '../crash/work.ts';
import { HAS_NEXT } from './load.ts';
import type { FinalState, SoakNote } from './notes.ts';

/** What the notes say of one job. */
interface Story {
  isAccepted: boolean;
  notBefore: number;
  after: readonly string[];
  starts: number;
  hasReturned: boolean;
  /** The highest checkpoint that was acknowledged. */
  saved: number;
  /** How often somebody asked to revive it, and may have been killed before it was done. */
  revivals: number;
  /** How it ended, each time. */
  ends: FinalState[];
  /** It has ended since it was last revived. */
  isOver: boolean;
  told: FinalState[];
}

export interface AccountFigures {
  readonly accepted: number;
  readonly ended: number;
  readonly starts: number;
  readonly checkpoints: number;
  readonly cancelled: number;
  readonly dead: number;
  /** Nominal times of schedules that had a run, and that were skipped and counted. */
  readonly runs: number;
  readonly skips: number;
}

export class Account {
  readonly breaches: string[] = [];
  readonly #stories = new Map<string, Story>();
  /** The jobs that wait for a job, by its id. */
  readonly #children = new Map<string, readonly string[]>();
  readonly #schedules: (SoakNote & { kind: 'schedule' })[] = [];
  #lastSeq = 0;
  #checkpoints = 0;

  add(note: SoakNote): void {
    switch (note.kind) {
      case 'born':
      case 'open':
      case 'synced':
      case 'save':
      case 'throw':
      case 'cancel':
        break;
      case 'enqueue':
        for (const id of note.ids) {
          this.#storyOf(id).notBefore = note.notBefore;
          this.#storyOf(id).after = note.after ?? [];
          for (const parent of note.after ?? [])
            this.#children.set(parent, [id, ...(this.#children.get(parent) ?? [])]);
        }
        break;
      case 'accepted':
        for (const id of note.ids) this.#storyOf(id).isAccepted = true;
        break;
      case 'start':
        this.#start(note, this.#storyOf(note.id));
        break;
      case 'saved':
        this.#checkpoints++;
        this.#storyOf(note.id).saved = note.checkpoint;
        break;
      case 'return':
        this.#storyOf(note.id).hasReturned = true;
        break;
      case 'revive':
        // Its children that died because of it go back to waiting with it.
        for (const id of [note.id, ...(this.#children.get(note.id) ?? [])]) {
          this.#storyOf(id).revivals++;
          this.#storyOf(id).isOver = false;
        }
        break;
      case 'cancelled':
        this.#storyOf(note.id).told.push('cancelled');
        break;
      case 'result':
        this.#storyOf(note.id).told.push(note.state);
        break;
      case 'ended':
        this.#end(note, this.#storyOf(note.id));
        break;
      case 'schedule':
        this.#schedules.push(note);
        break;
    }
  }

  /** When all jobs had the time to end. */
  close(): AccountFigures {
    for (const [id, story] of this.#stories) this.#check(id, story);
    let runs = 0;
    let skips = 0;
    for (const schedule of this.#schedules) {
      this.#checkSchedule(schedule);
      runs += schedule.runs;
      skips += schedule.skips;
    }
    const stories = [...this.#stories.values()];
    const ends = stories.flatMap((story) => story.ends);
    return {
      accepted: stories.filter(({ isAccepted }) => isAccepted).length,
      ended: stories.filter(({ ends: own }) => own.length > 0).length,
      starts: stories.reduce((sum, story) => sum + story.starts, 0),
      checkpoints: this.#checkpoints,
      cancelled: ends.filter((state) => state === 'cancelled').length,
      dead: ends.filter((state) => state === 'dead').length,
      ...{ runs, skips },
    };
  }

  #start({ id, at, checkpoint }: SoakNote & { kind: 'start' }, story: Story): void {
    story.starts++;
    if (story.isOver) this.#complain(id, 'was started again after its end was durable');
    if (at < story.notBefore - CLOCKS_DIFFER_BY_MS)
      this.#complain(id, `was started ${story.notBefore - at} ms before its time`);
    if (checkpoint < story.saved && story.revivals === 0)
      this.#complain(id, `had saved ${story.saved} and was given ${checkpoint}`);
    for (const parent of story.after) {
      if (this.#stories.get(parent)?.hasReturned !== true)
        this.#complain(id, `was started before ${parent} had returned`);
    }
  }

  #end({ id, state, seq }: SoakNote & { kind: 'ended' }, story: Story): void {
    if (seq <= this.#lastSeq) this.#complain(id, `event ${seq} came after event ${this.#lastSeq}`);
    this.#lastSeq = seq;
    story.ends.push(state);
    story.isOver = true;
    if (story.ends.length > 1 + story.revivals) this.#complain(id, `ended more than once: ${story.ends.join(', ')}`);
    if (state === 'completed' && !story.hasReturned) this.#complain(id, 'is completed and its handler never returned');
  }

  #check(id: string, story: Story): void {
    const { isAccepted, starts, ends, told } = story;
    if (isAccepted && ends.length === 0) this.#complain(id, 'was accepted and never ended');
    if (starts > 0 && ends.length === 0) this.#complain(id, 'was started and never ended');
    for (const state of new Set(told)) {
      if (!ends.includes(state))
        this.#complain(id, `was told to be ${state}, but ended as ${ends.join(', ') || 'nothing'}`);
    }
    const hasNext = (this.#stories.get(followUpOf(id))?.ends.length ?? 0) > 0;
    const isCompleted = id.endsWith(HAS_NEXT) && ends.includes('completed');
    if (isCompleted && !hasNext) this.#complain(id, 'is completed and what should follow it never ended');
    if (!isCompleted && hasNext) this.#complain(id, 'is followed though it never completed');
  }

  /** Every nominal time from the first to the last one had a run, or was counted as skipped. */
  #checkSchedule({ name, everyMs, runs, skips }: SoakNote & { kind: 'schedule' }): void {
    const moments = [...this.#stories.keys()]
      .filter((id) => id.startsWith(`${name}@`))
      .map((id) => Date.parse(id.slice(name.length + 1)))
      .sort((a, b) => a - b);
    const [first = 0] = moments;
    const between = moments.length === 0 ? 0 : ((moments.at(-1) ?? first) - first) / everyMs + 1;
    if (moments.length !== runs) this.#complain(name, `counts ${runs} runs, and ${moments.length} were seen`);
    // What was skipped may also lie before the first run and behind the last one.
    if (between > runs + skips) this.#complain(name, `has ${between} nominal times, ${runs} runs and ${skips} skips`);
    if (skips > between - runs + 2) this.#complain(name, `counts ${skips} skips, and ${between - runs} are missing`);
  }

  #storyOf(id: string): Story {
    let story = this.#stories.get(id);
    if (story === undefined) {
      story = {
        ...{ isAccepted: false, notBefore: 0, after: [], starts: 0, hasReturned: false, saved: 0, revivals: 0 },
        ...{ ends: [], isOver: false, told: [] },
      };
      this.#stories.set(id, story);
    }
    return story;
  }

  #complain(id: string, what: string): void {
    this.breaches.push(`${id}: ${what}`);
  }
}

/** Reads the side journal of one app to its end. */
export async function accountOf(notesFile: string): Promise<{ figures: AccountFigures; breaches: readonly string[] }> {
  const account = new Account();
  for await (const note of notesIn(notesFile)) account.add(note);
  return { figures: account.close(), breaches: account.breaches };
}

/** The newest event that the stream told of, for the next life: searched for from the end of the file. */
export function lastSeqIn(notesFile: string): number {
  if (!existsSync(notesFile)) return 0;
  const descriptor = openSync(notesFile, 'r');
  try {
    const size = fstatSync(descriptor).size;
    for (let length = 65_536; ; length *= 4) {
      const from = Math.max(0, size - length);
      const tail = Buffer.alloc(size - from);
      readSync(descriptor, tail, 0, tail.length, from);
      const ends = [...tail.toString().matchAll(/^\{"kind":"ended".*?"seq":(\d+)\}$/gm)];
      if (ends.length > 0 || from === 0) return Number(ends.at(-1)?.[1] ?? 0);
    }
  } finally {
    closeSync(descriptor);
  }
}

async function* notesIn(notesFile: string): AsyncGenerator<SoakNote> {
  for await (const line of createInterface({ input: createReadStream(notesFile), crlfDelay: Infinity })) {
    // A kill may have cut a line short; then the first one of the next life stands behind what is left of it.
    const whole = line.slice(Math.max(0, line.lastIndexOf('{"kind":')));
    if (whole.endsWith('}')) yield JSON.parse(whole) as SoakNote;
  }
}
