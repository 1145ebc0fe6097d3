// The logger: a child for each job, and no harm from one that fails. That there is silence without one is seen in
// `process.test.ts`.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { pino, type Logger } from 'pino';
import { constant, defineJob } from '../../src/index.ts';
import { openMovedEngine, openTestEngine } from '../support/engine.ts';

/** A pino logger, and what was written to it. */
function logbook(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const out = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  return { logger: pino({ level: 'trace', base: { app: 'test' } }, out), lines };
}

const talks = defineJob({
  type: 'talks',
  retry: { backoff: constant(0) },
  run(_: undefined, { log, job }) {
    log.trace('t');
    log.debug('d');
    log.info({ size: 12 }, 'saw %s of %d', 'a', 2);
    log.warn({ err: new RangeError('far') }, 'w');
    log.error(new Error('an error alone'));
    log.fatal('f');
    if (job.attempt === 1) throw new Error('again');
  },
});

test('what a handler logs is written by a child logger that names the job, its type and its attempt', async (t) => {
  const { logger, lines } = logbook();
  const site = await openMovedEngine(t, { jobs: [talks], logger });
  const { id } = await site.jobs.enqueue(talks);
  await site.clock.settle();
  await site.jobs.wait(id);
  const own = lines.filter(({ job }) => job === id);
  assert.deepEqual(
    own.map(({ level, attempt }) => [level, attempt]),
    [1, 2].flatMap((n) => [10, 20, 30, 40, 50, 60].map((level) => [level, n])),
  );
  const [, , info, warn, error] = own;
  assert.deepEqual([info?.['msg'], info?.['size'], info?.['type'], info?.['app']], ['saw a of 2', 12, 'talks', 'test']);
  assert.equal((warn?.['err'] as { message?: string }).message, 'far');
  assert.equal(error?.['msg'], 'an error alone');
});

function throws(): never {
  throw new Error('the logger is broken');
}
const BROKEN: Readonly<Record<string, () => unknown>> = {
  'throws on every line': () => {
    const broken: Record<string, unknown> = { child: () => broken };
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) broken[level] = throws;
    return broken;
  },
  'gives no child': () => ({ ...logbook().logger, info: () => undefined, error: () => undefined, child: throws }),
};
for (const [how, broken] of Object.entries(BROKEN)) {
  test(`a logger that ${how} fails no job, no recovery and no close`, async (t) => {
    const site = await openMovedEngine(t, { jobs: [talks], logger: broken() as Logger });
    const job = await site.jobs.enqueue(talks);
    await site.clock.settle();
    await job.result();
    assert.equal((await site.jobs.get(job.id))?.attempts, 1);
    site.gate.refuseNext('lost');
    await assert.rejects(site.jobs.enqueue(talks), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
    await site.clock.pass(1_000);
    const later = await site.jobs.enqueue(talks);
    await site.clock.settle();
    await later.result();
    await site.jobs.close();
  });
}

test('on a thread as well', async (t) => {
  const { logger, lines } = logbook();
  const worker = defineJob<string>({
    type: 'thread',
    worker: new URL('../support/handlers/contract.js', import.meta.url),
  });
  const site = await openTestEngine(t, { jobs: [worker], logger, retry: { attempts: 1 } });
  const job = await site.jobs.enqueue(worker, 'x');
  await job.result().catch(() => undefined);
  assert.ok(lines.some(({ job: id, msg }) => id === job.id && msg === 'plain'));
  const broken = await openTestEngine(t, {
    jobs: [worker],
    logger: BROKEN['throws on every line']?.() as Logger,
    retry: { attempts: 1 },
  });
  const second = await broken.jobs.enqueue(worker, 'x');
  await second.result().catch(() => undefined);
  assert.ok(['completed', 'dead'].includes((await broken.jobs.get(second.id))?.state ?? ''));
});
