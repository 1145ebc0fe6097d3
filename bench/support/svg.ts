/** Draws charts as SVG, plain enough to be read in light and in dark surroundings. */
import type { Contender } from '../contenders/contender.ts';

export interface Bar {
  readonly label: string;
  readonly kind: Contender['kind'];
  readonly value: number;
  readonly text: string;
}
export interface BarPanel {
  readonly title: string;
  readonly note: string;
  readonly bars: readonly Bar[];
}

const COLOURS: Readonly<Record<Contender['kind'], string>> = {
  holdfast: '#1f6feb',
  durable: '#8b949e',
  limit: '#b8860b',
  memory: '#c9b8d8',
};
const LEGEND: ReadonlyArray<readonly [Contender['kind'], string]> = [
  ['holdfast', 'holdfast'],
  ['durable', 'durable peers'],
  ['memory', 'in memory: nothing is kept'],
  ['limit', 'the raw limit: only writes'],
];

const FONT = 'font-family="system-ui, sans-serif" font-size="12"';
export const WIDTH = 720;
const LABEL_WIDTH = 210;
const VALUE_WIDTH = 110;
const BAR = 18;
const BAR_GAP = 4;
const TITLE = 40;

export function barsSvg(panels: readonly BarPanel[]): string {
  const parts: string[] = [legend()];
  let y = 30;
  for (const panel of panels) {
    parts.push(`<g transform="translate(0 ${y})">${panelSvg(panel)}</g>`);
    y += TITLE + panel.bars.length * (BAR + BAR_GAP) + 16;
  }
  return frame(WIDTH, y, parts.join('\n'));
}

function legend(): string {
  return LEGEND.map(([kind, text], index) => {
    const x = 10 + index * 175;
    return `<rect x="${x}" y="8" width="12" height="12" fill="${COLOURS[kind]}"/><text x="${x + 17}" y="18">${escape(text)}</text>`;
  }).join('');
}

function panelSvg({ title, note, bars }: BarPanel): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const rows = bars.map(({ label, kind, value, text }, index) => {
    const y = TITLE + index * (BAR + BAR_GAP);
    const width = Math.max(1, (value / most) * room);
    return [
      `<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[kind]}"/>`,
      `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${y + 13}">${escape(text)}</text>`,
    ].join('');
  });
  return `<text x="10" y="24" font-weight="600">${escape(title)} <tspan font-weight="400">(${note})</tspan></text>\n${rows.join('\n')}`;
}

export interface LineChart {
  readonly title: string;
  readonly yTitle: string;
  readonly xLabels: readonly string[];
  readonly lines: ReadonlyArray<{ readonly label: string; readonly points: ReadonlyArray<number | undefined> }>;
  readonly text: (value: number) => string;
}

export const LINE_COLOURS = ['#1f6feb', '#b8860b', '#2da44e', '#8b949e'];
const PLOT = { left: 70, top: 60, width: 600, height: 240 } as const;

export function linesSvg({ title, yTitle, xLabels, lines, text }: LineChart): string {
  const values = lines.flatMap(({ points }) => points.filter((point) => point !== undefined));
  // From zero, so that what is flat looks flat.
  const most = Math.max(...values) * 1.15;
  const x = (index: number): number => PLOT.left + (index / Math.max(1, xLabels.length - 1)) * PLOT.width;
  const y = (value: number): number => PLOT.top + PLOT.height * (1 - value / most);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * most);
  const parts = [
    `<text x="10" y="20" font-weight="600">${escape(title)}</text><text x="10" y="42">${escape(yTitle)}</text>`,
    ...ticks.map(
      (value) =>
        `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y(value)}" y2="${y(value)}" stroke="#8b949e" stroke-opacity="0.3"/>` +
        `<text x="${PLOT.left - 8}" y="${y(value) + 4}" text-anchor="end">${escape(text(value))}</text>`,
    ),
    ...xLabels.map(
      (label, index) =>
        `<text x="${x(index)}" y="${PLOT.top + PLOT.height + 20}" text-anchor="middle">${escape(label)}</text>`,
    ),
    ...lines.map(({ label, points }, index) => lineSvg(label, points, index, x, y, text)),
  ];
  return frame(WIDTH, PLOT.top + PLOT.height + 40 + lines.length * 20, parts.join('\n'));
}

function lineSvg(
  label: string,
  points: ReadonlyArray<number | undefined>,
  index: number,
  x: (index: number) => number,
  y: (value: number) => number,
  text: (value: number) => string,
): string {
  const colour = LINE_COLOURS[index % LINE_COLOURS.length] as string;
  const known = points.flatMap((value, place) => (value === undefined ? [] : [{ value, place }]));
  const path = known.map(({ value, place }, step) => `${step === 0 ? 'M' : 'L'}${x(place)} ${y(value).toFixed(1)}`);
  const legendY = PLOT.top + PLOT.height + 46 + index * 20;
  return [
    `<path d="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...known.map(
      ({ value, place }) =>
        `<circle cx="${x(place)}" cy="${y(value).toFixed(1)}" r="3" fill="${colour}"/>` +
        `<text x="${x(place)}" y="${(y(value) - 8).toFixed(1)}" text-anchor="middle">${escape(text(value))}</text>`,
    ),
    `<rect x="${PLOT.left}" y="${legendY - 10}" width="12" height="12" fill="${colour}"/><text x="${PLOT.left + 18}" y="${legendY}">${escape(label)}</text>`,
  ].join('\n');
}

export function frame(width: number, height: number, content: string): string {
  const style = '<style>text{fill:#24292f}@media (prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT}>\n${style}\n${content}\n</svg>\n`;
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
