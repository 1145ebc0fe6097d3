/**
 * What is measured: counters and histograms, each told twice, to OpenTelemetry under its names for messaging where they fit,
 * and kept here for Prometheus. The number of series is bounded: whoever enqueues a new type for every job fills no memory.
 */
import { metrics, type Attributes } from '@opentelemetry/api';

export type Label = 'type' | 'queue' | 'event' | 'outcome' | 'reason';
export type Labels = Readonly<Partial<Record<Label, string>>>;

export interface Measure {
  readonly kind: 'counter' | 'histogram';
  /** For Prometheus. */
  readonly name: string;
  /** For OpenTelemetry. */
  readonly otel: string;
  readonly unit: string;
  readonly help: string;
  /** Upper bounds of a histogram. */
  readonly bounds: readonly number[];
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1_800, 3_600];

export const MEASURES = {
  events: {
    kind: 'counter',
    name: 'holdfast_events_total',
    otel: 'holdfast.events',
    unit: '{event}',
    help: 'What happened to jobs, by event, type and queue.',
    bounds: [],
  },
  deaths: {
    kind: 'counter',
    name: 'holdfast_deaths_total',
    otel: 'holdfast.deaths',
    unit: '{job}',
    help: 'Jobs that died, by reason, type and queue.',
    bounds: [],
  },
  enqueue: {
    kind: 'histogram',
    name: 'holdfast_enqueue_duration_seconds',
    otel: 'messaging.client.operation.duration',
    unit: 's',
    help: 'From the call of enqueue until the job is on the disk, by outcome.',
    bounds: SECONDS,
  },
  latency: {
    kind: 'histogram',
    name: 'holdfast_start_latency_seconds',
    otel: 'holdfast.start.latency',
    unit: 's',
    help: 'From when a job was due until it was started.',
    bounds: SECONDS,
  },
  run: {
    kind: 'histogram',
    name: 'holdfast_run_duration_seconds',
    otel: 'messaging.process.duration',
    unit: 's',
    help: 'From the start of an attempt until its end, by outcome.',
    bounds: SECONDS,
  },
  attempts: {
    kind: 'histogram',
    name: 'holdfast_starts',
    otel: 'holdfast.starts',
    unit: '{start}',
    help: 'How often a job had been started when it completed or died.',
    bounds: [1, 2, 3, 5, 10, 20, 50],
  },
} as const satisfies Record<string, Measure>;
export type MeasureName = keyof typeof MEASURES;

/** What OpenTelemetry calls our labels. */
const ATTRIBUTES: Readonly<Record<Label, string>> = {
  type: 'holdfast.job.type',
  queue: 'messaging.destination.name',
  event: 'holdfast.event',
  outcome: 'holdfast.outcome',
  reason: 'holdfast.reason',
};

/** One line of a measure: its labels, and what was counted under them. */
export interface Series {
  readonly labels: Labels;
  count: number;
  sum: number;
  /** How many lay at or below each bound, and not below the one before. */
  readonly buckets: number[];
  /** The labels, as OpenTelemetry has them. */
  readonly attributes: Attributes;
}

export interface Measures {
  /** Counts one, or records a value. */
  note(name: MeasureName, labels: Labels, value?: number): void;
  /** The same for whoever has the same labels again and again, and looks them up once. */
  noteTo(name: MeasureName, labels: Labels): (value?: number) => void;
  seriesOf(name: MeasureName): readonly Series[];
}

/** Of each measure; what is beyond is counted under the type `other`. */
const MOST_SERIES = 2_000;

export function createMeasures(): Measures {
  const meter = metrics.getMeter('holdfast');
  const told = new Map<MeasureName, (value: number, attributes: Attributes) => void>();
  const kept = new Map<MeasureName, Map<string, Series>>();
  for (const [key, measure] of Object.entries(MEASURES) as Array<[MeasureName, Measure]>) {
    kept.set(key, new Map());
    const about = { unit: measure.unit, description: measure.help };
    if (measure.kind === 'counter') {
      const counter = meter.createCounter(measure.otel, about);
      told.set(key, (value, attributes) => counter.add(value, attributes));
    } else {
      const advice = { explicitBucketBoundaries: [...measure.bounds] };
      const histogram = meter.createHistogram(measure.otel, { ...about, advice });
      told.set(key, (value, attributes) => histogram.record(value, attributes));
    }
  }

  function seriesFor(name: MeasureName, labels: Labels): Series {
    const all = kept.get(name) as Map<string, Series>;
    // Always said in the same order, and once for each event: a list would cost more than all the rest.
    const { event = '', type = '', queue = '', outcome = '', reason = '' } = labels;
    const key = `${event}\n${type}\n${queue}\n${outcome}\n${reason}`;
    const known = all.get(key);
    if (known !== undefined) return known;
    if (all.size >= MOST_SERIES && labels.type !== 'other') return seriesFor(name, { ...labels, type: 'other' });
    const buckets = MEASURES[name].bounds.map(() => 0);
    const made: Series = { labels, count: 0, sum: 0, buckets, attributes: attributesOf(labels) };
    all.set(key, made);
    return made;
  }

  function noteTo(name: MeasureName, labels: Labels): (value?: number) => void {
    const series = seriesFor(name, labels);
    const { buckets, attributes } = series;
    const bounds: readonly number[] = MEASURES[name].bounds;
    const tell = told.get(name);
    return (value = 1) => {
      series.count += 1;
      series.sum += value;
      for (let at = 0; at < bounds.length; at++) {
        if (value > (bounds[at] as number)) continue;
        buckets[at] = (buckets[at] ?? 0) + 1;
        break;
      }
      tell?.(value, attributes);
    };
  }

  return {
    note: (name, labels, value) => noteTo(name, labels)(value),
    noteTo,
    seriesOf: (name) => [...(kept.get(name)?.values() ?? [])],
  };
}

export function attributesOf(labels: Labels): Attributes {
  const attributes: Attributes = { 'messaging.system': 'holdfast' };
  for (const [label, value] of Object.entries(labels)) attributes[ATTRIBUTES[label as Label]] = value;
  return attributes;
}
