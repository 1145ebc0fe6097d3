/** What is true of few jobs at a time, by slot: it is kept in maps instead of columns that would be empty for the rest. */
import { NumberMap } from './number-map.ts';
import type { Carried, Enqueued } from './event.ts';

/** A body's place in the log, and what its record takes there. */
interface BodyPlace {
  readonly position: number;
  readonly bytes: number;
}

export class RareFacts {
  /** The token of the attempt that runs. */
  readonly tokens = new NumberMap<number>();
  /** Running jobs that are being cancelled. */
  readonly cancelling = new Set<number>();
  readonly deadlines = new Map<number, number>();
  /** The edges to parents, as they are stored. */
  readonly parents = new Map<number, string>();
  /** Whose turns they take in their queues. */
  readonly keys = new Map<number, string>();
  /** Jobs that died because of a parent. */
  readonly unreachable = new Set<number>();
  readonly checkpoints = new Map<number, BodyPlace>();
  /** Payloads that replaced the one in the job's first record. */
  readonly payloads = new Map<number, BodyPlace>();

  readonly #ofSomeJobs = [
    this.deadlines,
    this.parents,
    this.keys,
    this.unreachable,
    this.checkpoints,
    this.payloads,
  ] as const;

  /** What a job has from its beginning. */
  begin(slot: number, { deadlineAt, parents, key }: Pick<Enqueued, 'deadlineAt' | 'parents' | 'key'>): void {
    if (deadlineAt > 0) this.deadlines.set(slot, deadlineAt);
    if (parents !== '') this.parents.set(slot, parents);
    if (key !== '') this.keys.set(slot, key);
  }

  /** What else a carried job has. */
  resume(slot: number, event: Carried, position: number): void {
    if (event.state === 'running') this.tokens.set(slot, event.token);
    if (event.isCancelling) this.cancelling.add(slot);
    if (event.isUnreachable) this.unreachable.add(slot);
    if (event.hasCheckpoint) this.checkpoints.set(slot, { position, bytes: 0 });
  }

  checkpointBytes(slot: number): number {
    return this.checkpoints.get(slot)?.bytes ?? 0;
  }

  payloadBytes(slot: number): number {
    return this.payloads.get(slot)?.bytes ?? 0;
  }

  /** The job is forgotten. */
  forget(slot: number): void {
    for (const facts of this.#ofSomeJobs) if (facts.size > 0) facts.delete(slot);
  }
}
