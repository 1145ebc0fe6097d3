/** Jobs that wait for jobs: what the state of one means for the others. */
import type { FlatError } from '../errors.ts';
import type { JobEvent } from '../job/event.ts';
import { isFinal } from '../job/machine.ts';
import type { JobTable } from '../job/table.ts';
import type { ActorRef } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Dependencies } from './dependencies.ts';
import type { DispatcherMessage, JobEnd } from './messages.ts';
import type { Retention } from './retention.ts';

export interface FamilyParts {
  readonly clock: Clock;
  readonly table: JobTable;
  readonly dependencies: Dependencies;
  readonly retention: Retention;
  readonly dispatcher: ActorRef<DispatcherMessage>;
  readonly record: (event: JobEvent) => number;
  /** What is done for every job that reaches a final state; it calls back here. */
  readonly ended: (slot: number, jobEnd: JobEnd) => void;
}

export interface Families {
  /** A job waits now: for a slot, for its parents, or, if they ended otherwise, for nothing any more. */
  waits(slot: number): void;
  /** The state of a job has changed: its children go on, are blocked, or die, and their children with them. */
  settleChildren(slot: number): void;
  /** A job has ended: it may be forgotten in time, and so may its parents if nobody else needs them. */
  retire(slot: number): void;
  /** A job and all that wait for it, children before their parents, so that none ends under another's hands. */
  descendants(slot: number): number[];
}

export function createFamilies(parts: FamilyParts): Families {
  const { clock, table, dependencies, retention, dispatcher, record, ended } = parts;
  /** Jobs whose new state was not told to their children yet: a list, since chains may be deep. */
  let unsettled: number[] = [];

  function waits(slot: number): void {
    const reachability = dependencies.of(slot);
    if (reachability === 'free') dispatcher.tell({ kind: 'waiting', slot });
    if (reachability === 'unreachable') dieUnreachable(slot);
  }

  function dieUnreachable(slot: number): void {
    const [parent] = dependencies.parentsIn(slot, 'failed');
    const error: FlatError = { name: 'Error', message: `The job ${parent ?? '?'} that it waited for ended otherwise.` };
    record({ kind: 'died', slot, at: clock.now(), why: 'unreachable', error: JSON.stringify(error) });
    dispatcher.tell({ kind: 'gone', slot });
    ended(slot, { state: 'dead', reason: 'unreachable', error });
  }

  function settleChildren(slot: number): void {
    if (dependencies.isEmpty) return;
    unsettled.push(slot);
    // Whoever is further up in this call works the list off.
    if (unsettled.length > 1) return;
    for (let n = 0; n < unsettled.length; n++) {
      for (const child of dependencies.follow(unsettled[n] as number)) settleChild(child);
    }
    unsettled = [];
  }

  function settleChild(child: number): void {
    const state = table.stateOf(child);
    const reachability = dependencies.of(child);
    if (state === 'waiting') {
      if (reachability === 'blocked') dispatcher.tell({ kind: 'gone', slot: child });
      else waits(child);
    } else if (state === 'dead' && table.isUnreachable(child) && reachability !== 'unreachable') {
      // Another job has its unique key meanwhile: somebody has to decide between the two.
      if (table.labelled.isTaken(child, table.typeNumberOf(child))) return;
      const at = clock.now();
      retention.forget(child);
      record({ kind: 'revived', slot: child, at, dueAt: at, keepAttempts: true });
      waits(child);
      settleChildren(child);
    }
  }

  function retire(slot: number): void {
    retireOne(slot);
    for (const parent of dependencies.parentsOf(slot)) retireOne(parent);
  }

  function retireOne(slot: number): void {
    if (isFinal(table.stateOf(slot)) && !dependencies.isNeeded(slot) && !retention.has(slot)) retention.add(slot);
  }

  function descendants(slot: number): number[] {
    const members: number[] = [];
    const seen = new Set([slot]);
    const path = [{ member: slot, children: [...dependencies.childrenOf(slot)] }];
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const child = step.children.pop();
      if (child === undefined) {
        members.push(step.member);
        path.pop();
      } else if (!seen.has(child)) {
        seen.add(child);
        path.push({ member: child, children: [...dependencies.childrenOf(child)] });
      }
    }
    return members;
  }

  return { waits, settleChildren, retire, descendants };
}
