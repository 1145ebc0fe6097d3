/**
 * Frames in memory, up to a number of bytes. The oldest goes first, but one that was asked for since its last turn gets
 * another (second chance, also called clock: Corbató 1968): most frames tell of starts and ends that nobody reads again, and
 * they must not push out those with the payloads of jobs that are still to run.
 */
import { NumberMap } from '../job/number-map.ts';
import type { Frame } from './frame.ts';

interface Kept {
  readonly frame: Frame;
  isWanted: boolean;
}

export class FrameCache {
  readonly #frames = new NumberMap<Kept>();
  /** The sequence numbers in their turns. */
  #turns: number[] = [];
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
    this.#bytes += frame.bytes.length - (known?.frame.bytes.length ?? 0);
    this.#frames.set(sequence, { frame, isWanted: known !== undefined });
    while (this.#bytes > this.#mostBytes && this.#frames.size > 1) this.#takeTurn(sequence);
    if (this.#turn < this.#turns.length / 2) return;
    this.#turns = this.#turns.slice(this.#turn);
    this.#turn = 0;
  }

  #takeTurn(newest: number): void {
    const sequence = this.#turns[this.#turn++] as number;
    const kept = this.#frames.get(sequence) as Kept;
    if (kept.isWanted || sequence === newest) {
      kept.isWanted = false;
      this.#turns.push(sequence);
    } else {
      this.#bytes -= kept.frame.bytes.length;
      this.#frames.delete(sequence);
    }
  }
}
