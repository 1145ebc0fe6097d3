/** The figures of a soak: what the samples say, with slopes, as a table and as a chart. */
import { seriesSvg, type Series, type SeriesPanel } from '../../bench/support/series.ts';
import { isSample, type LifeLine, type Sample } from './orders.ts';

export type Lines = ReadonlyArray<Sample | LifeLine>;

const MiB = 1024 * 1024;
/** Of the whole time: until then caches fill, code is compiled, and retention reaches its bounds. */
const WARM_UP = 0.15;

interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly of: (sample: Sample) => number | undefined;
}

const MEASURES: readonly Measure[] = [
  { name: 'heap after a full collection', unit: 'MiB', of: ({ heapLive }) => heapLive && heapLive / MiB },
  { name: 'heap used', unit: 'MiB', of: ({ heapUsed }) => heapUsed / MiB },
  { name: 'resident memory', unit: 'MiB', of: ({ rss }) => rss / MiB },
  { name: 'memory outside of the heap', unit: 'MiB', of: ({ external }) => external / MiB },
  { name: 'open handles', unit: '', of: ({ handles }) => handles },
  { name: 'threads', unit: '', of: ({ threads }) => threads },
  { name: 'size of the folder', unit: 'MiB', of: ({ folderBytes }) => folderBytes / MiB },
  { name: 'stored jobs', unit: '', of: ({ stored }) => stored },
  { name: 'lateness, median', unit: 'ms', of: ({ late }) => (late.count > 0 ? late.p50 : undefined) },
  { name: 'lateness, p99', unit: 'ms', of: ({ late }) => (late.count > 0 ? late.p99 : undefined) },
  { name: 'event-loop delay, p99', unit: 'ms', of: ({ loop }) => loop.p99 },
];

export function samplesOf(lines: Lines, app: Sample['app']): Sample[] {
  return lines.filter(isSample).filter((sample) => sample.app === app);
}

/** The least-squares slope of a line through the points, by unit of x; 0 where there is no line. */
export function slopeOf(points: ReadonlyArray<readonly [x: number, y: number]>): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / Math.max(1, points.length);
  const meanX = mean(([x]) => x);
  const meanY = mean(([, y]) => y);
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
}

/** A table in Markdown of the app that was never killed. */
export function tableOf(lines: Lines): string {
  const samples = samplesOf(lines, 'steady');
  const end = samples.at(-1)?.at ?? 0;
  const warm = samples.filter(({ at }) => at >= WARM_UP * end);
  const rows = MEASURES.map(({ name, unit, of }) => {
    const points = warm.flatMap((sample): [number, number][] => {
      const value = of(sample);
      return value === undefined ? [] : [[sample.at / 3600, value]];
    });
    const values = points.map(([, value]) => value).sort((a, b) => a - b);
    const at = (share: number): string => round(values[Math.floor(share * (values.length - 1))] ?? 0);
    return [
      unit === '' ? name : `${name}, ${unit}`,
      round(points[0]?.[1] ?? 0),
      round(points.at(-1)?.[1] ?? 0),
      at(0),
      at(0.5),
      at(1),
      signed(slopeOf(points)),
    ];
  });
  const head = ['steady app', 'first', 'last', 'least', 'median', 'most', 'slope per hour'];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, n) => (n === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export interface LivesSummary {
  readonly lives: number;
  readonly killed: number;
  readonly killedWhileOpening: number;
  readonly closed: number;
  readonly endedByThemselves: number;
  /** How long `open` took, in ms. */
  readonly openMedianMs: number;
  readonly openMostMs: number;
}

export function livesOf(lines: Lines, app: Sample['app']): LivesSummary {
  const events = lines.flatMap((line) => (!isSample(line) && line.app === app ? [line] : []));
  const count = (event: LifeLine['event']): number => events.filter((line) => line.event === event).length;
  const opens = events.flatMap(({ openMs }) => (openMs === undefined ? [] : [openMs])).sort((a, b) => a - b);
  return {
    lives: new Set(events.map(({ life }) => life)).size,
    killed: count('killed'),
    killedWhileOpening: count('killed while opening'),
    closed: count('closed'),
    endedByThemselves: count('ended by itself'),
    openMedianMs: Math.round(opens[Math.floor(opens.length / 2)] ?? 0),
    openMostMs: Math.round(opens.at(-1) ?? 0),
  };
}

export function chartOf(lines: Lines): string {
  const apps = ['steady', 'killed'] as const;
  const series = (of: Measure['of']): Series[] =>
    apps.map((app) => ({
      label: `${app} app`,
      points: samplesOf(lines, app).map((sample) => [sample.at, of(sample)] as const),
    }));
  const steady = samplesOf(lines, 'steady');
  const ofSteady = (label: string, of: Measure['of']): Series => ({
    label,
    points: steady.flatMap((sample) => (of(sample) === undefined ? [] : [[sample.at, of(sample)] as const])),
  });
  const opens = apps.map((app): Series => ({
    label: `${app} app`,
    isDotted: true,
    points: lines.flatMap((line) =>
      isSample(line) || line.app !== app || line.openMs === undefined ? [] : [[line.at, line.openMs] as const],
    ),
  }));
  const mib = (value: number): string => `${round(value)} MiB`;
  const ms = (value: number): string => `${round(value)} ms`;
  const plain = (value: number): string => round(value);
  const panels: SeriesPanel[] = [
    {
      title: 'Memory of the steady app',
      series: [
        ofSteady('resident', ({ rss }) => rss / MiB),
        ofSteady('heap used', ({ heapUsed }) => heapUsed / MiB),
        ofSteady('heap, collected', ({ heapLive }) => heapLive && heapLive / MiB),
      ],
      text: mib,
    },
    { title: 'Resident memory', series: series(({ rss }) => rss / MiB), text: mib },
    { title: 'Size of the folder', series: series(({ folderBytes }) => folderBytes / MiB), text: mib },
    { title: 'Stored jobs', series: series(({ stored }) => stored), text: plain },
    { title: 'Open handles', series: series(({ handles }) => handles), text: plain },
    { title: 'Threads', series: series(({ threads }) => threads), text: plain },
    {
      title: 'Lateness of due jobs, steady app',
      series: [
        ofSteady('p99', ({ late }) => (late.count > 0 ? late.p99 : undefined)),
        ofSteady('median', ({ late }) => (late.count > 0 ? late.p50 : undefined)),
      ],
      text: ms,
    },
    { title: 'Event-loop delay, p99', series: series(({ loop }) => loop.p99), text: ms },
    { title: 'Time that open took', series: opens, text: ms },
  ];
  const end = lines.reduce((last, { at }) => Math.max(last, at), 1);
  return seriesSvg(panels, [0, end], (at) => (end > 600 ? `${Math.round(at / 60)} min` : `${Math.round(at)} s`));
}

function round(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toFixed(2)));
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${round(value)}`;
}
