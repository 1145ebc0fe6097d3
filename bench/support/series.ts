/** Many measurements over time as SVG: small charts below one another, with one time axis. */
import { escape, frame, LINE_COLOURS, WIDTH } from './svg.ts';

export interface Series {
  readonly label: string;
  /** In the order of time; undefined breaks the line. */
  readonly points: ReadonlyArray<readonly [at: number, value: number | undefined]>;
  /** Dots instead of a line. */
  readonly isDotted?: boolean;
}

export interface SeriesPanel {
  readonly title: string;
  readonly series: readonly Series[];
  readonly text: (value: number) => string;
}

const PLOT = { left: 80, width: 620, height: 90 } as const;
const PANEL = PLOT.height + 50;

/** @param span of time, and `timeText` says a moment of it */
export function seriesSvg(
  panels: readonly SeriesPanel[],
  span: readonly [from: number, to: number],
  timeText: (at: number) => string,
): string {
  const [from, to] = span;
  const x = (at: number): number => PLOT.left + ((at - from) / Math.max(1e-9, to - from)) * PLOT.width;
  const parts = panels.map(
    (panel, index) => `<g transform="translate(0 ${index * PANEL + 4})">${panelSvg(panel, x)}</g>`,
  );
  const bottom = panels.length * PANEL + 4;
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => from + share * (to - from));
  parts.push(
    ...times.map((at) => `<text x="${x(at)}" y="${bottom + 8}" text-anchor="middle">${escape(timeText(at))}</text>`),
  );
  return frame(WIDTH, bottom + 20, parts.join('\n'));
}

function panelSvg({ title, series, text }: SeriesPanel, x: (at: number) => number): string {
  const values = series.flatMap(({ points }) => points.flatMap(([, value]) => (value === undefined ? [] : [value])));
  // From zero, so that what is flat looks flat.
  const most = values.reduce((max, value) => Math.max(max, value), 0) * 1.1 || 1;
  const y = (value: number): number => 32 + PLOT.height * (1 - value / most);
  const legend = series.map(({ label }, index) => {
    const left = WIDTH - 20 - (series.length - index) * 150;
    return `<rect x="${left}" y="8" width="10" height="10" fill="${colourOf(index)}"/><text x="${left + 15}" y="17">${escape(label)}</text>`;
  });
  const ticks = [0, 0.5, 1].map(
    (share) =>
      `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y(share * most)}" y2="${y(share * most)}" stroke="#8b949e" stroke-opacity="0.3"/>` +
      `<text x="${PLOT.left - 8}" y="${y(share * most) + 4}" text-anchor="end">${escape(text(share * most))}</text>`,
  );
  return [
    `<text x="10" y="17" font-weight="600">${escape(title)}</text>`,
    ...legend,
    ...ticks,
    ...series.map((one, index) => pathSvg(one, colourOf(index), x, y)),
  ].join('\n');
}

function pathSvg(
  { points, isDotted }: Series,
  colour: string,
  x: (at: number) => number,
  y: (value: number) => number,
): string {
  let isDown = false;
  const steps = points.flatMap(([at, value]) => {
    const wasDown = isDown;
    isDown = value !== undefined;
    if (value === undefined) return [];
    const place = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    return [isDotted === true ? `M${place}h0` : `${wasDown ? 'L' : 'M'}${place}`];
  });
  const stroke = isDotted === true ? 'stroke-width="3" stroke-linecap="round"' : 'stroke-width="1.2"';
  return `<path d="${steps.join('')}" fill="none" stroke="${colour}" ${stroke}/>`;
}

function colourOf(index: number): string {
  return LINE_COLOURS[index % LINE_COLOURS.length] as string;
}
