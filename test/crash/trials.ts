/**
 * The long runs: as many trials as wanted of one kind, each group with a seed of its own.
 *
 *   npm run trials -- kills 2000              and: power, damage, disk-full, races, seeds
 *   npm run trials -- damage 10000 --seed 7   the first group has seed 7
 *
 * It prints a line for each group and each breach, ends with a sum, and fails if there was any breach. A group that
 * showed a breach can be run again by its seed; what depends on the moment of a kill may need several runs to show again.
 */
import { parseArgs } from 'node:util';
import { planOf } from '../simulation/plan.ts';
import { simulate } from '../simulation/simulation.ts';
import { damageOften, summaryOf as summaryOfDamage } from './damage.ts';
import { fillOften, summaryOf as summaryOfFull } from './full.ts';
import { killOften, pointByTurns } from './kills.ts';
import { raceOften } from './races.ts';
import { cutOften, synced } from './power.ts';
import { whyNoDisk } from './small-disk.ts';

interface Group {
  readonly breaches: readonly string[];
  readonly summary: string;
}

interface Kind {
  /** How many trials share a seed. */
  readonly size: number;
  readonly run: (seed: number, trials: number) => Promise<Group>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  kills: { size: 100, run: kill },
  power: {
    size: 200,
    async run(seed, trials) {
      const cuts = await cutOften(seed, 'disk', synced, trials);
      const opened = cuts.filter(({ outcome }) => outcome === 'opened').length;
      const breaches = cuts.flatMap(({ what, outcome, breaches: found }) => [
        ...found.map((breach) => `${what}: ${breach}`),
        ...(outcome === 'opened' ? [] : [`${what}: ${outcome}`]),
      ]);
      return { breaches, summary: `${cuts.length} cuts, ${opened} opened` };
    },
  },
  damage: {
    size: 500,
    async run(seed, trials) {
      const done = await damageOften(seed, trials);
      const breaches = done.flatMap(({ number, harm, breaches: found }) =>
        found.map((breach) => `trial ${number}, ${harm}: ${breach}`),
      );
      return { breaches, summary: summaryOfDamage(done) };
    },
  },
  'disk-full': {
    size: 50,
    async run(seed, trials) {
      const reason = whyNoDisk();
      if (reason !== undefined) throw new Error(reason);
      const done = await fillOften(seed, trials, 4);
      const breaches = done.flatMap(({ seed: own, breaches: found }) => found.map((breach) => `${own}: ${breach}`));
      return { breaches, summary: summaryOfFull(done) };
    },
  },
  races: {
    size: 50,
    async run(_seed, trials) {
      return { breaches: await raceOften(trials, 6), summary: `${trials} races of 6 processes` };
    },
  },
  seeds: { size: 5_000, run: simulateMany },
};

/** By turns at moments by chance, in a log that keeps everything, and at named points, in one that is trimmed. */
async function kill(seed: number, trials: number): Promise<Group> {
  const trimmed = { keep: 20, padding: 300, slackBytes: 10_000 };
  const pointed = seed % 4 === 0 ? { pointOf: pointByTurns } : {};
  const { breaches, ...figures } = await killOften({
    ...{ seed, kills: trials },
    ...(seed % 2 === 0 && trimmed),
    ...pointed,
  });
  return { breaches, summary: JSON.stringify(figures) };
}

async function simulateMany(group: number, count: number): Promise<Group> {
  const from = 1 + group * (KINDS['seeds'] as Kind).size;
  const breaches: string[] = [];
  const sums = { events: 0, records: 0, faults: 0, days: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const { violations, eventCount, recordCount, faultCount, lastedMs } = await simulate(planOf(seed));
    for (const { law, detail } of violations) breaches.push(`seed ${seed}: ${law}: ${detail}`);
    sums.events += eventCount;
    sums.records += recordCount;
    sums.faults += faultCount;
    sums.days += lastedMs / 86_400_000;
  }
  const what = `${sums.events} events, ${sums.records} records, ${sums.faults} faults, ${Math.round(sums.days)} days`;
  return { breaches, summary: `seeds ${from} to ${from + count - 1}: ${what}` };
}

const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true });
const [name = '', trials = '0'] = positionals;
const kind = KINDS[name];
if (kind === undefined || !(Number(trials) > 0)) {
  console.error(
    `Usage: npm run trials -- <${Object.keys(KINDS).join(' | ')}> <how many> [--seed <of the first group>]`,
  );
  process.exit(2);
}
const startedAt = performance.now();
let breachCount = 0;
let seed = Number(values.seed ?? 100);
for (let left = Number(trials); left > 0; left -= kind.size, seed++) {
  const { breaches, summary } = await kind.run(seed, Math.min(left, kind.size));
  console.log(`${name}, seed ${seed}: ${summary}`);
  for (const breach of breaches) console.log(`  BREACH ${breach}`);
  breachCount += breaches.length;
}
const seconds = Math.round((performance.now() - startedAt) / 1000);
console.log(`${trials} trials of ${name}: ${breachCount} breaches, ${seconds} s`);
process.exitCode = breachCount === 0 ? 0 : 1;
