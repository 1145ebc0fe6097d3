/**
 * Whether the disk has room for new jobs. What is accepted must also be able to run and end, so the last room is kept
 * for that: a reserve of real bytes, which is given up when the disk is full. From then on no new job is taken and none
 * is started; those that run can save and end, and all can be read. It is over when the reserve is back.
 *
 * The room is looked at when something was written, and once a second while the disk is full. It also sees a full disk
 * come: while the reserve is still there, the last mebibyte is not written to.
 */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { systemCode, unavailable } from './durable-file.ts';
import type { Reserve } from './reserve.ts';

export type RoomState =
  | 'enough'
  /** Less than twice the reserve is free: time to tell somebody. */
  | 'low'
  /** No new jobs. */
  | 'full';

export interface Room {
  readonly state: RoomState;
  /** Called with every change of the state. */
  onChange(listener: (state: RoomState) => void): void;
  /** So many bytes were written: looks again when they are many. */
  wrote(bytes: number): void;
  /** Looks now. @throws {StoreUnavailableError} */
  look(): Promise<void>;
  /** After a failure of the store: gives the reserve up if the disk is full. Resolves to whether that made room. */
  make(failure: unknown): Promise<boolean>;
  /** Looks no more. */
  close(): void;
}

const MIB = 1024 * 1024;
/** New jobs need this much to be free; it is more than one commit mostly takes. */
const LEAST_FREE_BYTES = MIB;
/** A disk that was full must have this much again, if it never had room for a reserve. */
const AGAIN_FREE_BYTES = 2 * MIB;
const LOOK_EVERY_BYTES = MIB;
const LOOK_WHEN_FULL_MS = 1_000;

/** @param folder on the disk in question */
export function roomIn(folder: string, reserve: Reserve, clock: Clock): Room {
  let state: RoomState = 'enough';
  let isGivenUp = false;
  let written = 0;
  let looking: Promise<void> | undefined;
  let isClosed = false;
  let listeners: Array<(state: RoomState) => void> = [];
  const alarm = clock.alarm('monotonic', () => lookAgain());

  function enter(next: RoomState): void {
    if (next === 'full' && !isClosed) alarm.set(clock.monotonic() + LOOK_WHEN_FULL_MS);
    if (next === state) return;
    state = next;
    for (const listener of listeners) listener(next);
  }

  /** A look that fails changes nothing; the store will hear of it too. */
  function lookAgain(): void {
    look().catch(() => enter(state));
  }

  function look(): Promise<void> {
    looking ??= lookNow().finally(() => (looking = undefined));
    return looking;
  }

  async function lookNow(): Promise<void> {
    written = 0;
    if (isClosed) return;
    const hasReserve = await reserve.ensure();
    if (hasReserve) isGivenUp = false;
    const free = await freeBytes();
    const least = state === 'full' ? AGAIN_FREE_BYTES : LEAST_FREE_BYTES;
    if (isGivenUp || free < least) enter('full');
    else enter(hasReserve && free >= 2 * reserve.size ? 'enough' : 'low');
  }

  async function freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      throw unavailable(`look at the disk of ${folder}`, error);
    }
  }

  return {
    get state() {
      return state;
    },
    onChange: (listener) => void (listeners = [...listeners, listener]),
    wrote(bytes) {
      written += bytes;
      if (written >= LOOK_EVERY_BYTES && looking === undefined) lookAgain();
    },
    look,
    async make(failure) {
      if (!saysFull(failure) && (await freeBytes()) >= LEAST_FREE_BYTES) return false;
      const isMade = await reserve.giveUp();
      if (isMade) isGivenUp = true;
      enter('full');
      return isMade;
    },
    close() {
      isClosed = true;
      listeners = [];
      alarm.clear();
    },
  };
}

/** LevelDB tells what is wrong with the disk only by the text of the system's error. */
function saysFull(failure: unknown): boolean {
  for (let depth = 0, at = failure; at instanceof Error && depth < 8; depth++, at = at.cause) {
    if (['ENOSPC', 'EDQUOT'].includes(systemCode(at) ?? '')) return true;
    if (/No space left on device|Disk quota exceeded|not enough space on the disk/i.test(at.message)) return true;
  }
  return false;
}
