/** Makes a failing run smaller: fewer operations and faults that still break the same law. */
import type { Plan } from './plan.ts';
import { simulate } from './simulation.ts';

export interface Shrunk {
  /** The indexes of what is left. */
  readonly ops: readonly number[];
  readonly faults: readonly number[];
}

/** How many runs it may take. */
const MOST_RUNS = 400;

/** Takes out ever smaller parts as long as the run still breaks `law` (Zeller's ddmin). */
export async function shrink(plan: Plan, law: string): Promise<Shrunk> {
  let left = MOST_RUNS;
  let ops = plan.ops.map((_, index) => index);
  let faults = plan.faults.map((_, index) => index);

  async function stillFails(withOps: readonly number[], withFaults: readonly number[]): Promise<boolean> {
    if (left-- <= 0) return false;
    const part = {
      ...plan,
      ops: plan.ops.filter((_, index) => withOps.includes(index)),
      faults: plan.faults.filter((_, index) => withFaults.includes(index)),
    };
    return (await simulate(part)).violations[0]?.law === law;
  }

  async function reduced(items: number[], fails: (kept: number[]) => Promise<boolean>): Promise<number[]> {
    for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < items.length;) {
        const kept = items.filter((_, index) => index < from || index >= from + size);
        if (await fails(kept)) items = kept;
        else from += size;
      }
    }
    return items;
  }

  for (let before = Infinity; ops.length + faults.length < before && left > 0;) {
    before = ops.length + faults.length;
    faults = await reduced(faults, (kept) => stillFails(ops, kept));
    ops = await reduced(ops, (kept) => stillFails(kept, faults));
  }
  return { ops, faults };
}
