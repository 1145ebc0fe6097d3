// Jobs that stand for one another: unique keys and idempotency keys, in every state of the job that has them.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { defineJob, TerminateError, type JobOptions, type JobState } from '../../src/index.ts';
import { UNIQUE_MODES, type UniqueMode } from '../../src/job/unique.ts';
import { latch, openMovedEngine, openTestEngine, storyOf, type Latch, type MovedEngine } from '../support/engine.ts';

const MINUTE_MS = 60_000;

interface Site extends MovedEngine {
  /** Lets the job go that runs. */
  readonly gates: Latch[];
  /** What handlers were given, in order. */
  readonly payloads: unknown[];
}

/** An engine whose jobs do what their payload says; `hold` runs until the test lets it go. */
async function openSite(t: TestContext): Promise<Site> {
  const gates: Latch[] = [];
  const payloads: unknown[] = [];
  const work = defineJob<{ does?: string; n?: number }, unknown, string>({
    type: 'work',
    retry: { attempts: 5, backoff: [MINUTE_MS] },
    async run(payload, { save, checkpoint, signal }) {
      payloads.push(payload);
      if (payload.does === 'fail') {
        await save('half');
        throw new Error('it fails');
      }
      if (payload.does === 'die') throw new TerminateError('no use');
      if (payload.does === 'hold') {
        const gate = latch();
        gates.push(gate);
        await gate.promise;
        signal.throwIfAborted();
      }
      return checkpoint ?? payload.n;
    },
  });
  const site = await openMovedEngine(t, { jobs: [work] });
  t.after(() => gates.forEach((gate) => gate.open()));
  return {
    ...site,
    get jobs() {
      return site.jobs;
    },
    gates,
    payloads,
  };
}

async function begin({ jobs, clock }: Site, payload: object, options: JobOptions = {}): Promise<string> {
  const { id } = await jobs.enqueue('work', payload, { unique: 'k', ...options });
  await clock.settle();
  return id;
}

type Holder = (site: Site) => Promise<string>;

const FREE: Readonly<Record<string, Holder>> = {
  'nobody ever had it': () => Promise.resolve(''),
  'its job is completed': (site) => begin(site, {}),
  'its job is dead': (site) => begin(site, { does: 'die' }),
  async 'its job is cancelled'(site) {
    const id = await begin(site, {}, { delay: '1h' });
    await site.jobs.cancel(id);
    return id;
  },
  'a job of another type has it': (site) => site.jobs.enqueue('nobody', {}, { unique: 'k' }).then(({ id }) => id),
  'a job that was deleted had it': async (site) => {
    const id = await begin(site, {}, { delay: '1h' });
    await site.jobs.cancel(id);
    await site.jobs.clear([id]);
    return id;
  },
};

const WAITING: Readonly<Record<string, readonly [face: string, holder: Holder]>> = {
  'is scheduled': ['scheduled', (site) => begin(site, { n: 1 }, { delay: '1h', priority: 1 })],
  'is retrying': ['retrying', (site) => begin(site, { does: 'fail' }, { priority: 1 })],
  'is blocked': [
    'blocked',
    async (site) => {
      await site.jobs.enqueue('work', {}, { id: 'parent', delay: '1h' });
      return begin(site, { n: 1 }, { after: ['parent'], priority: 1 });
    },
  ],
};

const RUNNING: Readonly<Record<string, Holder>> = {
  runs: (site) => begin(site, { does: 'hold' }),
  async 'runs and is being cancelled'(site) {
    const id = await begin(site, { does: 'hold' });
    await site.jobs.cancel(id);
    return id;
  },
};

