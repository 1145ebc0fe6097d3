/** The frames read or written last, up to a number of bytes: a `Map` keeps its keys in the order they were put in. */
import type { Frame } from './frame.ts';

export class FrameCache {
  readonly #frames = new Map<number, Frame>();
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(sequence: number): Frame | undefined {
    return this.#frames.get(sequence);
  }

  /** Keeps the frame, and forgets the oldest ones until all fit. */
  put(frame: Frame): void {
    this.delete(frame.sequence);
    this.#frames.set(frame.sequence, frame);
    this.#bytes += frame.bytes.length;
    for (const sequence of this.#frames.keys()) {
      if (this.#bytes <= this.#mostBytes || sequence === frame.sequence) break;
      this.delete(sequence);
    }
  }

  delete(sequence: number): void {
    const frame = this.#frames.get(sequence);
    if (frame === undefined) return;
    this.#bytes -= frame.bytes.length;
    this.#frames.delete(sequence);
  }
}
