/**
 * The loop of SQLite's tests: the first operation on the disk fails, then the second one, and so on, until a run comes to
 * its end without having met the fault. Each way once, and from then on until the faults end.
 */
import type { FaultKind, FaultPolicy, Site } from './faults.ts';
import type { Plan } from './plan.ts';
import { simulate, type Outcome } from './simulation.ts';

export interface IndexMode {
  readonly name: string;
  /** What the operation with the number `n` and those after it meet. */
  readonly policy: (n: number) => FaultPolicy;
}

function fault(site: Site, atWrite: FaultKind, elsewhere: FaultKind): FaultKind | undefined {
  if (site === 'record') return undefined;
  return site === 'write' ? atWrite : elsewhere;
}

function once(name: string, atWrite: FaultKind, elsewhere: FaultKind): IndexMode {
  return {
    name,
    policy: (n) => (site, _nth, nthOfAll) => (nthOfAll === n ? fault(site, atWrite, elsewhere) : undefined),
  };
}

export const MODES: readonly IndexMode[] = [
  once('fails, and nothing of it is there', 'gone', 'error'),
  once('fails, but it is there', 'there', 'error'),
  {
    name: 'fails, and so does every one after it',
    policy: (n) => (site, _nth, nthOfAll) => (nthOfAll >= n ? fault(site, 'gone', 'error') : undefined),
  },
  once('is preceded by a crash', 'crashBefore', 'crashBefore'),
  once('is followed by a crash', 'crashAfter', 'crashAfter'),
];

/** Operation `n` meets the first, and the one that is `after` operations behind it, in the recovery, the second. */
export function twice(first: IndexMode, second: IndexMode, after: number): IndexMode {
  return {
    name: `${first.name}; then one of the recovery ${second.name}`,
    policy: (n) => {
      const policies = [first.policy(n), second.policy(n + after)];
      return (site, nth, nthOfAll) => policies[0]?.(site, nth, nthOfAll) ?? policies[1]?.(site, nth, nthOfAll);
    },
  };
}

export interface IndexResult {
  readonly runCount: number;
  /** What went wrong, and where. */
  readonly failed: readonly string[];
}

const MOST_OPERATIONS = 2_000;

/** @param every looks at every so-manieth operation only */
export async function runIndex(plan: Plan, { name, policy }: IndexMode, every = 1): Promise<IndexResult> {
  const failed: string[] = [];
  let runCount = 0;
  for (let n = 1; n <= MOST_OPERATIONS; n += every) {
    const outcome: Outcome = await simulate(plan, { policy: policy(n) });
    runCount++;
    const [violation] = outcome.violations;
    if (violation !== undefined) failed.push(`operation ${n} ${name}: ${violation.law}: ${violation.detail}`);
    if (outcome.faultCount === 0) return { runCount, failed };
  }
  return { runCount, failed: [...failed, 'the run never came to its end without meeting the fault'] };
}