describe('a unique key', () => {
  for (const [how, make] of Object.entries(FREE)) {
    for (const mode of UNIQUE_MODES) {
      test(`is free with '${mode}' when ${how}`, async (t) => {
        const site = await openSite(t);
        const before = await make(site);
        const job = await site.jobs.enqueue('work', { n: 2 }, { unique: { key: 'k', mode } });
        assert.equal(job.isNew, true);
        assert.notEqual(job.id, before);
        assert.equal(await job.result(), 2);
      });
    }
  }

  for (const [how, [face, make]] of Object.entries(WAITING)) {
    test(`of a job that ${how} gives that job with 'keep', and refuses with 'reject'`, async (t) => {
      const site = await openSite(t);
      const id = await make(site);
      const before = await site.jobs.get(id);
      assert.equal(before?.face, face);
      const job = await site.jobs.enqueue('work', { n: 2 }, { unique: 'k' });
      assert.deepEqual([job.id, job.isNew], [id, false]);
      await assert.rejects(site.jobs.enqueue('work', {}, { unique: { key: 'k', mode: 'reject' } }), {
        ...{ code: 'HOLDFAST_DUPLICATE_JOB', key: 'k', id },
      });
      assert.deepEqual(await site.jobs.get(id), before, 'it is as it was');
    });

    for (const mode of ['replace', 'keepLast'] as const) {
      test(`of a job that ${how} gives that job the new payload with '${mode}'`, async (t) => {
        const site = await openSite(t);
        const id = await make(site);
        const before = await site.jobs.get(id);
        const again = { unique: { key: 'k', mode }, delay: 5 * MINUTE_MS, priority: 7 } as const;
        const job = await site.jobs.enqueue('work', { n: 2 }, again);
        assert.deepEqual([job.id, job.isNew], [id, false]);
        const after = await site.jobs.get(id);
        assert.deepEqual(
          [after?.payload, after?.priority, after?.attempts, after?.checkpoint],
          [{ n: 2 }, 7, 0, undefined],
        );
        const dueAt = mode === 'replace' ? site.clock.now() + 5 * MINUTE_MS : before?.dueAt;
        assert.equal(after?.dueAt, dueAt);
        await site.restart();
        assert.deepEqual((await site.jobs.get(id))?.payload, { n: 2 });
        assert.equal(await site.drive(site.jobs.wait(id)), 2);
      });
    }
  }

  for (const [how, make] of Object.entries(RUNNING)) {
    test(`of a job that ${how} gives that job with 'keep', and refuses with 'reject'`, async (t) => {
      const site = await openSite(t);
      const id = await make(site);
      const job = await site.jobs.enqueue('work', { n: 2 }, { unique: 'k' });
      assert.deepEqual([job.id, job.isNew], [id, false]);
      await assert.rejects(site.jobs.enqueue('work', {}, { unique: { key: 'k', mode: 'reject' } }), { id });
    });

    for (const mode of ['replace', 'keepLast'] as const) {
      test(`of a job that ${how} lets one wait behind it with '${mode}', with the newest payload`, async (t) => {
        const site = await openSite(t);
        const id = await make(site);
        const options = { unique: { key: 'k', mode } } as const;
        const second = await site.jobs.enqueue('work', { n: 2 }, options);
        assert.equal(second.isNew, true);
        assert.deepEqual((await site.jobs.get(second.id))?.waitsFor, [id]);
        const third = await site.jobs.enqueue('work', { n: 3 }, { ...options, priority: 4 });
        assert.deepEqual([third.id, third.isNew], [second.id, false]);
        assert.equal((await site.jobs.enqueue('work', {}, { unique: 'k' })).id, second.id, 'the newest holder counts');
        assert.equal(site.payloads.length, 1, 'it does not run beside the first');
        site.gates.at(-1)?.open();
        assert.equal(await second.result(), 3);
        assert.equal(site.payloads.length, 2);
        assert.equal((await site.jobs.enqueue('work', {}, { unique: 'k' })).isNew, true);
      });
    }
  }

  test('stays with the running job when the one behind it is cancelled', async (t) => {
    const site = await openSite(t);
    const id = await begin(site, { does: 'hold' });
    const second = await site.jobs.enqueue('work', { n: 2 }, { unique: { key: 'k', mode: 'keepLast' } });
    await site.jobs.cancel(second.id);
    assert.equal((await site.jobs.enqueue('work', {}, { unique: 'k' })).id, id);
    site.gates.at(-1)?.open();
  });

  test('is decided in order for calls of the same turn, and within one enqueueAll', async (t) => {
    const { jobs } = await openSite(t);
    const later = { unique: 'k', delay: '1h' } as const;
    const [first, second] = await Promise.all([jobs.enqueue('work', { n: 1 }, later), jobs.enqueue('work', {}, later)]);
    assert.deepEqual([first.isNew, second.isNew, second.id], [true, false, first.id]);
    const two = { unique: { key: 'two', mode: 'replace' }, delay: '1h' } as const;
    const handles = await jobs.enqueueAll([
      ['work', { n: 1 }, two],
      ['work', { n: 2 }, { delay: '1h' }],
      ['work', { n: 3 }, two],
    ]);
    assert.deepEqual(
      handles.map(({ isNew }) => isNew),
      [true, true, false],
    );
    assert.equal(handles[2].id, handles[0].id);
    assert.deepEqual((await jobs.get(handles[0].id))?.payload, { n: 3 });
    const three = { unique: { key: 'three', mode: 'reject' } } as const;
    const all = jobs.enqueueAll([
      ['work', {}, three],
      ['work', {}, three],
    ]);
    await assert.rejects(all, { code: 'HOLDFAST_DUPLICATE_JOB', key: 'three' });
    assert.equal((await jobs.enqueue('work', {}, three)).isNew, true, 'nothing of the list was stored');
  });

  test('is held after a restart and after a kill as it was before', async (t) => {
    const site = await openTestEngine(t);
    const { id } = await site.jobs.enqueue('nobody', { n: 1 }, { unique: 'k', tags: ['a', 'b', 'a'] });
    await site.restart();
    assert.equal((await site.jobs.enqueue('nobody', {}, { unique: 'k' })).id, id);
    await site.kill();
    assert.equal((await site.jobs.enqueue('nobody', {}, { unique: 'k' })).id, id);
    const view = await site.jobs.get(id);
    assert.deepEqual([view?.unique, view?.tags], ['k', ['a', 'b']]);
    await site.jobs.cancel(id);
    await site.kill();
    assert.equal((await site.jobs.enqueue('nobody', {}, { unique: 'k' })).isNew, true);
  });

  test('keeps a job from being revived that another has taken over from', async (t) => {
    const site = await openSite(t);
    const id = await begin(site, { does: 'die' });
    await begin(site, {}, { delay: '1h' });
    const [report] = await site.jobs.revive([id]);
    assert.equal(report?.ok === false && report.error.code, 'HOLDFAST_DUPLICATE_JOB');
  });

  test('of the job that ends can be given on to the one it leaves behind', async (t) => {
    const again = defineJob<{ n: number }, number>({
      type: 'again',
      async run({ n }, { enqueue }) {
        const unique = { key: 'k', mode: 'reject' } as const;
        if (n < 3) await enqueue('again', { n: n + 1 }, { atEnd: true, id: `again:${n + 1}`, unique });
        return n;
      },
    });
    const { jobs, clock } = await openMovedEngine(t, { jobs: [again] });
    await jobs.enqueue(again, { n: 1 }, { unique: 'k' });
    await clock.settle();
    assert.equal(await jobs.wait('again:3'), 3);
  });

  test('does not start a job again at the moment from which it was put off', async (t) => {
    const site = await openSite(t);
    const debounce = { unique: { key: 'd', mode: 'replace' }, delay: 1_000 } as const;
    const { id } = await site.jobs.enqueue('work', { n: 1 }, debounce);
    for (const n of [2, 3, 4]) {
      await site.clock.pass(999);
      await site.jobs.enqueue('work', { n }, debounce);
    }
    assert.deepEqual(site.payloads, []);
    await site.clock.pass(1_000);
    assert.deepEqual(site.payloads, [{ n: 4 }]);
    assert.deepEqual(await storyOf(site.jobs, id), [
      'enqueued',
      'updated',
      'updated',
      'updated',
      'started',
      'completed',
    ]);
  });
});

