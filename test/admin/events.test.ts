// Events over HTTP: from now on or from then on, and behind the last one that was seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDesk } from '../../src/admin/cli/desk.ts';
import { control } from '../../src/admin/index.ts';
import { defineJob, type Engine } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';
import { askerOf, engineWith, type Asker } from '../support/admin.ts';

interface Heard {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly id: string; readonly seq: number };
}

/** The first `count` events of a stream. */
async function hear(ask: Asker, path: string, count: number, headers: Record<string, string> = {}): Promise<Heard[]> {
  const response = await ask('GET', path, undefined, headers);
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream']);
  const heard: Heard[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const part of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(part, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const { id, event, data } = Object.fromEntries(
        block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)),
      ) as Record<string, string>;
      if (data !== undefined)
        heard.push({ id: Number(id), event: event ?? '', data: JSON.parse(data) as Heard['data'] });
    }
    if (heard.length >= count) break;
  }
  return heard.slice(0, count);
}

const works = defineJob({ type: 'works', run: () => 'done' });

test('a listener that was cut off goes on behind the last event it saw, also after a restart', async (t) => {
  const site = await openTestEngine(t, { jobs: [works] });
  await (await site.jobs.enqueue(works, undefined, { id: 'one' })).result();
  const first = await hear(askerOf(site.jobs), '/v1/events?since=0', 2);
  assert.deepEqual(
    first.map(({ event }) => event),
    ['enqueued', 'started'],
  );
  assert.deepEqual(
    first.map(({ id }) => id),
    first.map(({ data }) => data.seq),
  );
  const jobs = await site.restart();
  await (await jobs.enqueue(works, undefined, { id: 'two' })).result();
  const last = String(first.at(-1)?.id);
  const second = await hear(askerOf(jobs), '/v1/events?since=0', 3, { 'last-event-id': last });
  assert.deepEqual(
    second.map(({ event, data }) => [event, data.id]),
    [
      ['completed', 'one'],
      ['enqueued', 'two'],
      ['started', 'two'],
    ],
  );
});

test('without since only what comes is heard, and a filter lets through what it says', async (t) => {
  const { jobs } = await openTestEngine(t, { jobs: [works] });
  await (await jobs.enqueue(works)).result();
  const ask = askerOf(jobs);
  const coming = hear(ask, '/v1/events?kind=completed&type=works&queue=q&id=b', 1);
  await jobs.enqueueAll([
    [works, undefined, { id: 'a', queue: 'q' }],
    [works, undefined, { id: 'b', queue: 'q' }],
  ]);
  assert.deepEqual(
    (await coming).map(({ event, data }) => [event, data.id]),
    [['completed', 'b']],
  );
});

test('a gap is told, with the number to go on with, and the stream ends', async (t) => {
  const { jobs } = await openTestEngine(t);
  const trimmed = (): object => ({
    next: () =>
      Promise.reject(Object.assign(new Error('gone'), { code: 'HOLDFAST_EVENTS_TRIMMED', since: 5, oldest: 70 })),
  });
  const ask = askerOf(engineWith(jobs, { eventBatches: trimmed }));
  const text = await (await ask('GET', '/v1/events?since=5')).text();
  assert.match(
    text,
    /^id: 70\nevent: error\ndata: \{"message":"gone","code":"HOLDFAST_EVENTS_TRIMMED","since":5,"oldest":70\}$/m,
  );
});

test('a number that is none is refused', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  for (const query of ['?since=-1', '?since=x', '?since=1.5']) {
    assert.equal((await ask('GET', `/v1/events${query}`)).status, 400, query);
  }
  assert.equal((await ask('GET', '/v1/events', undefined, { 'last-event-id': 'x' })).status, 400);
});

test('a stream ends with its engine', async (t) => {
  const site = await openTestEngine(t);
  const response = await askerOf(site.jobs)('GET', '/v1/events');
  await site.close();
  assert.match(await response.text(), /^retry: 1000\n\n$/);
});

test('a slow reader costs no memory: nothing is read for it before it has taken what there is', async (t) => {
  const site = await openTestEngine(t, {
    jobs: [defineJob({ type: 'large', run: ({ n }: { n: number }) => `${n}`.padEnd(10_000, '.') })],
  });
  const { jobs } = site;
  const most = 400;
  let readBytes = 0;
  const counted = engineWith(jobs, {
    async *eventBatches(...given: Parameters<Engine['eventBatches']>) {
      for await (const batch of jobs.eventBatches(...given)) {
        readBytes += JSON.stringify(batch).length;
        yield batch;
      }
    },
  });
  // A socket of the file system, since the system itself keeps several megabytes for one of the network.
  await control(counted);
  const desk = await openDesk(site.folder, '/');
  t.after(() => desk.close());
  const stop = new AbortController();
  const lines = desk.lines('GET', '/v1/events?since=0&kind=completed', undefined, stop.signal);
  await lines.next();
  const handles = await jobs.enqueueAll(Array.from({ length: most }, (_, n) => ['large', { n }] as const));
  await Promise.all(handles.map((handle) => handle.result()));
  assert.ok(readBytes < 1_500_000, `${readBytes} of 4,000,000 bytes were read for somebody who took none`);
  const order: number[] = [];
  for await (const line of lines) {
    const [, n] = /"result":"(\d+)\./.exec(line) ?? [];
    if (n !== undefined) order.push(Number(n));
    if (order.length === most) break;
  }
  stop.abort();
  assert.deepEqual(order, Array.from(order.keys()), 'and it misses nothing');
});
