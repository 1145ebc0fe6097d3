// Answers with the trace it is in, as OpenTelemetry has it on this thread.
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { withTrace } from '../../../src/admin/telemetry/index.ts';

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

export default withTrace(async () => {
  await Promise.resolve();
  return trace.getSpanContext(context.active())?.traceId;
});
