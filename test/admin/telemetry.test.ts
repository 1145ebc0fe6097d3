// What is measured is what is in the log, and what is traced hangs together, on threads and after a restart too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { context, metrics, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createCounting } from '../../src/admin/telemetry/follow.ts';
import { createMeasures, MEASURES } from '../../src/admin/telemetry/measures.ts';
import { observe } from '../../src/admin/telemetry/index.ts';
import { prometheusText } from '../../src/admin/telemetry/prometheus.ts';
import { constant, defineJob, TerminateError, type Engine, type EventView } from '../../src/index.ts';
import { askerOf } from '../support/admin.ts';
import { openTestEngine, seen } from '../support/engine.ts';

const spans = new InMemorySpanExporter();
const told = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: told, exportIntervalMillis: 3_600_000 });
const meters = new MeterProvider({ readers: [reader] });
before(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
  metrics.setGlobalMeterProvider(meters);
});
after(() => meters.shutdown());

const works = defineJob({ type: 'works', run: () => 'done' });
const falters = defineJob({
  type: 'falters',
  queue: 'other',
  retry: { attempts: 2, backoff: constant(0) },
  run() {
    throw new Error('no');
  },
});
const ends = defineJob({
  type: 'ends',
  run() {
    throw new TerminateError('never');
  },
});

async function someWork(jobs: Engine): Promise<void> {
  const handles = [
    await jobs.enqueue(works),
    ...(await jobs.enqueueAll([[works], [falters], [ends]])),
    await jobs.enqueue(works),
  ];
  await Promise.allSettled(handles.map((handle) => handle.result()));
  const late = await jobs.enqueue(works, undefined, { delay: '1h' });
  await jobs.cancel(late.id);
  await assert.rejects(jobs.enqueue('not a type'));
}

/** The samples of a text for Prometheus, by name and labels. */
function samplesOf(text: string): Map<string, number> {
  assert.ok(text.endsWith('\n'));
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name, value] = /^([a-z_]+(?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line) ?? [];
      assert.ok(name !== undefined && Number.isFinite(Number(value)), line);
      return [name, Number(value)];
    }),
  );
}

test('every counter is what the log says', async (t) => {
  const site = await openTestEngine(t, { jobs: [works, falters, ends] });
  const observed = observe(site.jobs, { traces: false });
  await someWork(observed.engine);
  const last = await observed.engine.enqueue('mark');
  await seen(site.jobs, last.id, 'enqueued');
  let samples = samplesOf(await observed.prometheus());
  while (samples.get('holdfast_events_total{event="enqueued",type="mark",queue="default"}') !== 1) {
    await new Promise((resolve) => setImmediate(resolve));
    samples = samplesOf(await observed.prometheus());
  }
  const logged = new Map<string, number>();
  for await (const event of site.jobs.events({ since: 0 })) {
    if (event.id === undefined) continue;
    const name = `holdfast_events_total{event="${event.kind}",type="${event.type}",queue="${event.queue}"}`;
    logged.set(name, (logged.get(name) ?? 0) + 1);
    if (event.id === last.id) break;
  }
  const counted = new Map([...samples].filter(([name]) => name.startsWith('holdfast_events_total')));
  assert.deepEqual([...counted].sort(), [...logged].sort());
  assert.equal(samples.get('holdfast_deaths_total{reason="terminated",type="ends",queue="default"}'), 1);
  assert.equal(samples.get('holdfast_deaths_total{reason="exhausted",type="falters",queue="other"}'), 1);
  assert.equal(samples.get('holdfast_run_duration_seconds_count{type="works",queue="default",outcome="completed"}'), 3);
  assert.equal(samples.get('holdfast_starts_sum{type="falters",outcome="dead"}'), 2);
  assert.equal(samples.get('holdfast_enqueue_duration_seconds_count{outcome="stored"}'), 5);
  assert.equal(samples.get('holdfast_enqueue_duration_seconds_count{outcome="refused"}'), 1);
  const stats = await site.jobs.stats();
  for (const row of stats) {
    assert.equal(samples.get(`holdfast_jobs{type="${row.type}",state="dead"}`), row.dead);
    assert.equal(samples.get(`holdfast_active_jobs{type="${row.type}"}`), row.active);
  }
  assert.equal(observed.gaps, 0);
});

test('a histogram adds up, a label is escaped, and the number of series is bounded', () => {
  const measures = createMeasures();
  for (const seconds of [0.0005, 0.001, 0.002, 7, 1e6]) measures.note('run', { type: 'a"b\\c\nd' }, seconds);
  const samples = samplesOf(prometheusText(measures, []));
  const labels = 'type="a\\"b\\\\c\\nd"';
  const bucket = (bound: string): number | undefined =>
    samples.get(`holdfast_run_duration_seconds_bucket{${labels},le="${bound}"}`);
  assert.deepEqual(['0.001', '0.005', '5', '10', '3600', '+Inf'].map(bucket), [2, 3, 3, 4, 4, 5]);
  assert.equal(samples.get(`holdfast_run_duration_seconds_sum{${labels}}`), 1_000_007.0035);
  for (let n = 0; n < 5_000; n++) measures.note('events', { event: 'enqueued', type: `t${n}`, queue: 'q' });
  const series = measures.seriesOf('events');
  assert.ok(series.length <= 2_001);
  assert.equal(
    series.reduce((sum, { count }) => sum + count, 0),
    5_000,
    'nothing is left out',
  );
});

