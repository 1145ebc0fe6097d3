// The dispatcher by itself, on a table and a clock in memory: what the slots of the engine are given to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Dependencies } from '../../src/actors/dependencies.ts';
import { createDispatcher } from '../../src/actors/dispatcher.ts';
import type { DispatcherMessage, Hold, JournalMessage } from '../../src/actors/messages.ts';
import { QueueBook } from '../../src/actors/queue-book.ts';
import { Rates } from '../../src/actors/rates.ts';
import { ThreadRoom } from '../../src/actors/thread-room.ts';
import { JobTable } from '../../src/job/table.ts';
import { Places } from '../../src/kernel/heap.ts';
import { createFakeClock } from '../../src/kernel/fake-clock.ts';
import type { QueueLayer } from '../../src/queue-options.ts';
import { Router } from '../../src/router.ts';
import { defineJob } from '../../src/definition.ts';
import { enqueued, NOW } from '../support/log.ts';

const CONCURRENCY = 6;
const THREADS = 2;
const inline = defineJob({ type: 'inline', run: () => undefined });
const thread = defineJob({ type: 'thread', worker: new URL('file:///nowhere.js') });
const router = new Router([inline, thread]);

/** A dispatcher whose starts are done at once. */
async function dispatcherOn(layers: readonly QueueLayer[]) {
  const table = new JobTable();
  const running: Array<{ slot: number; hold: Hold }> = [];
  const order: string[] = [];
  let deliver: (messages: DispatcherMessage[]) => void = () => undefined;
  const clock = createFakeClock({ startAt: NOW });
  let position = 1;
  const room = new ThreadRoom({
    ...{ table, router, threads: THREADS, ahead: () => 0, maxCrashes: 3, use: [], hasRate: () => false },
  });
  const dispatcher = createDispatcher({
    ...{ clock, table, places: new Places(), router, unknownTypes: 'wait', rates: new Rates() },
    ...{ concurrency: CONCURRENCY, room, maxCrashes: 3, dependencies: new Dependencies(table) },
    book: new QueueBook(table.entries, new Map(layers.map((layer, n) => [`q${n}`, layer])), CONCURRENCY),
    mailbox: { serve: (receive: typeof deliver) => void (deliver = receive) } as never,
    journal: {
      tell(message: JournalMessage) {
        if (message.kind !== 'start') throw new Error(`It told ${message.kind}.`);
        table.apply({ kind: 'started', slot: message.slot, at: NOW, starts: 1 }, ++position, 1);
        running.push(message);
        order.push(message.hold.queue);
      },
    },
    ...{ isConsumed: () => true, isClosing: () => false, isFull: () => false, isHeld: () => false },
  });
  await dispatcher.load([]);
  return {
    ...{ table, running, order },
    add(queue: string, type: string) {
      const slot = table.end;
      table.apply(enqueued(slot, { queue, type }), ++position, 1);
      deliver([{ kind: 'waiting', slot }]);
    },
    release(pick: number) {
      const [attempt] = running.splice(pick % Math.max(1, running.length), 1);
      if (attempt === undefined) return;
      table.apply({ kind: 'completed', slot: attempt.slot, at: NOW, result: undefined }, ++position, 1);
      deliver([{ kind: 'released', hold: attempt.hold }]);
    },
  };
}

const layer: fc.Arbitrary<QueueLayer> = fc.record({
  concurrency: fc.constantFrom(1, 3, CONCURRENCY),
  weight: fc.integer({ min: 1, max: 3 }),
  minimum: fc.constantFrom(0, 0, 0, 1),
});
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ queue: fc.nat(3), type: fc.constantFrom('inline', 'inline', 'inline', 'thread') }),
  },
  { weight: 2, arbitrary: fc.record({ release: fc.nat(20) }) },
);

test('all limits hold at once, no slot is idle that may be used, and a minimum is there at once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(layer, { minLength: 4, maxLength: 4 }),
      fc.array(step, { maxLength: 40 }),
      async (layers, steps) => {
        const site = await dispatcherOn(layers);
        const { table, running } = site;
        for (const next of steps) {
          if ('release' in next) site.release(next.release);
          else site.add(`q${next.queue}`, next.type);
          const onThreads = running.filter(({ hold }) => hold.lane === 'thread').length;
          assert.ok(running.length <= CONCURRENCY && onThreads <= THREADS);
          const used = layers.map((_, n) => running.filter(({ hold }) => hold.queue === `q${n}`).length);
          const missing = layers.map(({ minimum = 0 }, n) => Math.max(0, minimum - (used[n] as number)));
          for (let slot = 0; slot < table.end; slot++) {
            if (table.stateOf(slot) !== 'waiting') continue;
            const n = Number(table.queueOf(slot).slice(1));
            const { concurrency = CONCURRENCY, minimum = 0 } = layers[n] as QueueLayer;
            assert.ok((used[n] as number) <= concurrency);
            if ((used[n] as number) >= concurrency || (table.typeOf(slot) === 'thread' && onThreads >= THREADS))
              continue;
            assert.ok((used[n] as number) >= minimum, 'what is kept for a queue is there');
            const kept = missing.reduce((sum, more, other) => sum + (other === n ? 0 : more), 0);
            assert.ok(running.length + kept >= CONCURRENCY, 'a slot that may be used is');
          }
        }
      },
    ),
    { numRuns: 10_000 },
  );
});

test('a queue that has jobs waits for at most as many starts as the weights of the others add up to', async () => {
  const weights = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(weights, fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }), async (given, adds) => {
      const site = await dispatcherOn(given.map((weight) => ({ weight })));
      for (const pick of adds) site.add(`q${pick % given.length}`, 'inline');
      const waits = given.map(() => 0);
      const sum = given.reduce((all, weight) => all + weight, 0);
      let seen = site.order.length;
      const left = (n: number): number => {
        const number = site.table.queues.find(`q${n}`);
        return number < 0 ? 0 : site.table.countOf(number, 'waiting');
      };
      while (site.running.length > 0) {
        const hadJobs = given.map((_, n) => left(n) > 0);
        site.release(seen);
        for (; seen < site.order.length; seen++) {
          for (const [n, weight] of given.entries()) {
            if (site.order[seen] === `q${n}` || !hadJobs[n]) waits[n] = 0;
            else assert.ok(++(waits[n] as number) <= sum - weight, `q${n} waits too long`);
          }
        }
      }
    }),
    { numRuns: 10_000 },
  );
});
