/** An engine that is watched: what it does is measured and traced. */
import { metrics, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import type { Engine, JobOptions, Middleware } from '../../index.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createCounting, follow } from './follow.ts';
import { attributesOf, createMeasures, type Measures } from './measures.ts';
import { prometheusText } from './prometheus.ts';
import { activeTrace, contextOf } from './trace.ts';

export interface ObserveOptions {
  /**
   * Whether there is a span for each enqueue and each attempt, and trace context stored with each job. It puts middleware
   * around every handler. @default true
   */
  readonly traces?: boolean;
}

export interface Observed {
  /** The same engine, whose `enqueue`, `enqueueAll` and `enqueueGraph` are measured and traced. Use it in place of the other. */
  readonly engine: Engine;
  /** Everything measured, as Prometheus reads it. Give it to `serve` or `admin` as `metrics`. */
  prometheus(): Promise<string>;
  /** How often events were missed because they were followed too slowly; then counters are too low. */
  readonly gaps: number;
}

/**
 * Measures and traces what an engine does from now on, until it closes: through `@opentelemetry/api`, which does nothing
 * until the app registers an SDK, and as Prometheus text.
 *
 * ```ts
 * const { engine: jobs, prometheus } = observe(await open('./data/jobs', { jobs: [welcome] }));
 * await serve(jobs, { metrics: prometheus });
 * ```
 */
export function observe(engine: Engine, { traces = true }: ObserveOptions = {}): Observed {
  const clock = systemClock({ keepAlive: false });
  const measures = createMeasures();
  let gaps = 0;
  follow(engine, createCounting(measures), () => (gaps += 1)).catch(() => (gaps += 1));
  observeJobs(engine);
  if (traces) engine.use(processing);
  const measured = measuredBy(measures, () => clock.monotonic(), traces);
  engine.closing.addEventListener('abort', () => clock.stop(), { once: true });
  return {
    engine: Object.assign(Object.create(engine) as Engine, {
      enqueue: ((job: string, payload?: unknown, options?: JobOptions) =>
        measured(nameOf(job), (own) => engine.enqueue(job, payload, own(options)))) as Engine['enqueue'],
      enqueueAll: ((entries: ReadonlyArray<readonly [string, unknown?, JobOptions?]>) =>
        measured('batch', (own) =>
          engine.enqueueAll(entries.map(([job, payload, options]) => [job, payload, own(options)] as const)),
        )) as never,
      enqueueGraph: ((nodes: Readonly<Record<string, readonly [string, unknown?, JobOptions?]>>) =>
        measured('graph', (own) => {
          const all = Object.entries(nodes).map(
            ([key, [job, payload, options]]) => [key, [job, payload, own(options)]] as const,
          );
          return engine.enqueueGraph(Object.fromEntries(all));
        })) as never,
    }),
    prometheus: async () => prometheusText(measures, await engine.stats()),
    get gaps() {
      return gaps;
    },
  };
}

function nameOf(job: string | { readonly type: string }): string {
  return typeof job === 'string' ? job : job.type;
}

/** Adds the trace to the options of a job that has none. */
type Own = (options: JobOptions | undefined) => JobOptions;
type Measured = <Value>(type: string, enqueue: (own: Own) => Promise<Value>) => Promise<Value>;

function measuredBy(measures: Measures, now: () => number, traces: boolean): Measured {
  const tracer = trace.getTracer('holdfast');

  async function timed<Value>(enqueue: () => Promise<Value>): Promise<Value> {
    const began = now();
    const note = (outcome: string): void => measures.note('enqueue', { outcome }, (now() - began) / 1_000);
    try {
      const value = await enqueue();
      note('stored');
      return value;
    } catch (error) {
      note('refused');
      throw error;
    }
  }

  return (type, enqueue) => {
    if (!traces) return timed(() => enqueue((options = {}) => options));
    const options = { kind: SpanKind.PRODUCER, attributes: spanAttributes('send', { type }) };
    return tracer.startActiveSpan(`send ${type}`, options, async (span) => {
      const stored = activeTrace();
      const own: Own = (given = {}) =>
        stored === undefined || given.trace !== undefined ? given : { ...given, trace: stored };
      try {
        return await timed(() => enqueue(own));
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
        throw error;
      } finally {
        span.end();
      }
    });
  };
}

/** A span around each attempt, below that in which its job was enqueued. */
const processing: Middleware = (_payload, { job }, next) => {
  const { id, type, queue, attempt } = job;
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: {
      ...spanAttributes('process', { type, queue }),
      'messaging.message.id': id,
      'holdfast.attempt': attempt,
    },
  };
  return trace.getTracer('holdfast').startActiveSpan(`process ${type}`, options, contextOf(job.trace), async (span) => {
    try {
      return await next();
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  });
};

function spanAttributes(operation: 'send' | 'process', labels: { type: string; queue?: string }): Attributes {
  return { ...attributesOf(labels), 'messaging.operation.name': operation, 'messaging.operation.type': operation };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How many jobs there are, when somebody asks. */
function observeJobs(engine: Engine): void {
  const gauge = metrics.getMeter('holdfast').createObservableGauge('holdfast.jobs', {
    unit: '{job}',
    description: 'Jobs that are stored, by type and state.',
  });
  const look = async (result: { observe(value: number, attributes: Attributes): void }): Promise<void> => {
    for (const row of await engine.stats()) {
      for (const state of ['waiting', 'running', 'completed', 'cancelled', 'dead'] as const) {
        result.observe(row[state], { ...attributesOf({ type: row.type }), 'holdfast.state': state });
      }
    }
  };
  gauge.addCallback(look);
  engine.closing.addEventListener('abort', () => gauge.removeCallback(look), { once: true });
}