test('what is remembered about waiting jobs is bounded too, and given up where events were missed', () => {
  const measures = createMeasures();
  const { count, forget } = createCounting(measures);
  const event = (kind: string, id: string, at: number, more = {}): EventView =>
    ({ seq: at, kind, at, id, type: 't', queue: 'q', ...more }) as EventView;
  for (let n = 0; n < 100_001; n++) count(event('enqueued', `j${n}`, 1, { dueAt: 5 }));
  count(event('started', 'j0', 10, { start: 1 }));
  count(event('started', 'j1', 10, { start: 1 }));
  assert.deepEqual(
    measures.seriesOf('latency').map(({ count: starts, sum }) => [starts, sum]),
    [[1, 0.005]],
  );
  forget();
  count(event('completed', 'j1', 20));
  count(event('started', 'j2', 20, { start: 1 }));
  assert.deepEqual([measures.seriesOf('run').length, measures.seriesOf('latency')[0]?.count], [0, 1]);
});

test('OpenTelemetry gets the same, under its names for messaging', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [works] });
  const { engine } = observe(jobs, { traces: false });
  const { id } = await engine.enqueue(works);
  await jobs.wait(id);
  await reader.forceFlush();
  const names = told
    .getMetrics()
    .flatMap(({ scopeMetrics }) =>
      scopeMetrics.flatMap((scope) => scope.metrics.map(({ descriptor }) => descriptor.name)),
    );
  for (const name of ['messaging.client.operation.duration', 'holdfast.events', 'holdfast.jobs'])
    assert.ok(names.includes(name), name);
  const known: string[] = [...Object.values(MEASURES).map(({ otel }) => otel), 'holdfast.jobs'];
  assert.deepEqual(
    names.filter((name) => !known.includes(name)),
    [],
  );
});

test('an attempt belongs to the trace its job was enqueued in, also after a restart, and so does what it enqueues', async (t) => {
  spans.reset();
  const inner = defineJob({ type: 'inner', run: (_: unknown, { job }) => job.trace?.traceparent });
  const outer = defineJob({
    type: 'outer',
    run: (_: unknown, { enqueue }) => enqueue('inner', undefined, { id: 'inner' }),
  });
  const site = await openTestEngine(t, { jobs: [] });
  const tracer = trace.getTracer('test');
  const traceId = await tracer.startActiveSpan('the app', async (span) => {
    await observe(site.jobs).engine.enqueue(outer, undefined, { id: 'outer' });
    span.end();
    return span.spanContext().traceId;
  });
  const jobs = await site.restart({ jobs: [inner, outer] });
  // It started before anybody watched; the next attempt is watched.
  await jobs.wait('outer');
  const traceparent = (await jobs.wait('inner')) as string;
  assert.equal(traceparent.split('-')[1], traceId);
  observe(jobs);
  await jobs.retry(['inner']);
  await jobs.wait('inner');
  const finished = spans.getFinishedSpans();
  assert.deepEqual(new Set(finished.map((span) => span.spanContext().traceId)), new Set([traceId]));
  const sent = finished.find(({ name }) => name === 'send outer');
  const processed = finished.find(({ name }) => name === 'process inner');
  assert.deepEqual([sent?.kind, processed?.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER]);
  assert.equal(processed?.parentSpanContext?.spanId, sent?.spanContext().spanId);
  assert.equal(processed?.attributes['messaging.message.id'], 'inner');
});

test('a handler on a thread is in the trace as well', async (t) => {
  const traced = defineJob<undefined, string>({
    type: 'traced',
    worker: new URL('../support/handlers/traced.js', import.meta.url),
  });
  const { jobs } = await openTestEngine(t, { jobs: [traced], threads: 1 });
  const { engine } = observe(jobs);
  await trace.getTracer('test').startActiveSpan('the app', async (span) => {
    assert.equal(await (await engine.enqueue(traced)).result(), span.spanContext().traceId);
    span.end();
  });
});

test('a failed attempt is a span with its error, and a trace that is none is refused', async (t) => {
  spans.reset();
  const { jobs } = await openTestEngine(t, { jobs: [ends] });
  const { engine } = observe(jobs);
  await (await engine.enqueue(ends)).result().catch(() => undefined);
  const failed = spans.getFinishedSpans().find(({ name }) => name === 'process ends');
  assert.equal(failed?.status.message, 'never');
  assert.equal(failed?.events[0]?.name, 'exception');
  for (const wrong of [
    { traceparent: 'x' },
    {},
    'x',
    { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'ä' },
  ]) {
    await assert.rejects(jobs.enqueue('x', undefined, { trace: wrong as never }), {
      code: 'HOLDFAST_INVALID_ARGUMENT',
    });
  }
});

test('Prometheus asks the same server, with the token', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [works] });
  const ask = askerOf(jobs, { metrics: observe(jobs).prometheus });
  const response = await ask('GET', '/metrics');
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.ok(samplesOf(await response.text()).has('holdfast_jobs{type="works",state="waiting"}'));
  assert.equal((await ask('GET', '/metrics', undefined, { authorization: '' })).status, 401);
  assert.equal((await askerOf(jobs)('GET', '/metrics')).status, 404);
});

test('the dashboard for Grafana asks only for what is measured', async () => {
  const dashboard = await readFile(new URL('../../../docs/grafana-dashboard.json', import.meta.url), 'utf8');
  const asked = new Set(
    [...dashboard.matchAll(/holdfast_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, '')),
  );
  const known: string[] = [...Object.values(MEASURES).map(({ name }) => name), 'holdfast_jobs', 'holdfast_active_jobs'];
  assert.deepEqual(
    [...asked].filter((name) => !known.includes(name)),
    [],
  );
  assert.deepEqual(
    known.filter((name) => !asked.has(name) && name !== 'holdfast_active_jobs'),
    [],
  );
  const { panels, title } = JSON.parse(dashboard) as { panels: Array<{ targets: object[] }>; title: string };
  assert.ok(panels.length >= 6 && panels.every(({ targets }) => targets.length > 0) && title === 'holdfast');
});
