// The page of dead jobs and what can be done on it: the behaviours of the Go worker's handler, and what it left open.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { defineJob, TerminateError, type Engine } from '../../src/index.ts';
import { openTestEngine } from '../support/engine.ts';
import { askerOf, engineWith, HOST, pageTokenOf, TOKEN, type Asker } from '../support/admin.ts';

const fails = defineJob<unknown>({
  type: 'test',
  run() {
    throw new TerminateError('fail');
  },
});

/** An engine with so many dead jobs, `d0` and on. */
async function dead(t: TestContext, count: number): Promise<Engine> {
  const { jobs } = await openTestEngine(t, { jobs: [fails] });
  const handles = await jobs.enqueueAll(
    Array.from({ length: count }, (_, n) => [fails, `payload ${n}`, { id: `d${n}` }] as const),
  );
  await Promise.allSettled(handles.map((handle) => handle.result()));
  return jobs;
}

const asJson = { accept: 'application/json' };

test('a ping is answered', async (t) => {
  const response = await askerOf(await dead(t, 0))('GET', '/ping');
  assert.deepEqual([response.status, await response.json()], [200, { success: true }]);
});

describe('the list of dead jobs as JSON', () => {
  const idsOf = async (ask: Asker, query: string): Promise<string[]> => {
    const response = await ask('GET', `/dead-jobs${query}`, undefined, asJson);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    return ((await response.json()) as Array<{ id: string }>).map(({ id }) => id);
  };

  test('has the page that size and offset ask for', async (t) => {
    const ask = askerOf(await dead(t, 5));
    assert.deepEqual(await idsOf(ask, '?size=2&offset=1'), ['d1', 'd2']);
    assert.deepEqual(await idsOf(ask, '?size=10&offset=3'), ['d3', 'd4']);
    const [job] = (await (await ask('GET', '/dead-jobs?size=1', undefined, asJson)).json()) as [object];
    const { run_at, created_at, updated_at, last_attempt_at, ...rest } = job as Record<string, unknown>;
    for (const moment of [run_at, created_at, updated_at, last_attempt_at]) {
      assert.match(String(moment), /^\d{4}-\d\d-\d\dT.*Z$/);
    }
    const args = Buffer.from('"payload 0"').toString('base64');
    assert.deepEqual(rest, {
      id: 'd0',
      type: 'test',
      args,
      attempts_done: 1,
      last_error: 'fail',
      reason: 'terminated',
    });
  });

  test('has the first twenty without size and offset, and is [] when there are none', async (t) => {
    assert.deepEqual(await idsOf(askerOf(await dead(t, 0)), ''), []);
    assert.equal((await idsOf(askerOf(await dead(t, 21)), '')).length, 20);
  });

  test('takes an invalid size or offset as none', async (t) => {
    const ask = askerOf(await dead(t, 21));
    for (const query of ['?size=-1&offset=-1', '?size=0&offset=x', '?size=1e999&offset=NaN']) {
      assert.equal((await idsOf(ask, query)).length, 20, query);
    }
  });

  test('says what failed when the store does', async (t) => {
    const broken = engineWith(await dead(t, 0), { list: () => Promise.reject(new Error('boiled a broken egg')) });
    const response = await askerOf(broken)('GET', '/dead-jobs', undefined, asJson);
    assert.deepEqual([response.status, await response.json()], [500, { error: 'boiled a broken egg' }]);
  });
});

test('the page shows type, id, payload and the last error of each dead job', async (t) => {
  const response = await askerOf(await dead(t, 1))('GET', '/dead-jobs', undefined, { accept: 'text/html' });
  const page = await response.text();
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  for (const shown of ['test / d0', 'payload 0', 'Last Error: fail', '1 to 1 of 1']) {
    assert.ok(page.includes(shown), shown);
  }
});

test('the page has a way to the pages before and after, with the total', async (t) => {
  const ask = askerOf(await dead(t, 5), { basePath: '/admin' });
  const pageAt = async (offset: number): Promise<string> =>
    (await ask('GET', `/dead-jobs?size=2&offset=${offset}`, undefined, { accept: 'text/html' })).text();
  const linked = (page: string): string[] => [...page.matchAll(/<a rel="(prev|next)"/g)].map((match) => match[1] ?? '');
  assert.deepEqual(linked(await pageAt(0)), ['next']);
  assert.deepEqual(linked(await pageAt(2)), ['prev', 'next']);
  assert.deepEqual(linked(await pageAt(4)), ['prev']);
  const page = await pageAt(2);
  assert.match(page, /3 to 4 of 5/);
  assert.match(page, /href="\/admin\/dead-jobs\?size=2&amp;offset=4"/);
  assert.match(page, /formaction="\/admin\/clear-jobs"/);
});

