/** The charts of a run: bars that compare contenders, and lines over the variants of a question. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resultsFolder } from './places.ts';
import type { Question } from './question.ts';
import type { Results, Row } from './results.ts';
import { barsSvg, linesSvg, type Bar, type BarPanel } from './svg.ts';
import { figureText } from './table.ts';

/** @returns the files that were written */
export function drawCharts(questions: readonly Question[], results: Results): string[] {
  const panels = questions.flatMap((question) => panelsOf(question, results));
  const written: string[] = [];
  if (panels.length > 0) written.push(write(`${results.name}.svg`, barsSvg(panels)));
  for (const question of questions.filter(({ chart }) => chart === 'variants')) {
    const chart = lineChart(question, results);
    if (chart !== undefined)
      written.push(write(`${results.name === question.name ? '' : `${results.name}-`}${question.name}.svg`, chart));
  }
  return written;
}

/** Only where there is something to compare. */
function panelsOf(question: Question, { rows }: Results): BarPanel[] {
  const [figure] = question.figures;
  if (figure === undefined || question.chart === 'variants') return [];
  return question.variants.flatMap((variant) => {
    const bars = rows
      .filter((row) => row.question === question.name && row.variant === variant.name)
      .flatMap((row): Bar[] => {
        const value = row.figures[figure.key]?.median;
        if (value === undefined) return [];
        return [{ label: row.title, kind: row.kind, value, text: figureText(value, figure.unit) }];
      });
    if (bars.length < 3) return [];
    const better = figure.better === 'more' ? 'more is better' : 'less is better';
    return [{ title: `${question.name}, ${variant.name}: ${figure.title}`, note: better, bars }];
  });
}

function lineChart(question: Question, { rows }: Results): string | undefined {
  const [figure] = question.figures;
  const asked = rows.filter((row) => row.question === question.name);
  const names = [...new Set(asked.map(({ contender }) => contender))];
  const lines = names.map((contender) => ({
    label: asked.find((row) => row.contender === contender)?.title ?? contender,
    points: question.variants.map(({ name }) => medianOf(asked, contender, name, figure?.key)),
  }));
  if (figure === undefined || lines.every(({ points }) => points.every((point) => point === undefined)))
    return undefined;
  return linesSvg({
    title: question.asks,
    yTitle: `${figure.title}${figure.unit === '' ? '' : `, ${figure.unit}`}`,
    xLabels: question.variants.map(({ name }) => name),
    lines,
    text: (value) => figureText(value, ''),
  });
}

function medianOf(rows: readonly Row[], contender: string, variant: string, key = ''): number | undefined {
  return rows.find((row) => row.contender === contender && row.variant === variant)?.figures[key]?.median;
}

function write(name: string, svg: string): string {
  mkdirSync(resultsFolder, { recursive: true });
  const path = join(resultsFolder, name);
  writeFileSync(path, svg);
  return path;
}
