/**
 * Frames in memory, up to a number of bytes. The oldest goes first, but one that was asked for since its last turn gets
 * another (second chance, also called clock: Corbató 1968): most frames tell of starts and ends that nobody reads again, and
 * they must not push out those with the payloads of jobs that are still to run.
 */
import { NumberMap } from '../job/number-map.ts';
import type { Frame } from './frame.ts';

/** What a frame takes beside its bytes: it matters when each holds one small record. */
const OBJECTS_BYTES = 512;
/** So many turns that are over are forgotten together. */
const OVER_TURNS = 1024;

interface Kept {
  readonly frame: Frame;
  isWanted: boolean;
}

export class FrameCache {
  readonly #frames = new NumberMap<Kept>();
  /** The sequence numbers in their turns. */
  readonly #turns: number[] = [];
  #turn = 0;
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(sequence: number): Frame | undefined {
    const kept = this.#frames.get(sequence);
    if (kept === undefined) return undefined;
    kept.isWanted = true;
    return kept.frame;
  }

  /** Keeps the frame, and forgets others until all fit. It stays itself, however large it is. */
  put(frame: Frame): void {
    const { sequence } = frame;
    const known = this.#frames.get(sequence);
    if (known === undefined) this.#turns.push(sequence);
    this.#bytes += sizeOf(frame) - (known === undefined ? 0 : sizeOf(known.frame));
    this.#frames.set(sequence, { frame, isWanted: known !== undefined });
    while (this.#bytes > this.#mostBytes && this.#frames.size > 1) this.#takeTurn(sequence);
  }

  #takeTurn(newest: number): void {
    const sequence = this.#turns[this.#turn++] as number;
    const kept = this.#frames.get(sequence) as Kept;
    if (kept.isWanted || sequence === newest) {
      kept.isWanted = false;
      this.#turns.push(sequence);
    } else {
      this.#bytes -= sizeOf(kept.frame);
      this.#frames.delete(sequence);
    }
    if (this.#turn === OVER_TURNS) {
      this.#turns.splice(0, OVER_TURNS);
      this.#turn = 0;
    }
  }
}

function sizeOf({ bytes }: Frame): number {
  return bytes.length + OBJECTS_BYTES;
}
