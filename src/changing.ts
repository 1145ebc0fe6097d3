/** The methods that change stored jobs from outside: what they ask is checked here, and done by the journal. */
import type { Change, ChangeReport, JournalMessage, NewJob, Settle } from './actors/messages.ts';
import type { Admission } from './admission.ts';
import { InvalidArgumentError, JobNotFoundError, type HoldfastError } from './errors.ts';
import { checkObject, oneOf } from './job/check.ts';
import type { Duration } from './job/duration.ts';
import { checkId } from './job/name.ts';
import { checkFilter, matcherOf, scan, type Criteria, type JobFilter, type ListingParts } from './listing.ts';

export interface ReviveOptions {
  /** `reset`: a new series of attempts; `keep`: only what is left of the old one. @default 'reset' */
  readonly attempts?: 'reset' | 'keep';
}

/** What of a waiting job is to change; what is left out stays as it is. */
export interface JobUpdate {
  readonly priority?: number;
  /** Not to be started before this long from now. */
  readonly delay?: Duration;
  /** Not to be started before this moment; at most one of the two. */
  readonly runAt?: Date | number | string;
  /** Checked by the validator of its type, as by `enqueue`. The job's checkpoint goes, since it was saved for the old one. */
  readonly payload?: unknown;
}

export interface PurgeReport {
  readonly removed: number;
  /** Jobs that the filter means and that stayed: they run, or others that have not ended wait for them. */
  readonly kept: number;
}

/** What became of one of several ids. */
export type ChangeOutcome =
  | { readonly id: string; readonly ok: true }
  | { readonly id: string; readonly ok: false; readonly error: HoldfastError };

export interface ChangingParts {
  readonly ask: <Value>(message: (settle: Settle<Value>) => JournalMessage) => Promise<Value>;
  readonly admission: Admission;
  /** As it is now; a recovery replaces it. */
  readonly listing: () => ListingParts;
}

export interface Changing {
  revive(ids: readonly string[], options?: ReviveOptions): Promise<ChangeOutcome[]>;
  retry(ids: readonly string[]): Promise<ChangeOutcome[]>;
  promote(ids: readonly string[]): Promise<ChangeOutcome[]>;
  clear(ids: readonly string[]): Promise<ChangeOutcome[]>;
  delete(ids: readonly string[]): Promise<ChangeOutcome[]>;
  update(id: string, changes: JobUpdate): Promise<void>;
  purge(filter: JobFilter): Promise<PurgeReport>;
}

/** How many jobs are removed by one write of a purge. */
const PURGE_SLICE = 1_000;
const UPDATE_WORDS = ['priority', 'delay', 'runAt', 'payload'];

export function changingMethods({ ask, admission, listing }: ChangingParts): Changing {
  async function change(ids: readonly string[], what: Change): Promise<ChangeOutcome[]> {
    if (!Array.isArray(ids)) throw new InvalidArgumentError({ field: 'ids', expected: 'a list of ids', got: ids });
    for (const id of ids) checkId(id);
    const report = await ask<ChangeReport>((settle) => ({ kind: 'change', ids, change: what, settle }));
    return ids.map((id: string, n) => {
      const error = report[n];
      return error === undefined ? { id, ok: true } : { id, ok: false, error };
    });
  }

  function flush(): Promise<void> {
    return ask<void>((settle) => ({ kind: 'flush', settle }));
  }

  async function update(id: string, changes: JobUpdate): Promise<void> {
    checkId(id);
    checkObject(changes, 'changes', '{ priority: 10 }');
    for (const word of Object.keys(changes)) {
      if (UPDATE_WORDS.includes(word)) continue;
      throw new InvalidArgumentError({
        field: `changes.${word}`,
        expected: `one of ${UPDATE_WORDS.join(', ')}`,
        got: word,
      });
    }
    const { priority, delay, runAt } = changes;
    const hasPayload = 'payload' in changes;
    await flush();
    const { table } = listing();
    const slot = table.ids.find(id);
    if (slot < 0) {
      // It may have gone in this very moment, and that is to be durable before it is told.
      await flush();
      throw new JobNotFoundError(id);
    }
    const type = table.typeOf(slot);
    const options = {
      ...(priority !== undefined && { priority }),
      ...(delay !== undefined && { delay }),
      ...(runAt !== undefined && { runAt }),
    };
    // Without a new payload, the validator has nothing to say.
    const admitted: Pick<NewJob, 'delayMs' | 'runAt' | 'payload'> = hasPayload
      ? await admission.admit(type, changes.payload, options)
      : { ...admission.check(options), payload: undefined };
    const [report] = await change([id], {
      ...{ kind: 'update', type, priority, hasPayload },
      payload: admitted.payload,
      delayMs: delay === undefined ? undefined : admitted.delayMs,
      runAt: admitted.runAt,
    });
    if (report?.ok === false) throw report.error;
  }

  async function purge(filter: JobFilter): Promise<PurgeReport> {
    const criteria = checkFilter(filter);
    if (Object.values(criteria).every((word) => word === undefined)) {
      throw new InvalidArgumentError({
        field: 'filter',
        expected: 'at least one word, so that not all is lost',
        got: filter,
      });
    }
    await flush();
    let removed = 0;
    for (;;) {
      const pass = await purgeOnce(criteria);
      removed += pass.removed;
      // Jobs that others wait for can go when those have gone.
      if (pass.removed === 0 || pass.kept === 0) return { removed, kept: pass.kept };
    }
  }

  async function purgeOnce(criteria: Criteria): Promise<PurgeReport> {
    const parts = listing();
    const matches = matcherOf(criteria, parts);
    const report = { removed: 0, kept: 0 };
    let ids: string[] = [];
    const purgeSlice = async (): Promise<void> => {
      const outcomes = await change(ids, { kind: 'delete', state: criteria.state });
      ids = [];
      for (const { ok } of outcomes) report[ok ? 'removed' : 'kept']++;
    };
    await scan(parts.table, parts.clock, (slot) => {
      if (matches(slot)) ids.push(parts.table.ids.of(slot));
      return ids.length === PURGE_SLICE ? purgeSlice() : undefined;
    });
    if (ids.length > 0) await purgeSlice();
    return report;
  }

  return {
    async revive(ids, options = {}) {
      checkObject(options, 'options', "{ attempts: 'keep' }");
      const attempts = oneOf(options.attempts, 'attempts', ['reset', 'keep']);
      return change(ids, { kind: 'revive', attempts });
    },
    retry: (ids) => change(ids, { kind: 'retry' }),
    promote: (ids) => change(ids, { kind: 'promote' }),
    clear: (ids) => change(ids, { kind: 'clear' }),
    delete: (ids) => change(ids, { kind: 'delete', state: undefined }),
    update,
    purge,
  };
}
