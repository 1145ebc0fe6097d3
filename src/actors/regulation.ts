/**
 * What is set for queues while the engine runs: settings and pauses. Each command reads what is stored, changes it, and
 * stores it again in one turn of the journal, so that two at once cannot lose one another's change.
 */
import { InvalidArgumentError, QueueNotFoundError } from '../errors.ts';
import type { JobTable } from '../job/table.ts';
import type { QueueLayer } from '../queue-options.ts';
import type { CommandParts } from './commands.ts';
import type { Settle } from './messages.ts';
import { encodeEntry, ENGINE_PAUSE, type Pause, type StoredQueue } from './queue-book.ts';

export type Regulation =
  | {
      readonly kind: 'configured';
      readonly queue: string;
      readonly layer: QueueLayer;
      /** What was stored of these is forgotten. */
      readonly cleared: ReadonlyArray<keyof QueueLayer>;
      /** What the caller said, as JSON, for the event. */
      readonly detail: string;
      readonly ifMissing: 'create' | 'refuse';
    }
  /** Without a queue, of the whole engine. */
  | { readonly kind: 'paused'; readonly queue: string | undefined; readonly pause: Omit<Pause, 'at'> }
  | { readonly kind: 'resumed'; readonly queue: string | undefined; readonly by: string | undefined };

/** Resolves to whether anything was changed by it. */
export interface RegulateCommand {
  readonly kind: 'regulate';
  readonly regulation: Regulation;
  readonly settle: Settle<boolean>;
}

export function createRegulate(parts: CommandParts & { readonly table: JobTable }) {
  const { table, book, rates, clock, record, pending, dispatcher } = parts;

  function regulate({ regulation, settle }: RegulateCommand): void {
    const refusal = regulation.kind === 'configured' ? refusalOf(regulation) : undefined;
    if (refusal !== undefined) {
      pending().refuse(settle, refusal);
      return;
    }
    const isChanged = carryOut(regulation, clock.now());
    if (isChanged) dispatcher.tell({ kind: 'settings' });
    pending().answer(settle, isChanged);
  }

  function refusalOf({ queue, layer, cleared, ifMissing }: Regulation & { kind: 'configured' }): Error | undefined {
    if (ifMissing === 'refuse' && !book.has(queue) && table.queues.find(queue) < 0)
      return new QueueNotFoundError(queue);
    // Slots are kept for it by its number, before it has a job.
    const crowded = (layer.minimum ?? 0) > 0 ? table.queues.refusalOf([queue]) : undefined;
    if (crowded !== undefined) return crowded;
    const { minimum } = book.settingsWith(queue, withLayer(book.stored(queue), layer, cleared).settings ?? {});
    const others = [...book.names()].filter((name) => name !== queue);
    const kept = others.reduce((sum, name) => sum + book.settingsOf(name).minimum, 0);
    if (minimum === 0 || minimum + kept < parts.concurrency) return undefined;
    const expected = `less than the ${parts.concurrency} slots of the engine, together with the ${kept} of other queues`;
    return new InvalidArgumentError({ field: 'minimum', expected, got: minimum });
  }

  function carryOut(regulation: Regulation, at: number): boolean {
    const { queue } = regulation;
    const pause = queue === undefined ? book.enginePause(at) : book.pauseOf(queue, at);
    switch (regulation.kind) {
      case 'configured': {
        const what = book.has(regulation.queue) ? 'configured' : 'created';
        const stored = withLayer(book.stored(regulation.queue), regulation.layer, regulation.cleared);
        noteQueue(regulation.queue, what, regulation.detail, stored, at);
        const { rate, keyRate } = book.settingsOf(regulation.queue);
        rates.configure(regulation.queue, rate, keyRate);
        return true;
      }
      case 'paused':
        notePause(queue, 'paused', JSON.stringify(regulation.pause), { at, ...regulation.pause }, at);
        return true;
      case 'resumed':
        if (pause === undefined) return false;
        notePause(queue, 'resumed', JSON.stringify({ by: regulation.by }), undefined, at);
        return true;
    }
  }

  function notePause(queue: string | undefined, what: string, detail: string, pause: Pause | undefined, at: number) {
    if (queue === undefined) {
      const value = pause === undefined ? '' : encodeEntry(pause);
      record({ kind: 'noted', at, space: 'engine', name: ENGINE_PAUSE, what, detail, value });
      book.rereadEngine();
    } else {
      const { pause: _before, ...stored } = book.stored(queue);
      noteQueue(queue, what, detail, pause === undefined ? stored : { ...stored, pause }, at);
    }
  }

  function noteQueue(name: string, what: string, detail: string | undefined, stored: StoredQueue, at: number): void {
    const starts = rates.of(name)?.stored(at);
    const value = encodeEntry(starts === undefined ? stored : { ...stored, starts });
    record({ kind: 'noted', at, space: 'queue', name, what, detail, value });
    book.reread(name);
  }

  return regulate;
}

function withLayer(stored: StoredQueue, layer: QueueLayer, cleared: ReadonlyArray<keyof QueueLayer>): StoredQueue {
  const kept = Object.entries(stored.settings ?? {}).filter(([name]) => !cleared.includes(name as keyof QueueLayer));
  return { ...stored, settings: { ...Object.fromEntries(kept), ...layer } };
}
