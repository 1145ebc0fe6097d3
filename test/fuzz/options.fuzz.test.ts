import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defineJob } from '../../src/definition.ts';
import { open } from '../../src/engine.ts';
import type { Engine } from '../../src/face.ts';
import { checkJobOptions } from '../../src/job-options.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { normaliseBackoff, nextDelay, type BackoffOption } from '../../src/job/retry.ts';
import { assertUnpolluted, built, calm, calmly, junk, listOf, options, record, within } from './junk.ts';

const INVALID = 'HOLDFAST_INVALID_ARGUMENT';
const MS = 900;

after(assertUnpolluted);

const job = defineJob({ type: 'work', run: () => 1 });
const retry = { attempts: 3, backoff: ['1s'], mode: 'all' };

test('whatever the options of open are, they are taken or refused by name', () => {
  const valid = {
    jobs: [job],
    queues: { mail: { concurrency: 2, timeout: '1s', retry } },
    concurrency: 3,
    threads: 1,
    durability: 'os',
    timeout: 'none',
    retry,
    grace: '1s',
    maxCrashes: 2,
    keep: { completed: { age: '1h', count: 5 }, dead: { age: 'forever' } },
    maxBodyBytes: 1000,
    maxPending: 10,
    cacheBytes: 0,
    keepAlive: false,
    unknownTypes: 'die',
    use: [],
  };
  const queues = record({ queues: options({ mail: valid.queues.mail, constructor: {} }) });
  fc.assert(
    fc.property(fc.oneof(options(valid), queues), (given) => {
      calm(() => checkOpenOptions(built(given) as never), INVALID, 'HOLDFAST_DUPLICATE_HANDLER');
    }),
    within(MS),
  );
});

test('whatever a definition is made of, it is taken or refused by name', () => {
  const valid = {
    type: 'mail',
    queue: 'mail',
    priority: 1,
    timeout: '1s',
    retry,
    run: () => 1,
    payload: undefined,
    use: [],
  };
  fc.assert(
    fc.property(options(valid), (given) => {
      calm(() => defineJob(built(given) as never), INVALID);
    }),
    within(MS),
  );
});

test('whatever the options of a job are, they are taken or refused by name', () => {
  const valid = {
    id: 'own',
    ifExists: 'return',
    queue: 'mail',
    priority: 2,
    delay: '1s',
    timeout: '1s',
    retry,
    deadline: 5,
    after: ['other', { id: 'third', on: 'always', as: 'x' }],
  };
  fc.assert(
    fc.property(options(valid), (given) => {
      const checked = calm(() => checkJobOptions(built(given) as never), INVALID);
      if (checked !== undefined) assert.equal(typeof checked.settings, 'string');
    }),
    within(MS),
  );
});

test('whatever a backoff is, it is refused or gives delays', () => {
  const policies = fc.oneof(junk, listOf(fc.oneof(fc.nat(), junk)), options({ kind: 'list', delaysMs: [1] }));
  const error = { name: 'Error', message: 'x' };
  fc.assert(
    fc.property(policies, fc.integer(), (given, attempt) => {
      const backoff = calm(() => normaliseBackoff(built(given) as BackoffOption, 'backoff'), INVALID);
      if (backoff === undefined) return;
      const delay = calm(() => nextDelay(backoff, attempt, Math.random, error));
      assert.ok(
        delay !== undefined && delay.delayMs >= 0 && Number.isSafeInteger(delay.delayMs),
        JSON.stringify(delay),
      );
    }),
    within(MS),
  );
});

/** Calls a method of the engine with junk. */
type Call = (engine: Engine, ...given: readonly unknown[]) => Promise<unknown>;
const CALLS: readonly Call[] = [
  (engine, ...given) => engine.enqueue(...(given as [never])),
  (engine, type, payload, options) => engine.enqueue('work', payload, { ...(options as object), queue: type } as never),
  (engine, entries) => engine.enqueueAll(entries as never),
  (engine, ...entry) => engine.enqueueAll([entry] as never),
  (engine, nodes) => engine.enqueueGraph(nodes as never),
  (engine, a, b) => engine.enqueueGraph({ a, b } as never),
  (engine, ...given) => engine.cancel(...(given as [never])),
  (engine, ids, options) => engine.revive(ids as never, options as never),
  (engine, ids) => engine.retry(ids as never),
  (engine, ids) => engine.clear([ids] as never),
  (engine, id) => engine.get(id as never),
  (engine, id) => engine.graph(id as never),
  (engine, id) => engine.wait(id as never),
  (engine, filter) => engine.list(filter as never),
  (engine, since, signal) => engine.events({ since, signal } as never).next(),
  async (engine, definition) => engine.register(definition as never),
  async (engine, middleware) => {
    if (typeof middleware !== 'function') engine.use(middleware as never);
  },
];

test('whatever the methods are given, they answer or refuse with a code, and the engine works on', async () => {
  const engine = await open(':memory:', { jobs: [job], keepAlive: false });
  const codes = [
    INVALID,
    'HOLDFAST_INVALID_PAYLOAD',
    'HOLDFAST_JOB_EXISTS',
    'HOLDFAST_JOB_NOT_FOUND',
    'HOLDFAST_DUPLICATE_HANDLER',
  ];
  try {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CALLS), fc.array(junk, { maxLength: 3 }), async (call, given) => {
        // A wait for a job that nobody runs, or for the next event, is no hang.
        const answered = calmly(async () => call(engine, ...given.map(built)), ...codes);
        await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 50).unref())]);
      }),
      within(2 * MS),
    );
    assert.equal(await (await engine.enqueue(job)).result(), 1);
  } finally {
    await engine.close({ drain: 0 });
  }
});
