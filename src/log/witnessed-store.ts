/**
 * A store whose writes the witness hears of: the newest is noted at once when none was for `NOTE_EVERY_MS`, else when that
 * time is over, and fsynced now and then. Nobody waits for it. So when the process has died no frame can be missing
 * from the end of the log unnoticed, but for those of its last few milliseconds; after a power cut, but for those of the
 * last seconds, whose end may be the write that was under way.
 *
 * A note with every commit, waited for, would take 50 µs of latency and 38 µs of the main thread each time (decision
 * 0020). What only the operating system has may not be witnessed: a power cut takes it, rightly. So with durability
 * 'os' the log is fsynced first, and more seldom.
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

const NOTE_EVERY_MS = 5;
const SYNC_EVERY_MS = { disk: 2_000, os: 30_000 } as const;

export function witnessedStore(
  store: Store,
  { witness, clock, durability, syncLog, onWritten }: WitnessedParts,
): Store {
  let newest: Witnessed | undefined;
  let noted: Witnessed | undefined;
  let isResting = false;
  let isWound = false;
  let isClosed = false;
  const rest = clock.alarm('monotonic', () => {
    isResting = false;
    note();
  });
  const alarm = clock.alarm('monotonic', () => {
    isWound = false;
    // A witness that lags behind proves less, but nothing wrong: the next commit tries again.
    syncWitness().catch(() => undefined);
  });

  async function syncWitness(): Promise<void> {
    if (newest === undefined) return;
    const { sequence, chain } = newest;
    if (durability === 'disk') return witness.sync();
    await syncLog();
    await witness.write(sequence, chain);
  }

  function note(): void {
    if (isResting || isClosed || newest === undefined || newest === noted) return;
    isResting = true;
    noted = newest;
    witness.note(newest.sequence, newest.chain).catch(() => undefined);
    rest.set(clock.monotonic() + NOTE_EVERY_MS);
  }

  function tellWitness(written: Witnessed): void {
    newest = written;
    if (durability === 'disk') note();
    if (isWound || isClosed) return;
    isWound = true;
    alarm.set(clock.monotonic() + SYNC_EVERY_MS[durability]);
  }

  return {
    async write(frames, drop) {
      const last = frames.at(-1);
      // Now: the bytes are the caller's again when this has returned.
      const written = last && { sequence: last.sequence, chain: chainOf(last.bytes) };
      const bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      await store.write(frames, drop);
      if (written !== undefined) tellWitness(written);
      onWritten(bytes);
    },
    read: (sequence) => store.read(sequence),
    readSync: (sequence) => store.readSync(sequence),
    scan: (from) => store.scan(from),
    close() {
      isClosed = true;
      rest.clear();
      alarm.clear();
      return store.close();
    },
  };
}
