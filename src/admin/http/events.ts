/** What happens, as server-sent events: from now on, or behind the last one that was seen, also across restarts. */
import { z } from 'zod';
import { Problem, problemOf } from './problem.ts';
import { route, type Route, type Site } from './route.ts';
import { jobId, name, queryNumber } from './schemas.ts';

const HEARTBEAT_MS = 15_000;

const query = z.strictObject({
  since: queryNumber(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: 'Begin behind the event with this number; 0 for the oldest that is stored.' }),
  kind: z.string().max(64).optional(),
  type: name.optional(),
  queue: name.optional(),
  id: jobId.optional(),
});
type Query = z.output<typeof query>;

/** An event of any kind, as far as the filter looks at it. */
interface Told {
  readonly seq: number;
  readonly kind: string;
  readonly type?: string | undefined;
  readonly queue?: string | undefined;
  readonly id?: string | undefined;
  readonly result?: unknown;
}

export const eventRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/events',
    id: 'followEvents',
    tag: 'events',
    summary: 'Follows what happens, as server-sent events; `Last-Event-ID` goes on behind the last one seen.',
    query,
    headers: { 'Last-Event-ID': 'The number of the last event that was seen; it goes before `since`.' },
    answers: { 200: { description: 'A stream that does not end.', type: 'text/event-stream', schema: z.string() } },
    handle: ({ query, request, site }) => follow(site, sinceOf(request, query), query),
  }),
];

function sinceOf(request: Request, { since }: Query): number | undefined {
  const last = request.headers.get('last-event-id');
  if (last === null || last === '') return since;
  if (/^\d{1,16}$/.test(last) && Number.isSafeInteger(Number(last))) return Number(last);
  throw new Problem(400, 'invalid_argument', 'Last-Event-ID: expected the number of an event.', {
    field: 'Last-Event-ID',
  });
}

function follow(site: Site, since: number | undefined, filter: Query): Response {
  const release = site.claimStream();
  const encoder = new TextEncoder();
  const stop = new AbortController();
  const batches = site.engine.eventBatches({ ...(since === undefined ? {} : { since }), signal: stop.signal });
  const end = (): void => {
    stopHeart();
    stop.abort();
    release();
  };
  let send: (text: string) => void = () => undefined;
  let isTaken = (): boolean => false;
  // Whoever takes nothing need not hear that we are here.
  const stopHeart = site.clock.every(HEARTBEAT_MS, () => isTaken() && send(': still here\n\n'));
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        send = (text) => controller.enqueue(encoder.encode(text));
        isTaken = () => (controller.desiredSize ?? 0) > 0;
        send('retry: 1000\n\n');
      },
      async pull(controller) {
        try {
          for (;;) {
            const step = await batches.next();
            if (step.done === true) break;
            const told = (step.value as readonly Told[]).filter((event) => passes(event, filter));
            if (told.length === 0) continue;
            send(told.map((event) => textOf(site, event)).join(''));
            return;
          }
        } catch (error) {
          // The gap has the number of the oldest event that is there, so that whoever comes back goes on with it.
          const { message, details } = problemOf(error);
          const oldest = typeof details['oldest'] === 'number' ? `id: ${details['oldest']}\n` : '';
          send(`${oldest}event: error\ndata: ${JSON.stringify({ message, ...details })}\n\n`);
        }
        end();
        controller.close();
      },
      cancel: end,
    },
    // What was stored together is one piece of text; the next is read when this one is taken.
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } });
}

function passes(event: Told, { kind, type, queue, id }: Query): boolean {
  return (
    (kind === undefined || event.kind === kind) &&
    (type === undefined || event.type === type) &&
    (queue === undefined || event.queue === queue) &&
    (id === undefined || event.id === id)
  );
}

function textOf({ settings }: Site, event: Told): string {
  const { result: _result, ...rest } = event;
  return `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(settings.hideBodies ? rest : event)}\n\n`;
}
