/** Several jobs that wait for one another, stored at once: names become ids, and parents come before children. */
import type { AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError } from './errors.ts';
import type { JobState } from './job/machine.ts';
import type { AfterOption, JobOptions } from './job-options.ts';

/** A job and all that are connected with it, as one value. */
export interface GraphView {
  /** In the order in which they were accepted. `after`: the stored jobs it waited for, by id. */
  readonly jobs: ReadonlyArray<{
    readonly id: string;
    readonly type: string;
    readonly state: JobState;
    readonly after: readonly string[];
  }>;
  readonly counts: Readonly<Record<JobState, number>>;
  readonly ended: number;
  readonly total: number;
  /** The share that has ended, 0 to 1; for a bar. */
  readonly progress: number;
}

/** A job of a graph: `after` may name other jobs of the graph by their keys, and any job by its id. */
export type GraphNode = readonly [job: AnyJobDefinition | string, payload?: unknown, options?: JobOptions];
export type GraphNodes = Readonly<Record<string, GraphNode>>;

export interface PlannedNode {
  readonly key: string;
  readonly job: AnyJobDefinition | string;
  readonly payload: unknown;
  /** With its id, and with the ids of its parents. */
  readonly options: JobOptions & { readonly id: string };
}

/**
 * Gives every job of the graph an id and puts parents before children (Kahn, 1962).
 *
 * @throws {InvalidArgumentError} for a cycle, which is named, and for what is not a graph
 */
export function planGraph(nodes: GraphNodes, createId: () => string): PlannedNode[] {
  if (typeof nodes !== 'object' || nodes === null || Array.isArray(nodes)) {
    throw new InvalidArgumentError({ field: 'graph', expected: 'an object of [job, payload, options]', got: nodes });
  }
  const keys = Object.keys(nodes);
  for (const key of keys) checkNode(key, nodes[key]);
  const ids = new Map(keys.map((key) => [key, nodes[key]?.[2]?.id ?? createId()]));
  return inOrder(nodes, keys).map((key) => {
    const [job, payload, options] = nodes[key] as GraphNode;
    const after = options?.after?.map((parent) => resolved(parent, ids));
    return { key, job, payload, options: { ...options, ...(after && { after }), id: ids.get(key) as string } };
  });
}

function checkNode(key: string, node: unknown): void {
  const field = `graph.${key}`;
  if (!Array.isArray(node)) throw new InvalidArgumentError({ field, expected: '[job, payload, options]', got: node });
  const after = (node[2] as JobOptions | undefined)?.after;
  if (after !== undefined && !Array.isArray(after)) {
    throw new InvalidArgumentError({ field: `${field}.after`, expected: 'a list of keys and ids', got: after });
  }
}

function resolved(parent: AfterOption, ids: ReadonlyMap<string, string>): AfterOption {
  const { id: name, ...rest } = typeof parent === 'string' ? { id: parent } : parent;
  return { as: name, ...rest, id: ids.get(name) ?? name };
}

function parentKeys(nodes: GraphNodes, key: string): string[] {
  const names = nodes[key]?.[2]?.after?.map((parent) => (typeof parent === 'string' ? parent : parent.id)) ?? [];
  return names.filter((name) => Object.hasOwn(nodes, name));
}

function inOrder(nodes: GraphNodes, keys: readonly string[]): string[] {
  const children = new Map<string, string[]>(keys.map((key) => [key, []]));
  const missing = new Map<string, number>();
  for (const key of keys) {
    const parents = new Set(parentKeys(nodes, key));
    missing.set(key, parents.size);
    for (const parent of parents) children.get(parent)?.push(key);
  }
  const ordered = keys.filter((key) => missing.get(key) === 0);
  for (const key of ordered) {
    for (const child of children.get(key) ?? []) {
      const left = (missing.get(child) ?? 0) - 1;
      missing.set(child, left);
      if (left === 0) ordered.push(child);
    }
  }
  if (ordered.length === keys.length) return ordered;
  throw new InvalidArgumentError({
    field: 'graph',
    expected: 'no job that waits for itself',
    got: cycleIn(nodes, missing),
  });
}

/** One cycle, written as `a → b → a`: each waits for the one before it. */
function cycleIn(nodes: GraphNodes, missing: ReadonlyMap<string, number>): string {
  const isStuck = (key: string): boolean => (missing.get(key) ?? 0) > 0;
  const path: string[] = [];
  let key = [...missing.keys()].find(isStuck) as string;
  while (!path.includes(key)) {
    path.push(key);
    key = parentKeys(nodes, key).find(isStuck) as string;
  }
  return [...path.slice(path.indexOf(key)), key].reverse().join(' → ');
}
