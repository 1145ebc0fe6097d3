import type { RunPart } from './run.ts';

/** How far a run is, and how fast it goes. */
export class Tally {
  readonly parts: readonly RunPart[];
  doneParts = 0;
  readonly #all = { files: 0, bytes: 0 };
  readonly #done = { files: 0, bytes: 0 };
  /** What of `#done` is each part's. */
  readonly #of = new Map<string, { readonly files: number; readonly bytes: number }>();
  readonly #ended = new Set<string>();
  /** What was done when this start began: it is no part of its speed. */
  readonly #before: { readonly files: number; readonly bytes: number };
  readonly #startedAt = performance.now();

  constructor(parts: readonly RunPart[]) {
    this.parts = parts;
    for (const part of parts) {
      this.#all.files += part.files;
      this.#all.bytes += part.bytes;
      if (part.isDone) this.end(part);
      else this.set(part.id, part.doneFiles, part.doneBytes);
    }
    this.#before = { ...this.#done };
  }

  /** So much of a part is done. News of a part that has ended meanwhile is old news. */
  set(id: string, files: number, bytes: number): void {
    if (this.#ended.has(id)) return;
    const before = this.#of.get(id) ?? { files: 0, bytes: 0 };
    this.#of.set(id, { files, bytes });
    this.#done.files += files - before.files;
    this.#done.bytes += bytes - before.bytes;
  }

  end({ id, files, bytes }: RunPart): void {
    this.set(id, files, bytes);
    this.#ended.add(id);
    this.doneParts = this.#ended.size;
  }

  get percent(): number {
    const { bytes } = this.#all;
    return bytes === 0 ? 100 : Math.floor((100 * Math.min(this.#done.bytes, bytes)) / bytes);
  }

  /** For people. */
  get text(): string {
    const seconds = Math.max(performance.now() - this.#startedAt, 1) / 1000;
    const files = count((this.#done.files - this.#before.files) / seconds);
    const bytes = mebibytes((this.#done.bytes - this.#before.bytes) / seconds);
    return `${this.percent} %  ${files} files/s  ${bytes}/s  ${count(this.#done.files)} of ${count(this.#all.files)} files`;
  }
}

export function count(things: number, noun?: string): string {
  const figure = Math.round(things).toLocaleString('en');
  return noun === undefined ? figure : `${figure} ${noun}${figure === '1' ? '' : 's'}`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
