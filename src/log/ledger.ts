/**
 * What each frame of the log still holds: how many bytes it is, and how many stored jobs and entries have their home in it. The
 * frames are numbered without gaps from `head`, so two arrays that lose their beginning now and then are enough.
 */
export class FrameLedger {
  /** The oldest frame that is stored. */
  head: number;
  /** All frames together. */
  totalBytes = 0;

  #bytes: Uint32Array = new Uint32Array(1024);
  #held: Uint32Array = new Uint32Array(1024);
  /** The frame that stands at index 0. */
  #base: number;
  #tail: number;

  /** @param head the sequence number of the first frame that will be added */
  constructor(head: number) {
    this.head = head;
    this.#base = head;
    this.#tail = head;
  }

  /** One more than the newest frame. */
  get tail(): number {
    return this.#tail;
  }

  /** Adds the next frame. */
  add(sequence: number, bytes: number): void {
    this.#reach(sequence);
    this.#tail = Math.max(this.#tail, sequence + 1);
    this.#bytes[sequence - this.#base] = bytes;
    this.totalBytes += bytes;
  }

  /** A job or an entry has its home in this frame, which may still be open. */
  hold(sequence: number): void {
    this.#reach(sequence);
    const index = sequence - this.#base;
    this.#held[index] = (this.#held[index] as number) + 1;
  }

  release(sequence: number): void {
    if (sequence < this.head) return;
    const index = sequence - this.#base;
    this.#held[index] = (this.#held[index] as number) - 1;
  }

  bytesOf(sequence: number): number {
    return this.#bytes[sequence - this.#base] ?? 0;
  }

  /** How many jobs and entries have their home in this frame. */
  heldBy(sequence: number): number {
    return this.#held[sequence - this.#base] ?? 0;
  }

  /** The frames before `head` are gone. */
  dropBelow(head: number): void {
    for (let sequence = this.head; sequence < head; sequence++) {
      this.totalBytes -= this.bytesOf(sequence);
    }
    this.head = head;
  }

  #reach(sequence: number): void {
    if (sequence - this.#base < this.#bytes.length) return;
    const unused = this.head - this.#base;
    const length = Math.max(1024, Math.ceil((sequence - this.head + 1) * 1.5));
    const moved = (old: Uint32Array): Uint32Array => {
      const array = new Uint32Array(length);
      array.set(old.subarray(unused));
      return array;
    };
    this.#bytes = moved(this.#bytes);
    this.#held = moved(this.#held);
    this.#base = this.head;
  }
}