describe('an idempotency key', () => {
  const ends: Readonly<Record<Exclude<JobState, 'running'>, object>> = {
    waiting: {},
    completed: {},
    cancelled: {},
    dead: { does: 'die' },
  };
  for (const [state, payload] of Object.entries(ends)) {
    test(`gives a job that is ${state} for as long as its window, over restarts, and then a new one`, async (t) => {
      const site = await openSite(t);
      const delayMs = state === 'waiting' || state === 'cancelled' ? 3_600_000 : 0;
      const options = { idempotencyKey: 'order:1', delay: delayMs };
      const first = await site.jobs.enqueue('work', payload, options);
      if (state === 'cancelled') await site.jobs.cancel(first.id);
      await site.clock.settle();
      assert.equal((await site.jobs.get(first.id))?.state, state);
      await site.restart();
      const keep = { count: 0 };
      // Retention waits for the window.
      const jobs = await site.restart({ keep: { completed: keep, cancelled: keep, dead: keep } });
      await site.clock.pass(10 * MINUTE_MS - 1);
      const again = await jobs.enqueue('work', { n: 5 }, { idempotencyKey: 'order:1' });
      assert.deepEqual([again.id, again.isNew], [first.id, false]);
      await site.clock.pass(1);
      const later = await jobs.enqueue('nobody', { n: 6 }, { idempotencyKey: 'order:1' });
      assert.equal(later.isNew, true, 'another type');
      assert.equal((await jobs.enqueue('work', {}, { idempotencyKey: 'order:1', delay: '1d' })).isNew, true);
      if (state !== 'waiting') assert.equal(await jobs.get(first.id), undefined, 'it is forgotten now');
    });
  }

  test('counts before the id and before the unique key', async (t) => {
    const { jobs } = await openSite(t);
    const options = {
      idempotencyKey: { key: 'a', window: '1h' },
      id: 'own',
      unique: { key: 'k', mode: 'reject' },
    } as const;
    await jobs.enqueue('work', {}, { ...options, delay: '2h' });
    const again = await jobs.enqueue('work', {}, options);
    assert.deepEqual([again.id, again.isNew], ['own', false]);
    await assert.rejects(jobs.enqueue('work', {}, { id: 'own', unique: 'k' }), { code: 'HOLDFAST_JOB_EXISTS' });
  });

  test('goes with a job that somebody clears', async (t) => {
    const { jobs, clock } = await openSite(t);
    const { id } = await jobs.enqueue('work', {}, { idempotencyKey: 'a' });
    await clock.settle();
    assert.deepEqual(await jobs.clear([id]), [{ id, ok: true }]);
    assert.equal((await jobs.enqueue('work', {}, { idempotencyKey: 'a' })).isNew, true);
  });
});

