/**
 * The soak from the command line.
 *
 *   npm run soak -- --minutes 120                       what it writes goes to a folder of its own, which it names
 *   npm run soak -- --minutes 120 --out /var/tmp/soak
 *   npm run soak -- --report /var/tmp/soak --chart docs/soak.svg      draws what there is of samples, also meanwhile
 *
 * It ends with 1 if a job is not accounted for or an app ended by itself.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readLines, samplesFileIn, soak } from './soak.ts';
import { chartOf, livesOf, tableOf, type Lines } from './summary.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    beat: { type: 'string', default: '60' },
    report: { type: 'string' },
    chart: { type: 'string' },
  },
});

if (values.report !== undefined) {
  report(readLines(samplesFileIn(values.report)));
} else {
  const out = values.out ?? mkdtempSync(path.join(os.tmpdir(), 'holdfast-soak-'));
  console.log(`${values.minutes} minutes; samples in ${samplesFileIn(out)}`);
  const { lines, figures, breaches } = await soak({
    ...{ minutes: Number(values.minutes), out, seed: Number(values.seed), beatMs: Number(values.beat) },
  });
  report(lines);
  console.log(JSON.stringify(figures, null, 2));
  for (const breach of breaches.slice(0, 100)) console.log(`BREACH ${breach}`);
  console.log(`${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}

function report(lines: Lines): void {
  console.log(tableOf(lines));
  console.log(JSON.stringify({ steady: livesOf(lines, 'steady'), killed: livesOf(lines, 'killed') }, null, 2));
  if (values.chart !== undefined) writeFileSync(values.chart, chartOf(lines));
}
