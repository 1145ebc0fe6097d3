/**
 * Runs many seeds and says what they found. A seed that fails is made smaller and printed with the command that
 * replays it.
 *
 *   node dist/test/simulation/main.js --seeds 2000            seeds 1 to 2000, the first ones twice
 *   node dist/test/simulation/main.js --seeds 2000 --from 5001
 *   node dist/test/simulation/main.js --seed 17               one seed, with its trace
 *   node dist/test/simulation/main.js --seed 17 --ops 3,9 --faults 2   only these operations and faults of it
 */
import { parseArgs } from 'node:util';
import { planOf, type Plan } from './plan.ts';
import { shrink } from './shrink.ts';
import { simulate, type Outcome } from './simulation.ts';
import { Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    ops: { type: 'string' },
    faults: { type: 'string' },
    most: { type: 'string', default: '3' },
    /** Without making what fails smaller. */
    brief: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});

if (values.seed === undefined) await many(Number(values.from), Number(values.seeds ?? 2000), Number(values.most));
else await one(Number(values.seed));

async function one(seed: number): Promise<void> {
  const plan = chosen(planOf(seed), values.ops, values.faults);
  const outcome = await simulate(plan, { keepTrace: true });
  if (!values.quiet) for (const line of outcome.lines) console.log(line);
  console.log(JSON.stringify(plan.config));
  for (const op of plan.ops) console.log(JSON.stringify(op));
  for (const fault of plan.faults) console.log(JSON.stringify(fault));
  say(seed, outcome);
  process.exitCode = outcome.violations.length === 0 ? 0 : 1;
}

function chosen(plan: Plan, ops: string | undefined, faults: string | undefined): Plan {
  const only = <Item>(items: readonly Item[], list: string | undefined): readonly Item[] =>
    list === undefined ? items : items.filter((_, index) => list.split(',').includes(String(index)));
  return { ...plan, ops: only(plan.ops, ops), faults: only(plan.faults, faults) };
}

async function many(from: number, count: number, most: number): Promise<void> {
  const tally = new Tally();
  for (let seed = from; seed < from + count && tally.failedCount < most; seed++) {
    const plan = planOf(seed);
    const outcome = await simulate(plan);
    tally.add(outcome);
    if (seed - from < 20 && (await simulate(plan)).hash !== outcome.hash) {
      tally.failedCount++;
      console.log(`seed ${seed}: two runs are not the same`);
    }
    if (outcome.violations.length > 0) await explain(plan, outcome);
    if ((seed - from + 1) % 2_000 === 0) console.log(tally.summary());
  }
  console.log(tally.summary());
  process.exitCode = tally.failedCount === 0 ? 0 : 1;
}

async function explain(plan: Plan, outcome: Outcome): Promise<void> {
  say(plan.seed, outcome);
  if (values.brief) return;
  const { ops, faults } = await shrink(plan, (outcome.violations[0] as { law: string }).law);
  console.log(
    `  with ${ops.length} of ${plan.ops.length} operations and ${faults.length} of ${plan.faults.length} faults:`,
  );
  console.log(`  npm run simulate -- --seed ${plan.seed} --ops ${ops.join(',')} --faults ${faults.join(',')}`);
}

function say(seed: number, { violations, hash, lastedMs, eventCount }: Outcome): void {
  console.log(
    `seed ${seed}: ${violations.length} violations, ${eventCount} events, ${Math.round(lastedMs)} ms, trace ${hash.toString(16)}`,
  );
  for (const { law, detail, atMs } of violations.slice(0, 3))
    console.log(`  broken at ${atMs.toFixed(1)} ms: ${law}: ${detail}`);
}
