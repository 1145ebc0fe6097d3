/** A start as the journal sees it: the dispatcher found a slot, and what it found may not be true any more. */
import type { JobTable } from '../job/table.ts';
import type { CommandParts } from './commands.ts';
import type { JournalMessage } from './messages.ts';

export type StartCommand = Extract<JournalMessage, { kind: 'start' }>;

export function createStart(
  parts: CommandParts & { readonly table: JobTable; readonly waits: (slot: number) => void },
): (command: StartCommand) => void {
  const { table, dependencies, book, rates, dispatcher } = parts;
  return ({ slot, order, hold }) => {
    const isStill = table.stateOf(slot) === 'waiting' && table.orderOf(slot) === order && !parts.isClosing();
    const at = parts.clock.now();
    const isDue = isStill && table.dueAtOf(slot) <= at;
    const isHeld = book.isPaused(hold.queue, at) || (!rates.isEmpty && !rates.allows(hold, at));
    if (isDue && dependencies.of(slot) === 'free' && !isHeld) {
      const token = parts.record({ kind: 'started', slot, at, starts: table.startsOf(slot) + 1 });
      if (!rates.isEmpty) rates.started(hold, at);
      parts.pending().starts.push({ slot, order, token, hold });
      return;
    }
    rates.refused(hold);
    dispatcher.tell({ kind: 'released', hold });
    if (isStill) parts.waits(slot);
  };
}
