/** Results as Markdown. */
import type { FigureKind, Question, Target, Unit } from './question.ts';
import type { Results, Row } from './results.ts';

/** Three digits that count, and the unit. */
export function figureText(value: number, unit: Unit): string {
  if (unit === 'B' && value >= 10_000) return `${digits(value / 1024)} KiB`;
  return `${digits(value)}${unit === '' ? '' : ` ${unit}`}`;
}

function digits(value: number): string {
  const size = Math.abs(value);
  const places = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const rounded = size >= 1000 ? Number(value.toPrecision(3)) : value;
  return rounded.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** One table for each variant: the contenders, and how they compare to holdfast. */
export function questionTables(question: Question, { rows }: Results): string {
  const asked = rows.filter((row) => row.question === question.name);
  const isAlone = new Set(asked.map(({ contender }) => contender)).size === 1 && asked.length > 1;
  const tables = isAlone
    ? [aloneTable(question, asked)]
    : question.variants.flatMap((variant) => {
        const here = asked.filter((row) => row.variant === variant.name);
        return here.length === 0 ? [] : [variantTable(question, variant.name, here)];
      });
  return tables.length === 0 ? '' : [`### ${question.asks}`, '', question.how, '', tables.join('\n\n')].join('\n');
}

/** Where only one was asked: a line for each variant. */
function aloneTable(question: Question, rows: readonly Row[]): string {
  const header = [rows[0]?.title ?? '', ...question.figures.map(({ title }) => title)];
  const lines = rows.map((row) =>
    row.problem !== undefined && Object.keys(row.figures).length === 0
      ? [row.variant, row.problem.split('\n')[0] ?? '']
      : [row.variant, ...question.figures.map(({ key, unit }) => cellText(row, key, unit))],
  );
  return markdownTable(header, lines);
}

function variantTable(question: Question, variant: string, rows: readonly Row[]): string {
  const [first] = question.figures as readonly [FigureKind, ...FigureKind[]];
  const base = rows.find(({ contender }) => contender === 'holdfast')?.figures[first.key]?.median;
  const compares = rows.length > 1 && base !== undefined;
  const answered = rows.filter(({ figures }) => Object.keys(figures).length > 0);
  const silent = rows.filter((row) => !answered.includes(row));
  const header = [
    variant,
    ...question.figures.map(({ title }) => title),
    ...(compares ? ['of holdfast'] : []),
    'durability',
  ];
  const lines = answered.map((row) => [
    row.kind === 'holdfast' || row.kind === 'limit' ? row.title : `${row.title} ${row.version}`,
    ...question.figures.map(({ key, unit }) => cellText(row, key, unit)),
    ...(compares ? [ratioText(row.figures[first.key]?.median, base)] : []),
    row.durability,
  ]);
  const reasons = new Map<string, string[]>();
  for (const { title, problem } of silent) {
    const reason = problem?.split('\n')[0] ?? 'no answer';
    reasons.set(reason, [...(reasons.get(reason) ?? []), title]);
  }
  const notes = [...reasons].map(([reason, titles]) => `${titles.join(', ')} (${reason})`);
  return [markdownTable(header, lines), ...(notes.length === 0 ? [] : ['', `Not in it: ${notes.join('; ')}.`])].join(
    '\n',
  );
}

function cellText({ figures }: Row, key: string, unit: Unit): string {
  const summary = figures[key];
  if (summary === undefined) return '';
  const spread = summary.most - summary.least;
  // Two rounds that differ by a fifth tell the reader not to look at the third digit.
  const isWide = summary.samples.length > 1 && spread > 0.2 * Math.abs(summary.median);
  const range = isWide ? ` (${figureText(summary.least, '')}–${figureText(summary.most, '')})` : '';
  return figureText(summary.median, unit) + range;
}

function ratioText(value: number | undefined, base: number): string {
  if (value === undefined) return '';
  const ratio = value / base;
  return `${ratio >= 10 ? Math.round(ratio) : ratio.toPrecision(2)}×`;
}

export function markdownTable(header: readonly string[], lines: ReadonlyArray<readonly string[]>): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [row(header), row(header.map((_, index) => (index === 0 ? '---' : '---:'))), ...lines.map(row)].join('\n');
}

/** What holdfast was to reach, and what it reached. */
export function targetTable(questions: readonly Question[], { rows }: Results): string {
  const lines = questions.flatMap((question) =>
    question.variants.flatMap((variant) =>
      question.figures.flatMap(({ key, title, unit, target }) => {
        if (target === undefined || (target.variant ?? variant.name) !== variant.name) return [];
        const of = (contender: string): number | undefined =>
          rows.find(
            (row) => row.question === question.name && row.variant === variant.name && row.contender === contender,
          )?.figures[key]?.median;
        const value = of('holdfast');
        if (value === undefined) return [];
        const verdict = judge(target, value, of);
        if (verdict === undefined) return [];
        const what = `${question.name}, ${variant.name}: ${title}`;
        return [[what, boundText(target, unit), figureText(value, unit), verdict ? 'yes' : '**no**']];
      }),
    ),
  );
  return lines.length === 0 ? '' : markdownTable(['holdfast', 'target', 'measured', 'reached'], lines);
}

function judge(
  { atLeast, atMost, shareOf }: Target,
  value: number,
  of: (contender: string) => number | undefined,
): boolean | undefined {
  if (shareOf !== undefined) {
    const other = of(shareOf.contender);
    return other === undefined ? undefined : value >= shareOf.atLeast * other;
  }
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

function boundText({ atLeast, atMost, shareOf }: Target, unit: Unit): string {
  if (shareOf !== undefined) return `≥ ${Math.round(shareOf.atLeast * 100)} % of ${shareOf.contender}`;
  return atLeast !== undefined ? `≥ ${figureText(atLeast, unit)}` : `≤ ${figureText(atMost ?? NaN, unit)}`;
}

export function machineText({ machine, rounds, startedAt, size }: Results): string {
  const { processor, cores, memoryGiB, system, node, fileSystem, fsyncMs, loadBefore } = machine;
  return [
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node.slice(1)}, ${fileSystem};`,
    `an append with fdatasync takes ${figureText(fsyncMs, 'ms')}; load before: ${loadBefore.toFixed(1)}.`,
    `${startedAt.slice(0, 10)}, medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}${size === 1 ? '' : `, ${size} of the full size`}.`,
  ].join(' ');
}
