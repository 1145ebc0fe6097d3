import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LogEvent } from '../../src/job/event.ts';
import type { Log } from '../../src/log/log.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { type LoggedFact, streamEvents } from '../../src/log/stream.ts';
import { Trimmer } from '../../src/log/trim.ts';
import { enqueued, NOW, openLog } from '../support/log.ts';
import { LogDriver } from '../support/log-driver.ts';

/** A log that is followed: commits are announced as the engine announces them. */
class Followed {
  log: Log;
  isEnded = false;
  isStopped = false;
  isReplacing = false;
  waiting = 0;
  readonly frames: MemoryFrames;
  #listeners: Array<() => void> = [];

  constructor(log: Log, frames: MemoryFrames) {
    this.log = log;
    this.frames = frames;
  }

  static async open(cacheBytes?: number): Promise<Followed> {
    const frames: MemoryFrames = new Map();
    return new Followed(await openLog(frames, cacheBytes), frames);
  }

  async commit(...events: LogEvent[]): Promise<number[]> {
    const positions = events.map((event) => this.log.record(event));
    await this.log.commit();
    this.announce();
    return positions;
  }

  announce(): void {
    for (const tell of this.#listeners.splice(0)) tell();
  }

  end(): void {
    this.isEnded = true;
    this.announce();
  }

  /** One by one, as `OneByOne` of the engine gives them. */
  async *follow(since: number): AsyncGenerator<LoggedFact, void, void> {
    const batches = streamEvents(
      {
        log: () => this.log,
        nextCommit: () => {
          this.waiting++;
          return new Promise((resolve) => this.#listeners.push(resolve));
        },
        isEnded: () => this.isEnded,
        isReplacing: () => this.isReplacing,
        isStopped: () => this.isStopped,
      },
      since,
      (fact) => fact,
    );
    for await (const batch of batches) {
      assert.ok(batch.length > 0, 'there is something in each');
      assert.ok(!this.isStopped, 'whoever has stopped is told nothing');
      for (const fact of batch) if (!this.isStopped) yield fact;
    }
  }

  /** What a reader gets that begins behind `since` and stops at the end of what is there. */
  async all(since: number): Promise<LoggedFact[]> {
    const seen: LoggedFact[] = [];
    const events = this.follow(since);
    this.end();
    for await (const event of events) seen.push(event);
    this.isEnded = false;
    return seen;
  }
}

const start = (slot: number): LogEvent => ({ kind: 'started', slot, at: NOW, starts: 1 });
const word = ({ id, kind }: LoggedFact): string => `${id} ${kind}`;

describe('the stream of events', () => {
  test('begins with the oldest that is stored and tells all in order, with their bodies and positions', async () => {
    const site = await Followed.open();
    const [first, second] = await site.commit(enqueued(0, { payload: '{"to":"a"}' }), start(0));
    const [third] = await site.commit({ kind: 'completed', slot: 0, at: NOW, result: '"sent"' });
    const events = await site.all(0);
    assert.deepEqual(events.map(word), ['job:0 enqueued', 'job:0 started', 'job:0 completed']);
    assert.deepEqual(
      events.map(({ position }) => position),
      [first, second, third],
    );
    assert.ok(events[0]?.kind === 'enqueued' && events[0].payload === '{"to":"a"}');
    assert.ok(events[2]?.kind === 'completed' && events[2].result === '"sent"');
  });

  test('goes on behind any event it told, and behind any position between', async () => {
    const site = await Followed.open();
    const positions: number[] = [];
    for (let slot = 0; slot < 12; slot += 3)
      positions.push(...(await site.commit(enqueued(slot), enqueued(slot + 1), enqueued(slot + 2))));
    for (const [n, position] of positions.entries()) {
      const expected = positions.slice(n + 1);
      for (const since of [position, position + 1]) {
        assert.deepEqual(
          (await site.all(since)).map((event) => event.position),
          expected,
        );
      }
    }
  });

  test('does not speak of what is not durable, of the log itself, or of jobs that are carried', async () => {
    const site = await Followed.open();
    await site.commit({ kind: 'opened', at: NOW }, enqueued(0), { kind: 'closed', at: NOW });
    const trimmer = new Trimmer(site.log, 500);
    await site.commit(enqueued(1, { payload: JSON.stringify('x'.repeat(5_000)) }), {
      kind: 'removed',
      slot: 1,
      at: NOW,
    });
    trimmer.step(NOW);
    await site.commit();
    site.log.record(enqueued(2));
    assert.deepEqual((await site.all(0)).map(word), ['job:0 enqueued', 'job:1 enqueued', 'job:1 removed']);
  });

  test('follows into the present: it waits for the next commit, and misses nothing', async () => {
    const site = await Followed.open();
    await site.commit(enqueued(0));
    const events = site.follow(0);
    assert.equal((await events.next()).value?.kind, 'enqueued');
    const next = events.next();
    assert.equal(await Promise.race([next, Promise.resolve('waiting')]), 'waiting');
    await site.commit(start(0));
    assert.equal(((await next).value as LoggedFact).kind, 'started');
    for (let slot = 1; slot <= 50; slot++) await site.commit(enqueued(slot));
    for (let slot = 1; slot <= 50; slot++) assert.equal(((await events.next()).value as LoggedFact).id, `job:${slot}`);
    await events.return();
  });

  test('that begins with the next event waits for it, also in a log that is empty', async () => {
    const site = await Followed.open();
    const events = site.follow(site.log.durablePosition);
    const next = events.next();
    await site.commit(enqueued(7));
    assert.equal(((await next).value as LoggedFact).id, 'job:7');
    await events.return();
  });

  test('does not poll: between commits it is not heard of', async () => {
    const site = await Followed.open();
    await site.commit(enqueued(0));
    const events = site.follow(0);
    await events.next();
    const next = events.next();
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(site.waiting, 1);
    site.end();
    assert.ok((await next).done);
  });

  test('that is slow gets everything all the same, from the store when memory has forgotten it', async () => {
    const site = await Followed.open(2_000);
    const events = site.follow(0);
    for (let slot = 0; slot < 200; slot++)
      await site.commit(enqueued(slot, { payload: JSON.stringify('x'.repeat(300)) }));
    for (let slot = 0; slot < 200; slot++) assert.equal(((await events.next()).value as LoggedFact).id, `job:${slot}`);
    await events.return();
  });

  test('tells of every event once, whoever is trimming and reopening meanwhile', async () => {
    const driver = await LogDriver.open({ seed: 21, slackBytes: 20_000 });
    const site = new Followed(driver.log, driver.frames);
    const recorded: number[] = [];
    const seen: number[] = [];
    const reader = (async () => {
      for await (const { position } of site.follow(0)) seen.push(position);
    })();
    const record = driver.record.bind(driver);
    driver.record = (event) => {
      const position = record(event);
      recorded.push(position);
      return position;
    };
    for (let round = 0; round < 120; round++) {
      for (let n = driver.pick(12); n >= 0; n--) driver.act();
      await driver.commit();
      if (round % 30 === 29) await driver.reopen();
      site.log = driver.log;
      site.announce();
      await new Promise((resolve) => setImmediate(resolve));
    }
    site.end();
    await reader;
    assert.ok(driver.log.ledger.head > 1);
    assert.deepEqual(seen, recorded);
  });

  test('says so when events that were asked for are trimmed, and from where it could go on', async () => {
    const driver = await LogDriver.open({ seed: 5, slackBytes: 1_000 });
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 10; n++) driver.act();
      await driver.commit();
    }
    await driver.settle();
    const site = new Followed(driver.log, driver.frames);
    const oldest = site.log.headPosition;
    assert.ok(site.log.ledger.head > 5);
    await assert.rejects(site.all(65_536 + 40), { code: 'HOLDFAST_EVENTS_TRIMMED', since: 65_536 + 40, oldest });
    assert.ok(
      (await site.all(0)).every(({ position }) => position >= oldest),
      'from 0 means from what there is',
    );
    site.isEnded = false;
    // The very frame behind which it was is the newest one that is gone: nothing was missed.
    assert.ok((await site.all(site.log.ledger.head * 65_536)).length > 0);
  });

  test('says so also when that happens between two of its events', async () => {
    const driver = await LogDriver.open({ seed: 6, slackBytes: 1_000, cacheBytes: 0 });
    driver.act();
    await driver.commit();
    const site = new Followed(driver.log, driver.frames);
    const events = site.follow(0);
    await events.next();
    for (let round = 0; round < 40; round++) {
      for (let n = 0; n < 10; n++) driver.act();
      await driver.commit();
    }
    await driver.settle();
    await assert.rejects(events.next(), { code: 'HOLDFAST_EVENTS_TRIMMED' });
  });

  test('that is stopped tells nothing more, though there is more', async () => {
    const site = await Followed.open();
    await site.commit(enqueued(0), enqueued(1));
    await site.commit(enqueued(2));
    const events = site.follow(0);
    await events.next();
    site.isStopped = true;
    assert.ok((await events.next()).done);
  });

  test('calls the store damaged when a frame is gone that was not trimmed, and does not ask for it for ever', async () => {
    const site = await Followed.open(0);
    for (let slot = 0; slot < 5; slot++) await site.commit(enqueued(slot));
    site.frames.delete(3);
    const events = site.follow(0);
    await events.next();
    await events.next();
    await assert.rejects(events.next(), { code: 'HOLDFAST_DAMAGED', where: 'frame 3 of the log' });
  });
});
