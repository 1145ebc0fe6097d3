/**
 * When jobs of each queue were started, collected while a log is replayed: only then is it known which queues have rates,
 * and what the windows of those hold. Few numbers, and forgotten when the engine has begun.
 */
interface Recent {
  readonly moments: number[];
  readonly positions: number[];
}

/** The largest limit of a rate. */
const MOST_KEPT = 100_000;

export class RecentStarts {
  readonly #byQueue = new Map<string, Recent>();
  readonly #byKey = new Map<string, Map<string, Recent>>();

  note(queue: string, key: string | undefined, at: number, position: number): void {
    add(this.#byQueue, queue, at, position);
    if (key === undefined) return;
    const keys = this.#byKey.get(queue);
    if (keys === undefined) this.#byKey.set(queue, add(new Map(), key, at, position));
    else add(keys, key, at, position);
  }

  /** The moments of a queue's starts behind a position, in order. */
  of(queue: string, behind: number): readonly number[] {
    return after(this.#byQueue.get(queue), behind);
  }

  /** The same for each of its keys. */
  *keysOf(queue: string, behind: number): Generator<readonly [key: string, moments: readonly number[]]> {
    for (const [key, recent] of this.#byKey.get(queue) ?? []) yield [key, after(recent, behind)];
  }
}

function add(all: Map<string, Recent>, name: string, at: number, position: number): Map<string, Recent> {
  let recent = all.get(name);
  if (recent === undefined) all.set(name, (recent = { moments: [], positions: [] }));
  recent.moments.push(at);
  recent.positions.push(position);
  if (recent.moments.length < 2 * MOST_KEPT) return all;
  recent.moments.splice(0, MOST_KEPT);
  recent.positions.splice(0, MOST_KEPT);
  return all;
}

function after(recent: Recent | undefined, behind: number): readonly number[] {
  if (recent === undefined) return [];
  return recent.moments.filter((_, n) => (recent.positions[n] as number) > behind);
}
