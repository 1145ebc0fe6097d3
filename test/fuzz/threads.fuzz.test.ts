/** A thread that says anything the protocol has a form for: the host must come to no harm, whatever the texts are. */
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ThreadListener, Threads } from '../../src/actors/threads.ts';
import { defineJob } from '../../src/definition.ts';
import { openEngine } from '../../src/engine.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openMemoryHome } from '../../src/log/home.ts';
import { checkOpenOptions } from '../../src/options.ts';
import { readFromThread, type FromThread } from '../../src/protocol.ts';
import { assertUnpolluted, calmly, within } from './junk.ts';

const MS = 2_000;
const TOKEN = 1;

after(assertUnpolluted);

const text = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constantFrom('', '{', '{"__proto__":{"polluted":1}}', 'null', '"\\ud800"', '1e999'),
);
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const error = fc.record(
  {
    name: text,
    message: text,
    stack: text,
    code: fc.oneof(text, fc.constantFrom('HOLDFAST_SNOOZE', 'HOLDFAST_RETRYABLE', 'HOLDFAST_TERMINATE')),
    retryAfterMs: number,
    delayMs: number,
  },
  { requiredKeys: ['name', 'message'] },
);
const request = fc.oneof(
  fc.record({ kind: fc.constant('save'), checkpoint: text }),
  fc.record({ kind: fc.constant('extend'), ms: number }),
  fc.record({
    kind: fc.constant('enqueue'),
    type: fc.oneof(text, fc.constant('work')),
    payload: fc.option(text, { nil: undefined }),
    options: fc.dictionary(
      fc.constantFrom('id', 'delay', 'priority', 'after', 'queue', 'runAt'),
      fc.oneof(text, number),
    ),
    atEnd: fc.boolean(),
  }),
);
const said = fc.oneof(
  fc.record({ kind: fc.constant('progress'), token: fc.constant(TOKEN), text }),
  fc.record({
    kind: fc.constant('log'),
    token: fc.constant(TOKEN),
    level: fc.constant('info'),
    message: text,
    fields: fc.option(text, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('request'), token: fc.constant(TOKEN), id: fc.nat(), request }),
);
const outcome = fc.oneof(
  fc.record({ ok: fc.constant(true), result: fc.option(text, { nil: undefined }) }),
  fc.record({ ok: fc.constant(false), error }),
);

/** Threads on which every attempt says what it is told to. */
function scripted(script: { says: readonly unknown[]; outcome: unknown }): Threads {
  return {
    size: 1,
    free: 1,
    ahead: 0,
    onFree: undefined,
    run(_order, listener) {
      setImmediate(() => {
        for (const one of [
          ...script.says,
          { kind: 'ended', token: TOKEN, outcome: script.outcome, left: undefined, ms: 1 },
        ]) {
          // Only what passes the door comes further.
          const message = readFromThread(one);
          if (message !== undefined) pass(message, listener);
        }
        listener.released(undefined);
      });
      return { loading: false, abort: () => undefined, kill: () => undefined };
    },
    close: () => Promise.resolve(),
  };
}

function pass(message: FromThread, listener: ThreadListener): void {
  if (message.kind === 'progress') listener.progress(message.text);
  if (message.kind === 'log') listener.log(message.level, message.message, message.fields);
  if (message.kind === 'request') listener.request(message.request, () => undefined);
  if (message.kind === 'ended') listener.ended(message.outcome);
}

test('whatever a thread says, every method answers or refuses with a code, and the engine works on', async () => {
  const script = { says: [] as readonly unknown[], outcome: { ok: true, result: undefined } as unknown };
  const work = defineJob({ type: 'work', worker: 'file:///nowhere.js', retry: { attempts: 1 } });
  const settings = checkOpenOptions({ jobs: [work], keepAlive: false, timeout: '1s' });
  const clock = systemClock({ keepAlive: false });
  const engine = await openEngine({ home: openMemoryHome(settings), clock, settings, threads: scripted(script) });
  const codes = ['HOLDFAST_JOB_FAILED', 'HOLDFAST_JOB_NOT_FOUND', 'HOLDFAST_DAMAGED', 'HOLDFAST_THREAD_LOST'];
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(said, { maxLength: 6 }), outcome, async (says, end) => {
        script.says = says;
        script.outcome = end;
        const { id } = await engine.enqueue('work');
        // A retry or a snooze may lie in the far future.
        await Promise.race([
          calmly(() => engine.wait(id), ...codes),
          new Promise((resolve) => setTimeout(resolve, 20)),
        ]);
        const view = await calmly(() => engine.get(id), ...codes);
        assert.equal(view?.id, id);
        await engine.cancel(id);
      }),
      within(MS),
    );
    script.says = [];
    script.outcome = { ok: true, result: '"well"' };
    assert.equal(await (await engine.enqueue(work)).result(), 'well');
  } finally {
    await engine.close({ drain: 0 });
  }
});