const VERBS = [
  ['/resurrect-jobs', 'revive', 'waiting'],
  ['/clear-jobs', 'clear', undefined],
] as const;
for (const [path, verb, after] of VERBS) {
  describe(`${path}`, () => {
    const to = (response: Response): [number, string | null] => [response.status, response.headers.get('location')];

    test('leads back with what is wrong when there is no form', async (t) => {
      const ask = askerOf(await dead(t, 1));
      const response = await ask('POST', path, undefined, { 'content-type': 'application/x-www-form-urlencoded' });
      assert.deepEqual(to(response), [303, '/dead-jobs?error=missing+form+body']);
    });

    test('leads back with what is wrong when nothing was chosen', async (t) => {
      const response = await askerOf(await dead(t, 1))('POST', path, new URLSearchParams());
      assert.deepEqual(to(response), [303, '/dead-jobs?error=no+job+IDs+specified']);
    });

    test('leads back with what failed', async (t) => {
      const jobs = await dead(t, 2);
      const broken = engineWith(jobs, { [verb]: () => Promise.reject(new Error('technical debt')) });
      const ask = askerOf(broken);
      const page_token = await pageTokenOf(ask);
      const form = new URLSearchParams([
        ['job_ids', 'd0'],
        ['job_ids', 'd1'],
        ['page_token', page_token],
      ]);
      assert.deepEqual(to(await ask('POST', path, form)), [303, '/dead-jobs?error=technical+debt']);
      const response = await ask('GET', '/dead-jobs?error=technical+debt', undefined, { accept: 'text/html' });
      assert.match(await response.text(), /<p class="error" role="alert">technical debt<\/p>/);
    });

    test('does it to all that were chosen and leads back', async (t) => {
      const idle = await openTestEngine(t, { jobs: [fails] });
      const handles = await idle.jobs.enqueueAll([
        [fails, 0, { id: 'd0' }],
        [fails, 1, { id: 'd1' }],
        [fails, 2, { id: 'd2' }],
      ]);
      await Promise.allSettled(handles.map((handle) => handle.result()));
      // Nobody takes them up again, so that they can be seen waiting.
      const jobs = await idle.restart({});
      const ask = askerOf(jobs);
      const form = new URLSearchParams([
        ['job_ids', 'd0'],
        ['job_ids', 'd1'],
        ['page_token', await pageTokenOf(ask)],
      ]);
      const response = await ask('POST', path, form);
      assert.deepEqual([...to(response), await response.text()], [303, '/dead-jobs', '']);
      const states = await Promise.all(['d0', 'd1', 'd2'].map(async (id) => (await jobs.get(id))?.state));
      assert.deepEqual(states, [after, after, 'dead']);
    });

    test('leads back with the first that could not be done, and the others are', async (t) => {
      const jobs = await dead(t, 1);
      const ask = askerOf(jobs);
      const form = new URLSearchParams([
        ['job_ids', 'nobody'],
        ['page_token', await pageTokenOf(ask)],
      ]);
      assert.match(to(await ask('POST', path, form))[1] ?? '', /^\/dead-jobs\?error=.*nobody/);
    });

    test('refuses a form that the page did not make, and changes nothing', async (t) => {
      const jobs = await dead(t, 1);
      const ask = askerOf(jobs);
      const other = await pageTokenOf(askerOf(jobs, { token: 'e'.repeat(64) }));
      for (const page_token of ['', 'x', TOKEN, other]) {
        const response = await ask('POST', path, new URLSearchParams({ job_ids: 'd0', page_token }));
        assert.equal(response.status, 403);
      }
      assert.equal((await jobs.get('d0'))?.state, 'dead');
    });

    test('is not done by a GET', async (t) => {
      const jobs = await dead(t, 1);
      const ask = askerOf(jobs);
      const query = new URLSearchParams({ job_ids: 'd0', page_token: await pageTokenOf(ask) });
      assert.equal((await ask('GET', `${path}?${query.toString()}`)).status, 404);
      assert.equal((await jobs.get('d0'))?.state, 'dead');
    });
  });
}

test('a page that is mounted is answered with and without the path before it', async (t) => {
  const ask = askerOf(await dead(t, 0), { basePath: '/admin' });
  assert.equal((await ask('GET', '/admin/ping')).status, 200);
  assert.equal((await ask('GET', '/ping')).status, 200);
  assert.equal((await ask('GET', '/administrator/ping')).status, 404);
  assert.equal((await ask('GET', '/admin')).headers.get('location'), '/admin/dead-jobs');
});

test('what is secret is not shown where bodies are hidden', async (t) => {
  const ask = askerOf(await dead(t, 1), { hideBodies: true });
  for (const path of [
    '/dead-jobs',
    '/v1/jobs',
    '/v1/jobs/d0',
    '/v1/jobs?stream=ndjson',
    `/v1/events?since=0&kind=died`,
  ]) {
    const response = await ask('GET', path, undefined, { accept: 'text/html', host: HOST });
    const { value } = await (response.body as ReadableStream<Uint8Array>).getReader().read();
    assert.doesNotMatch(new TextDecoder().decode(value), /payload 0/, path);
  }
});
