/** What people do to jobs that do not run: each change is refused, or becomes one event and what follows from it. */
import { DuplicateJobError, IllegalTransitionError, JobNotFoundError, type HoldfastError } from '../errors.ts';
import type { Removed, Rescheduled, Revived, Updated } from '../job/event.ts';
import { isFinal, nextState } from '../job/machine.ts';
import type { JobTable } from '../job/table.ts';
import type { CommandParts } from './commands.ts';
import type { Families } from './families.ts';
import type { Change } from './messages.ts';

/** Undefined when it was done, else why not. */
export type Changes = (id: string, change: Change) => HoldfastError | undefined;

export function createChanges(parts: CommandParts & { readonly table: JobTable }, families: Families): Changes {
  const { clock, table, dependencies, retention, dispatcher, waiters, record, pending } = parts;

  function changed(id: string, change: Change): HoldfastError | undefined {
    const slot = table.ids.find(id);
    if (slot < 0) return new JobNotFoundError(id);
    const event = eventOf(change, slot, clock.now());
    const refusal = refusalOf(id, slot, change, event);
    if (refusal !== undefined) return refusal;
    if (event.kind === 'removed') {
      remove(slot, event);
      return undefined;
    }
    if (isFinal(table.stateOf(slot))) retention.forget(slot);
    record(event);
    families.waits(slot);
    families.settleChildren(slot);
    return undefined;
  }

  function eventOf(change: Change, slot: number, at: number): Revived | Rescheduled | Updated | Removed {
    switch (change.kind) {
      case 'clear':
      case 'delete':
        return { kind: 'removed', slot, at };
      case 'revive':
        return { kind: 'revived', slot, at, dueAt: at, keepAttempts: change.attempts === 'keep' };
      case 'promote':
        return { kind: 'rescheduled', slot, at, dueAt: at };
      case 'retry':
        return isFinal(table.stateOf(slot))
          ? { kind: 'revived', slot, at, dueAt: at, keepAttempts: false }
          : { kind: 'rescheduled', slot, at, dueAt: at };
      case 'update': {
        const { hasPayload, payload } = change;
        const dueAt = change.runAt ?? (change.delayMs === undefined ? table.dueAtOf(slot) : at + change.delayMs);
        const priority = change.priority ?? table.priorityOf(slot);
        return { kind: 'updated', slot, at, priority, dueAt, hasPayload, payload, keepAttempts: true };
      }
    }
  }

  function refusalOf(
    id: string,
    slot: number,
    change: Change,
    event: ReturnType<typeof eventOf>,
  ): HoldfastError | undefined {
    const state = table.stateOf(slot);
    const illegal = (): HoldfastError => new IllegalTransitionError({ id, state, event: event.kind });
    if (nextState(state, event.kind) === undefined) return illegal();
    if (change.kind === 'clear' && !isFinal(state)) return illegal();
    if (change.kind === 'delete' && change.state !== undefined && change.state !== state) return illegal();
    // The payload was checked for the type that the id had.
    if (change.kind === 'update' && change.type !== table.typeOf(slot)) return new JobNotFoundError(id);
    if (event.kind === 'removed') return dependencies.isNeeded(slot) ? illegal() : undefined;
    if (dependencies.of(slot) === 'unreachable') return illegal();
    if (event.kind !== 'revived' || !table.labelled.isTaken(slot, table.typeNumberOf(slot))) return undefined;
    return new DuplicateJobError({ key: table.labelled.of(slot)?.unique ?? '', id: undefined });
  }

  function remove(slot: number, event: Removed): void {
    if (isFinal(table.stateOf(slot))) {
      retention.forget(slot);
      record(event);
      return;
    }
    const found = { slot, order: table.orderOf(slot) };
    const parents = dependencies.parentsOf(slot);
    record(event);
    dispatcher.tell({ kind: 'gone', slot });
    waiters.answer(found, { found }, pending());
    for (const parent of parents) families.retire(parent);
    if (parts.watched.delete(slot)) parts.schedules.tell({ kind: 'ended', slot });
  }

  return changed;
}
