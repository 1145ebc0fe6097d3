/** What was measured, as the text that Prometheus reads (exposition format 0.0.4). */
import type { TypeStats } from '../../index.ts';
import { MEASURES, type Labels, type Measure, type MeasureName, type Measures, type Series } from './measures.ts';

const STATES = ['waiting', 'running', 'completed', 'cancelled', 'dead'] as const;

export function prometheusText(measures: Measures, stats: readonly TypeStats[]): string {
  const lines: string[] = [];
  for (const [name, measure] of Object.entries(MEASURES) as Array<[MeasureName, Measure]>) {
    lines.push(`# HELP ${measure.name} ${measure.help}`, `# TYPE ${measure.name} ${measure.kind}`);
    for (const series of measures.seriesOf(name)) lines.push(...linesOf(measure, series));
  }
  lines.push('# HELP holdfast_jobs Jobs that are stored, by type and state.', '# TYPE holdfast_jobs gauge');
  for (const row of stats) {
    for (const state of STATES)
      lines.push(`holdfast_jobs${braced({ type: row.type }, `state="${state}"`)} ${row[state]}`);
  }
  lines.push('# HELP holdfast_active_jobs Jobs that wait or run, by type.', '# TYPE holdfast_active_jobs gauge');
  for (const { type, active } of stats) lines.push(`holdfast_active_jobs${braced({ type })} ${active}`);
  return `${lines.join('\n')}\n`;
}

function linesOf({ kind, name, bounds }: Measure, { labels, count, sum, buckets }: Series): string[] {
  if (kind === 'counter') return [`${name}${braced(labels)} ${sum}`];
  let below = 0;
  const filled = bounds.map((bound, n) => {
    below += buckets[n] ?? 0;
    return `${name}_bucket${braced(labels, `le="${bound}"`)} ${below}`;
  });
  return [
    ...filled,
    `${name}_bucket${braced(labels, 'le="+Inf"')} ${count}`,
    `${name}_sum${braced(labels)} ${sum}`,
    `${name}_count${braced(labels)} ${count}`,
  ];
}

function braced(labels: Labels, ...more: readonly string[]): string {
  const all = [...Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`), ...more];
  return all.length === 0 ? '' : `{${all.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