test('keys and tags that cannot be are refused by name', async (t) => {
  const { jobs } = await openSite(t);
  const wrong: ReadonlyArray<readonly [JobOptions, field: string]> = [
    [{ unique: '' }, 'unique'],
    [{ unique: { key: 'x'.repeat(129) } }, 'unique.key'],
    [{ unique: { key: 'k', mode: 'merge' as UniqueMode } }, 'unique.mode'],
    [{ unique: 7 as never }, 'unique'],
    [{ idempotencyKey: '' }, 'idempotencyKey'],
    [{ idempotencyKey: { key: 'a', window: 0 } }, 'idempotencyKey.window'],
    [{ idempotencyKey: { key: 'a', window: '31d' } }, 'idempotencyKey.window'],
    [{ tags: 'a' as never }, 'tags'],
    [{ tags: [''] }, 'tags[0]'],
    [{ tags: Array.from({ length: 17 }, (_, n) => `${n}`) }, 'tags'],
  ];
  for (const [options, field] of wrong) {
    await assert.rejects(jobs.enqueue('work', {}, options), { code: 'HOLDFAST_INVALID_ARGUMENT', field });
  }
});

test('a job that another stands for takes no key and no id from the next in the list', async (t) => {
  const site = await openMovedEngine(t);
  const { jobs } = site;
  const held = { unique: { key: 'k', mode: 'keep' } } as const;
  const first = await jobs.enqueue('work', 1, held);
  const refused = { unique: { key: 'k', mode: 'reject' }, idempotencyKey: 'i' } as const;
  await assert.rejects(
    jobs.enqueueAll([
      ['work', 2, { ...held, idempotencyKey: 'i' }],
      ['work', 3, refused],
    ]),
    { code: 'HOLDFAST_DUPLICATE_JOB' },
  );
  const [second, third] = await jobs.enqueueAll([
    ['work', 4, { ...held, id: 'own' }],
    ['work', 5, { id: 'own' }],
  ]);
  assert.deepEqual([second.id, second.isNew, third.id, third.isNew], [first.id, false, 'own', true]);
});
