/**
 * A store that acknowledges a write when the witness knows of it too: it is noted with every commit, and fsynced now and
 * then. So after the death of the process no acknowledged frame can be missing from the end of the log unnoticed; after
 * a power cut that goes for all but the frames of the last seconds, whose end may be the write that was under way.
 *
 * A note costs 20 to 40 µs of latency and 5 µs of the main thread a commit, and one fsync every `SYNC_EVERY_MS` while
 * there is work (`docs/reliability.md` has the measurements). What only the operating system has may not be witnessed:
 * a power cut takes it, rightly. So with durability 'os' the log is fsynced first, and more seldom.
 */
import type { Clock } from '../kernel/clock.ts';
import { chainOf } from './frame.ts';
import type { Store } from './store.ts';
import type { Witness, Witnessed } from './witness.ts';

export interface WitnessedParts {
  readonly witness: Witness;
  readonly clock: Clock;
  readonly durability: 'disk' | 'os';
  /** Makes durable what the operating system has of the log. */
  readonly syncLog: () => Promise<void>;
  /** So many bytes were written. */
  readonly onWritten: (bytes: number) => void;
}

const SYNC_EVERY_MS = { disk: 2_000, os: 30_000 } as const;

export function witnessedStore(
  store: Store,
  { witness, clock, durability, syncLog, onWritten }: WitnessedParts,
): Store {
  let newest: Witnessed | undefined;
  let isWound = false;
  let isClosed = false;
  const alarm = clock.alarm('monotonic', () => {
    isWound = false;
    // A witness that lags behind proves less, but nothing wrong: the next commit tries again.
    syncWitness().catch(() => undefined);
  });

  async function syncWitness(): Promise<void> {
    if (isClosed || newest === undefined) return;
    const { sequence, chain } = newest;
    if (durability === 'disk') return witness.sync();
    await syncLog();
    await witness.write(sequence, chain);
  }

  async function tellWitness(last: Uint8Array | undefined, sequence: number): Promise<void> {
    if (last === undefined) return;
    newest = { sequence, chain: chainOf(last) };
    if (durability === 'disk') await witness.note(newest.sequence, newest.chain).catch(() => undefined);
    if (isWound || isClosed) return;
    isWound = true;
    alarm.set(clock.monotonic() + SYNC_EVERY_MS[durability]);
  }

  return {
    async write(frames, drop) {
      // The bytes are the caller's again when this has returned.
      const last = frames.at(-1);
      const header = last?.bytes.slice(0, 8);
      const bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      await store.write(frames, drop);
      await tellWitness(header, last?.sequence ?? 0);
      onWritten(bytes);
    },
    read: (sequence) => store.read(sequence),
    readSync: (sequence) => store.readSync(sequence),
    scan: (from) => store.scan(from),
    close() {
      isClosed = true;
      alarm.clear();
      return store.close();
    },
  };
}
