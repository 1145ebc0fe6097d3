/**
 * Which jobs wait for which others. It is derived from the job table: the edges are stored with the child, and whether
 * one is met follows from the state of the parent. Each end of a parent is worked off in time proportional to its
 * children, however many other parents they have.
 *
 * An edge leads to the job that had the id when the child was stored. One that came later under the same id is another
 * job, and means nothing to the child; so nobody can wait in a circle, and a replay sees what was seen before it.
 */
import { decodeEdges, edgeState, type EdgeCondition, type EdgeState } from '../job/edges.ts';
import { isFinal } from '../job/machine.ts';
import type { JobTable } from '../job/table.ts';

interface Dependency {
  /** The parent's. */
  readonly id: string;
  readonly on: EdgeCondition;
  state: EdgeState | undefined;
}

/** Most jobs wait for one other, so that nothing is a map that can be looked through. */
interface Child {
  readonly edges: readonly Dependency[];
  /** The same by id, if they are many. */
  readonly byId: ReadonlyMap<string, Dependency> | undefined;
  pending: number;
  failed: number;
}

/** `free`: all its parents allow it to start. `unreachable`: one ended in a way that never will. */
export type Reachability = 'free' | 'blocked' | 'unreachable';

const NOBODY: readonly number[] = [];
/** So many edges are looked through one by one. */
const FEW = 16;

export class Dependencies {
  readonly #table: JobTable;
  readonly #children = new Map<number, Child>();
  /** By the id of the parent, which may not be stored. */
  readonly #byParent = new Map<string, number | Set<number>>();

  /** Takes in all stored jobs that wait for others. */
  constructor(table: JobTable) {
    this.#table = table;
    for (const slot of table.slotsWithParents()) this.add(slot);
  }

  /** Whether no stored job waits, or waited, for another. */
  get isEmpty(): boolean {
    return this.#children.size === 0;
  }

  /** A job with parents was stored. */
  add(slot: number): void {
    const text = this.#table.parentsOf(slot);
    if (text === undefined) return;
    const byId = new Map<string, Dependency>();
    for (const { id, on } of decodeEdges(text)) byId.set(id, { id, on, state: undefined });
    const edges = [...byId.values()];
    const child: Child = { edges, byId: edges.length > FEW ? byId : undefined, pending: 0, failed: 0 };
    this.#children.set(slot, child);
    for (const edge of edges) {
      const others = this.#byParent.get(edge.id);
      if (others === undefined) this.#byParent.set(edge.id, slot);
      else if (typeof others === 'number') this.#byParent.set(edge.id, new Set([others, slot]));
      else others.add(slot);
      this.#update(slot, child, edge);
    }
  }

  /**
   * A job is forgotten by `forget`: its edges go, and its children see that it is absent, as they would after a restart.
   */
  remove(slot: number, forget: () => void): void {
    if (this.isEmpty) return forget();
    const children = this.childrenOf(slot);
    const id = children.length > 0 ? this.#table.ids.of(slot) : '';
    this.#removeEdges(slot);
    forget();
    for (const childSlot of children) {
      const child = this.#children.get(childSlot);
      const edge = child && edgeTo(id, child);
      if (child !== undefined && edge !== undefined) this.#update(childSlot, child, edge);
    }
  }

  #removeEdges(slot: number): void {
    const child = this.#children.get(slot);
    if (child === undefined) return;
    this.#children.delete(slot);
    for (const { id } of child.edges) {
      const children = this.#byParent.get(id);
      if (typeof children === 'object') children.delete(slot);
      if (children === slot || (typeof children === 'object' && children.size === 0)) this.#byParent.delete(id);
    }
  }

  /** The state of this job has changed. Returns its children whose reachability changed with it. */
  follow(slot: number): readonly number[] {
    const children = this.childrenOf(slot);
    if (children.length === 0) return NOBODY;
    const id = this.#table.ids.of(slot);
    const affected: number[] = [];
    for (const childSlot of children) {
      const child = this.#children.get(childSlot);
      const edge = child && edgeTo(id, child);
      if (child === undefined || edge === undefined) continue;
      const before = reachabilityOf(child);
      this.#update(childSlot, child, edge);
      if (reachabilityOf(child) !== before) affected.push(childSlot);
    }
    return affected;
  }

  of(slot: number): Reachability {
    if (this.#children.size === 0) return 'free';
    const child = this.#children.get(slot);
    return child === undefined ? 'free' : reachabilityOf(child);
  }

  /** Whether a job still has a child that has not ended: then it must not be forgotten. */
  isNeeded(slot: number): boolean {
    const children = this.#byParent.size === 0 ? undefined : this.#byParent.get(this.#table.ids.of(slot));
    if (children === undefined) return false;
    if (typeof children === 'number') {
      return !isFinal(this.#table.stateOf(children)) && this.#isBefore(slot, children);
    }
    // Whoever has ended goes to the back: this is asked after each end of a child, and the first may be the last to end.
    let left = children.size;
    for (const child of children) {
      if (!isFinal(this.#table.stateOf(child)) && this.#isBefore(slot, child)) return true;
      if (--left === 0) return false;
      children.delete(child);
      children.add(child);
    }
    return false;
  }

  childrenOf(slot: number): readonly number[] {
    if (this.#byParent.size === 0) return NOBODY;
    const children = this.#byParent.get(this.#table.ids.of(slot));
    if (children === undefined) return NOBODY;
    const all = typeof children === 'number' ? [children] : [...children];
    return all.filter((child) => this.#isBefore(slot, child));
  }

  /** Whether the one was stored before the other. */
  #isBefore(slot: number, other: number): boolean {
    return this.#table.orderOf(slot) < this.#table.orderOf(other);
  }

  /** The stored parents of a job. */
  parentsOf(slot: number): readonly number[] {
    const child = this.#children.get(slot);
    if (child === undefined) return NOBODY;
    return child.edges
      .map(({ id }) => this.#table.ids.find(id))
      .filter((parent) => parent >= 0 && this.#isBefore(parent, slot));
  }

  /** The ids of the parents that an edge in `state` leads to. */
  parentsIn(slot: number, state: EdgeState): string[] {
    const edges = this.#children.get(slot)?.edges ?? [];
    return edges.flatMap((edge) => (edge.state === state ? [edge.id] : []));
  }

  #update(slot: number, child: Child, edge: Dependency): void {
    const parent = this.#table.ids.find(edge.id);
    const isHere = parent >= 0 && this.#isBefore(parent, slot);
    const parentState = isHere ? this.#table.stateOf(parent) : 'absent';
    const before = edge.state;
    const after = edgeState(edge.on, parentState, this.#table.startsOf(slot) > 0);
    edge.state = after;
    child.pending += Number(after === 'pending') - Number(before === 'pending');
    child.failed += Number(after === 'failed') - Number(before === 'failed');
  }
}

function edgeTo(id: string, { edges, byId }: Child): Dependency | undefined {
  return byId === undefined ? edges.find((edge) => edge.id === id) : byId.get(id);
}

function reachabilityOf({ pending, failed }: Child): Reachability {
  if (failed > 0) return 'unreachable';
  return pending > 0 ? 'blocked' : 'free';
}
