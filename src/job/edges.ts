/** What a job waits for: the ends of other jobs. Pure; who knows which job is where is asked for states. */
import type { StoredState } from './machine.ts';

/** With which end of the parent the child may go on: `failure` means that it is dead or cancelled. */
export const EDGE_CONDITIONS = ['success', 'failure', 'always'] as const;
export type EdgeCondition = (typeof EDGE_CONDITIONS)[number];

export interface Edge {
  /** The parent's id. */
  readonly id: string;
  readonly on: EdgeCondition;
  /** Under which name the child finds the parent's result. */
  readonly as: string;
}

/** `pending`: the parent has not ended. `failed`: it ended otherwise, or is missing, so the child can never start. */
export type EdgeState = 'pending' | 'met' | 'failed';

/**
 * @param parent `absent` for a parent that was never stored or is forgotten
 * @param hasStarted whether the child was started before: then all its edges were met once, and a parent that has been
 *   forgotten since does not undo that
 */
export function edgeState(on: EdgeCondition, parent: StoredState, hasStarted: boolean): EdgeState {
  switch (parent) {
    case 'waiting':
    case 'running':
      return 'pending';
    case 'completed':
      return on === 'failure' ? 'failed' : 'met';
    case 'cancelled':
    case 'dead':
      return on === 'success' ? 'failed' : 'met';
    case 'absent':
      return hasStarted || on === 'always' ? 'met' : 'failed';
  }
}

/** As text, to be stored with the child; empty for none. */
export function encodeEdges(edges: readonly Edge[]): string {
  if (edges.length === 0) return '';
  return JSON.stringify(edges.map(({ id, on, as }) => (as === id ? [id, on] : [id, on, as])));
}

export function decodeEdges(text: string): Edge[] {
  if (text === '') return [];
  return (JSON.parse(text) as Array<[string, EdgeCondition, string?]>).map(([id, on, as]) => ({
    id,
    on,
    as: as ?? id,
  }));
}
