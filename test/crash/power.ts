/**
 * A model of power cuts. LevelDB's log is only ever appended to, so the folder at the moment of a cut can be made from
 * the folder as it is later: what was fsynced by then stays, and of the bytes behind, which belong to the write that
 * was under way, anything may be there or not. The same for the witness: what was noted since its last fsync may be
 * there or not. Tables, MANIFEST and CURRENT are fsynced by LevelDB before it relies on them.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createWitness, openWitness } from '../../src/log/witness.ts';
import { diceFrom, type Dice } from './dice.ts';
import { withFollowUp } from './kills.ts';
import { breaches, type Found } from './laws.ts';
import { bear } from './load.ts';
import { readNotes, type Note } from './notes.ts';
import { readViews } from './read-folder.ts';

type Synced = Note & { kind: 'synced' };

export interface Recording {
  readonly base: string;
  readonly folder: string;
  readonly notes: readonly Note[];
  /** Where in the notes each write of the newest log stands. */
  readonly writes: readonly number[];
}

/** A child works for a while under load and is killed. */
export async function record(seed: number, durability: 'disk' | 'os', forMs: number): Promise<Recording> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-power-'));
  const folder = path.join(base, 'jobs');
  const notesFile = path.join(base, 'notes');
  const child = bear({ folder, life: 1, seed, padding: 0, isLast: false, notesSyncs: true, durability }, notesFile);
  // It may kill itself before.
  const gone = once(child, 'exit');
  await once(child, 'message');
  await pause(forMs);
  child.kill('SIGKILL');
  await gone;
  const notes = readNotes(notesFile);
  const last = notes.findLast((note): note is Synced => note.kind === 'synced');
  const writes = notes.flatMap((note, n) => (note.kind === 'synced' && note.file === last?.file ? [n] : []));
  return { base, folder, notes, writes };
}

export interface CutTrial {
  readonly what: string;
  /** `opened`, or the code of the refusal. */
  readonly outcome: string;
  readonly breaches: readonly string[];
}

export interface Cut {
  /** The write of the recording that is under way, or just done. */
  readonly during: number;
  /** The write whose bytes are safe: with an fsync each, the one before; -1 for none. */
  readonly syncedTo: number;
  /** The write that the witness knows of at least. */
  readonly witnessedTo: number;
}

export async function cutPower(recording: Recording, cut: Cut, dice: Dice): Promise<CutTrial> {
  const { base, folder, notes, writes } = recording;
  const image = path.join(base, 'image');
  rmSync(image, { recursive: true, force: true });
  cpSync(folder, image, { recursive: true });
  const noteOf = (write: number): Synced | undefined => notes[writes[write] ?? -1] as Synced | undefined;
  const at = writes[cut.during] as number;
  const during = notes[at] as Synced;
  const damage = loseTail(path.join(image, 'log', during.file), noteOf(cut.syncedTo)?.bytes ?? 0, during.bytes, dice);
  await setWitness(path.join(image, 'witness'), noteOf(cut.witnessedTo));
  const what = `${damage} in write ${cut.during}`;
  try {
    const found = new Map((await readViews(image)).map((view) => [view.id, { view, events: [] } satisfies Found]));
    const known = notes.slice(0, at);
    const evidence = { notes: known, found, withFollowUp, isAllKept: false, isOver: false };
    return { what, outcome: 'opened', breaches: breaches(evidence) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { what, outcome: code, breaches: [] };
  }
}

/** The bytes from `safe` to `end` were never fsynced; behind `end` was nothing yet. */
function loseTail(file: string, safe: number, end: number, dice: Dice): string {
  const bytes = Buffer.from(readFileSync(file).subarray(0, end));
  const what = dice.oneOf(['gone', 'whole', 'cut', 'zeros', 'zeros behind', 'scrambled', 'sectors'] as const);
  let length = end;
  switch (what) {
    case 'gone':
      length = safe;
      break;
    case 'whole':
      break;
    case 'cut':
      length = dice.between(safe, end);
      break;
    case 'zeros':
      bytes.fill(0, safe);
      break;
    case 'zeros behind':
      bytes.fill(0, dice.between(safe, end));
      break;
    case 'scrambled':
      for (let at = safe; at < end; at++) bytes[at] = dice.between(0, 255);
      break;
    case 'sectors':
      for (let at = safe; at < end; at = (Math.floor(at / 512) + 1) * 512) {
        if (dice.chance(0.5)) bytes.fill(0, at, Math.min(end, (Math.floor(at / 512) + 1) * 512));
      }
      break;
  }
  writeFileSync(file, bytes.subarray(0, length));
  return what;
}

async function setWitness(file: string, known: Synced | undefined): Promise<void> {
  rmSync(file);
  await createWitness(file);
  if (known === undefined) return;
  const witness = await openWitness(file);
  await witness.write(known.sequence, known.chain);
  await witness.close();
}

/** Which bytes were safe, and what the witness knew, when the power was cut during a write. */
export type Model = (during: number, dice: Dice) => Omit<Cut, 'during'>;

/** Every write is fsynced before the next begins. The witness may be as old as its last fsync. */
export const synced: Model = (during, dice) => {
  return { syncedTo: during - 1, witnessedTo: dice.chance(0.5) ? during - 1 : dice.between(-1, during - 1) };
};

/** Nothing is fsynced, so the system wrote what it liked. */
export const unsynced: Model = (during, dice) => {
  return { syncedTo: dice.between(-1, during - 1), witnessedTo: -1 };
};

/** The disk said that it had the last writes, and had not; but it had the witness. */
export const lying: Model = (during, dice) => {
  return { syncedTo: during - dice.between(2, 10), witnessedTo: during - 1 };
};

/** As many cuts as wanted, of one recording. */
export async function cutOften(
  seed: number,
  durability: 'disk' | 'os',
  model: Model,
  cuts: number,
): Promise<CutTrial[]> {
  const dice = diceFrom(seed);
  const recording = await record(seed, durability, 400);
  try {
    const trials: CutTrial[] = [];
    for (let n = 0; n < cuts; n++) {
      const during = dice.between(1, recording.writes.length - 1);
      trials.push(await cutPower(recording, { during, ...model(during, dice) }, dice));
    }
    return trials;
  } finally {
    rmSync(recording.base, { recursive: true, force: true });
  }
}
