/** Where a job belongs in a trace: from a span to what is stored with the job, and back. */
import {
  context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  trace,
  type Context,
  type SpanContext,
} from '@opentelemetry/api';
import type { JobContext, TraceContext } from '../../index.ts';

/** The active span, as it is stored with a job; undefined when there is none. */
export function activeTrace(): TraceContext | undefined {
  const span = trace.getSpanContext(context.active());
  return span === undefined || !isSpanContextValid(span) ? undefined : storedOf(span);
}

function storedOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize();
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** The context that a job was enqueued in, as it is stored with it. */
export function contextOf(stored: TraceContext | undefined): Context {
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(stored?.traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(stored?.tracestate === undefined ? {} : { traceState: createTraceState(stored.tracestate) }),
  });
}

/**
 * For the module of a handler that runs on a thread: what it does belongs to the trace that its job was enqueued in.
 *
 * ```ts
 * export default withTrace(async (payload: Photo, { signal }) => { … });
 * ```
 */
export function withTrace<Payload, Result>(
  handler: (payload: Payload, context: JobContext) => Result,
): (payload: Payload, context: JobContext) => Result {
  return (payload, job) => context.with(contextOf(job.job.trace), () => handler(payload, job));
}
