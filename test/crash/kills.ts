/** Kills a child many times, lets it finish, and checks the laws. For the tests and for the long run. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JobView } from '../../src/index.ts';
import { diceFrom, type Dice } from './dice.ts';
import { breaches } from './laws.ts';
import { bear } from './load.ts';
import { readNotes } from './notes.ts';
import { POINTS, type KillPoint, type Point } from './points.ts';
import { readFolder } from './read-folder.ts';
import type { Work } from './work.ts';

export interface KillPlan {
  readonly seed: number;
  readonly kills: number;
  /** How many ended jobs of a kind are kept. @default all */
  readonly keep?: number;
  /** Characters of each payload. @default 0 */
  readonly padding?: number;
  /** How much longer than what is alive the log may be. @default the engine's */
  readonly slackBytes?: number;
  /** Where the child kills itself in the nth life; undefined for a moment by chance. */
  readonly pointOf?: (life: number, dice: Dice) => KillPoint | undefined;
}

export interface KillFigures {
  readonly breaches: readonly string[];
  readonly kills: number;
  /** Kills before the engine was open. */
  readonly killsWhileOpening: number;
  /** How often the child killed itself, by the place; the other kills were its parent's. */
  readonly met: Readonly<Record<string, number>>;
  readonly jobs: number;
  readonly accepted: number;
  readonly starts: number;
  readonly checkpoints: number;
  readonly wasTrimmed: boolean;
}

/** The last life, which works off what is left. */
const LAST_LIFE_MS = 60_000;
/** However slow the machine is, a life has met its point by then. */
const POINT_LIFE_MS = 30_000;

export async function killOften({ seed, kills, pointOf, ...plan }: KillPlan): Promise<KillFigures> {
  const base = mkdtempSync(path.join(os.tmpdir(), 'holdfast-crash-'));
  const folder = path.join(base, 'jobs');
  const notesFile = path.join(base, 'notes');
  const dice = diceFrom(seed);
  const { keep, padding = 0, slackBytes } = plan;
  const common = {
    folder,
    padding,
    ...(keep !== undefined && { keep }),
    ...(slackBytes !== undefined && { slackBytes }),
  };
  let child: ChildProcess | undefined;
  try {
    let killsWhileOpening = 0;
    const met: Record<string, number> = {};
    for (let life = 1; life <= kills; life++) {
      const point = pointOf?.(life, dice);
      const closes = point === undefined ? dice.chance(0.15) : point.name.includes('closed');
      child = bear(
        {
          ...{ ...common, life, seed: dice.between(0, 2 ** 31), isLast: false },
          ...(point !== undefined && { point }),
          ...(closes && { closeAfterMs: dice.between(0, 60) }),
        },
        notesFile,
      );
      const death = await (point === undefined ? killByChance(child, dice) : untilDead(child, POINT_LIFE_MS));
      if (!death.wasOpen) killsWhileOpening++;
      const place = point?.name ?? 'between a checkpoint and the end';
      if (death.wasOwn) met[place] = (met[place] ?? 0) + 1;
    }
    child = bear({ ...common, life: kills + 1, seed: 0, isLast: true }, notesFile);
    await finished(child);
    const notes = readNotes(notesFile);
    const { found, wasTrimmed } = await readFolder(folder);
    return {
      breaches: breaches({ notes, found, withFollowUp, isAllKept: keep === undefined, isOver: true }),
      kills,
      killsWhileOpening,
      met,
      jobs: found.size,
      accepted: notes.reduce((sum, note) => sum + (note.kind === 'accepted' ? note.ids.length : 0), 0),
      starts: notes.filter(({ kind }) => kind === 'start').length,
      checkpoints: notes.filter(({ kind }) => kind === 'saved').length,
      wasTrimmed,
    };
  } finally {
    child?.kill('SIGKILL');
    rmSync(base, { recursive: true, force: true });
  }
}

export function withFollowUp({ payload }: JobView): boolean {
  return (payload as Work).hasFollowUp;
}

/** Each point in its turn, first one that a new folder meets; those that are passed with every write not at once. */
export function pointByTurns(life: number, dice: Dice): KillPoint {
  const name = POINTS[(life + 1) % POINTS.length] as Point;
  return { name, passes: name.includes('write') ? dice.between(0, name.includes('trims') ? 2 : 40) : 0 };
}

interface Death {
  readonly wasOpen: boolean;
  /** It killed itself before its parent did. */
  readonly wasOwn: boolean;
}

/** A fifth of the kills come while it starts and opens, the others while it works or closes. */
async function killByChance(child: ChildProcess, dice: Dice): Promise<Death> {
  if (dice.chance(0.2)) return untilDead(child, dice.between(0, 200));
  const opened = once(child, 'message');
  const gone = once(child, 'exit');
  await Promise.race([opened, gone]);
  return { ...(await untilDead(child, dice.chance(0.3) ? dice.between(0, 10) : dice.between(0, 120))), wasOpen: true };
}

/** Kills it after so many ms, unless it is dead by then. */
async function untilDead(child: ChildProcess, afterMs: number): Promise<Death> {
  let wasOpen = false;
  child.once('message', () => (wasOpen = true));
  if (child.exitCode !== null || child.signalCode !== null) return checked(child, wasOpen, false);
  const gone = once(child, 'exit');
  const stop = new AbortController();
  const patience = pause(afterMs, true, { signal: stop.signal }).catch(() => false);
  const isLate = await Promise.race([patience, gone.then(() => false)]);
  stop.abort();
  child.kill('SIGKILL');
  await gone;
  return checked(child, wasOpen, isLate);
}

/** A child ends by SIGKILL or by closing; anything else is a failure of its own. */
function checked(child: ChildProcess, wasOpen: boolean, wasKilled: boolean): Death {
  const { exitCode, signalCode } = child;
  if (signalCode !== 'SIGKILL' && exitCode !== 0) {
    throw new Error(`The child ended by itself, with ${signalCode ?? exitCode}; see above.`);
  }
  return { wasOpen, wasOwn: !wasKilled && signalCode === 'SIGKILL' };
}

async function finished(child: ChildProcess): Promise<void> {
  await untilDead(child, LAST_LIFE_MS);
  if (child.exitCode !== 0) throw new Error(`The last life did not end within ${LAST_LIFE_MS} ms.`);
}
