/**
 * A disk, as far as the log cares: numbered frames, of which some may not be synced yet. It outlives processes. It also
 * is the judge of what is durable: whoever watches it sees each batch in the moment it becomes so.
 */
import type { FrameEntry } from '../../src/log/store.ts';
import type { Dice } from './dice.ts';

export interface Batch {
  readonly frames: readonly FrameEntry[];
  readonly drop: { readonly from: number; readonly below: number } | undefined;
}

interface Unsynced {
  readonly batch: Batch;
  readonly dropped: readonly FrameEntry[];
}

export class Disk {
  /** What is read, by number, in ascending order. */
  readonly frames = new Map<number, Uint8Array>();
  witness = { sequence: 0, chain: 0 };
  isFull = false;
  /** Told when there is room again, or none any more. */
  readonly onRoom = new Set<() => void>();
  /** Whether there is a reserve to give up. */
  hasReserve = true;
  /** How many writes the reserve that was given up makes room for. */
  spareWrites = 0;
  /** Called with each batch that is written, in order. */
  onWritten: (batch: Batch) => void = () => undefined;
  #unsynced: Unsynced[] = [];
  /** What it was before it was damaged. */
  #sound: Map<number, Uint8Array> | undefined;

  get newest(): number {
    let newest = 0;
    for (const sequence of this.frames.keys()) newest = sequence;
    return newest;
  }

  fill(isFull: boolean): void {
    this.isFull = isFull;
    for (const tell of this.onRoom) tell();
  }

  /** Does harm that no crash does. Returns what was done; undefined where there is too little to harm. */
  damage(dice: Dice): string | undefined {
    const sequences = [...this.frames.keys()];
    if (sequences.length < 4) return undefined;
    const sound = new Map(this.frames);
    const inside = dice.int(1, sequences.length - 2);
    const sequence = sequences[inside] as number;
    const bytes = sound.get(sequence) as Uint8Array;
    const kind = dice.pick(['missing', 'flipped', 'cut', 'swapped', 'headless', 'truncated']);
    switch (kind) {
      case 'missing':
        this.frames.delete(sequence);
        break;
      case 'flipped':
        this.frames.set(sequence, flipped(bytes, dice.int(0, bytes.length * 8 - 1)));
        break;
      case 'cut':
        this.frames.set(sequence, bytes.slice(0, dice.int(0, bytes.length - 1)));
        break;
      case 'swapped':
        this.frames.set(sequence, sound.get(sequences[inside - 1] as number) as Uint8Array);
        break;
      case 'headless':
        for (const other of sequences.slice(0, inside)) this.frames.delete(other);
        break;
      case 'truncated':
        // What lies behind the witness may be gone without a trace.
        if (!this.frames.has(this.witness.sequence)) return undefined;
        for (const other of sequences) if (other >= this.witness.sequence) this.frames.delete(other);
    }
    this.#sound = sound;
    return `${kind} ${sequence}`;
  }

  get isDamaged(): boolean {
    return this.#sound !== undefined;
  }

  /** Somebody had a copy. */
  restore(): void {
    if (this.#sound === undefined) return;
    this.frames.clear();
    for (const [sequence, bytes] of this.#sound) this.frames.set(sequence, bytes);
    this.#sound = undefined;
  }

  get oldest(): number {
    for (const sequence of this.frames.keys()) return sequence;
    return 1;
  }

  /** @param isSynced otherwise the operating system has it: it survives the process, not the machine */
  write(batch: Batch, isSynced: boolean): void {
    const dropped: FrameEntry[] = [];
    for (const { sequence, bytes } of batch.frames) this.frames.set(sequence, bytes);
    for (let sequence = batch.drop?.from ?? 0; sequence < (batch.drop?.below ?? 0); sequence++) {
      const bytes = this.frames.get(sequence);
      if (bytes !== undefined) dropped.push({ sequence, bytes });
      this.frames.delete(sequence);
    }
    this.#unsynced = isSynced ? [] : [...this.#unsynced, { batch, dropped }];
    this.onWritten(batch);
  }

  /** The machine loses its power: of what is not synced a part from the end is gone. Returns the newest frame left. */
  losePower(dice: Dice): number {
    let kept = dice.int(0, this.#unsynced.length);
    const lost = this.#unsynced.splice(kept);
    for (const { batch, dropped } of lost.reverse()) {
      for (const { sequence } of batch.frames) this.frames.delete(sequence);
      for (const { sequence, bytes } of dropped) this.frames.set(sequence, bytes);
      kept--;
    }
    const ascending = [...this.frames].sort(([a], [b]) => a - b);
    this.frames.clear();
    for (const [sequence, bytes] of ascending) this.frames.set(sequence, bytes);
    this.#unsynced = [];
    return this.newest;
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}
