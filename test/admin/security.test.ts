// Who is let in: every combination of where a request says it goes, where it comes from, and what it brings.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat, readFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { createServer, request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { admin, serve } from '../../src/admin/index.ts';
import { openTestEngine } from '../support/engine.ts';
import { askerOf, HOST, TOKEN } from '../support/admin.ts';

const HOSTS = [
  HOST,
  'localhost:4270',
  'LOCALHOST:4270',
  'evil.example',
  `${HOST}.evil.example`,
  '127.0.0.1',
  'localhost:4271',
  `x@${HOST}`,
];
const ORIGINS = [
  undefined,
  `http://${HOST}`,
  'http://localhost:4270',
  'https://127.0.0.1:4270',
  'http://evil.example',
  'null',
];
const SITES = [undefined, 'same-origin', 'same-site', 'cross-site', 'none', 'anything'];
const TOKENS = [
  undefined,
  `Bearer ${TOKEN}`,
  `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}`,
  `Bearer ${TOKEN.slice(1)}`,
  `Bearer ${TOKEN}0`,
  `bearer ${TOKEN.toUpperCase()}`,
];
const REQUESTS = ['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS'];

const GOOD_HOSTS = [HOST, 'localhost:4270', 'LOCALHOST:4270'];
const GOOD_TOKENS = TOKENS.slice(1, 3);

test('only who says the right Host, comes from nowhere else and brings the token is let in', async (t) => {
  const { jobs } = await openTestEngine(t);
  const { fetch } = admin(jobs, {
    hosts: [HOST, 'localhost:4270'],
    token: TOKEN,
    maxRequestsPerSecond: 1_000_000,
  });
  await jobs.enqueue('x', undefined, { id: 'x' });
  let asked = 0;
  let letIn = 0;
  for (const host of HOSTS) {
    for (const origin of ORIGINS) {
      for (const site of SITES) {
        for (const authorization of TOKENS) {
          for (const method of REQUESTS) {
            const headers = new Headers({ host, 'content-type': 'application/json' });
            if (origin !== undefined) headers.set('origin', origin);
            if (site !== undefined) headers.set('sec-fetch-site', site);
            if (authorization !== undefined) headers.set('authorization', authorization);
            const path = method === 'POST' ? '/v1/jobs/x/cancel' : '/v1/jobs/nobody';
            const { status, headers: told } = await fetch(new Request(`http://${HOST}${path}`, { method, headers }));
            const expected = verdict(host, origin, site, authorization, method);
            asked += 1;
            assert.equal(status, expected, `${method} ${[host, origin, site, authorization].join(' | ')}`);
            if (expected === 200 || expected === 404) letIn += 1;
            assert.equal(told.get('access-control-allow-origin'), null);
            assert.match(told.get('content-security-policy') ?? '', /^default-src 'none';/);
          }
        }
      }
    }
  }
  t.diagnostic(`${asked} combinations, ${letIn} let in, 0 open`);
  assert.equal(asked, 8 * 6 * 6 * 6 * 6);
  assert.ok(letIn > 0);
});

/** The rule, told once more in other words. */
function verdict(
  host: string,
  origin: string | undefined,
  site: string | undefined,
  token: string | undefined,
  method: string,
): number {
  if (!GOOD_HOSTS.includes(host)) return 421;
  if (['PUT', 'OPTIONS'].includes(method)) return 405;
  const isReading = method === 'GET' || method === 'HEAD';
  if (site !== undefined && site !== 'same-origin' && !(site === 'none' && isReading)) return 403;
  if (origin !== undefined && origin !== `http://${host.toLowerCase()}`) return 403;
  if (token === undefined || !GOOD_TOKENS.includes(token)) return 401;
  return method === 'POST' ? 200 : 404;
}

test('without the token only what says that somebody is there is answered', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  const { paths } = (await (await ask('GET', '/v1/openapi.json')).json()) as { paths: Record<string, object> };
  const open: string[] = [];
  for (const [path, methods] of Object.entries({
    ...paths,
    '/': { get: 0 },
    '/dead-jobs': { get: 0 },
    '/style.css': { get: 0 },
    '/resurrect-jobs': { post: 0 },
    '/clear-jobs': { post: 0 },
    '/v1/openapi.json': { get: 0 },
    '/nothing': { get: 0 },
  })) {
    for (const method of Object.keys(methods)) {
      const { status } = await ask(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'), undefined, {
        authorization: '',
      });
      if (status !== 401) open.push(path);
    }
  }
  assert.deepEqual(open.sort(), ['/healthz', '/ping', '/readyz', '/style.css']);
});

test('a browser is asked for the token of a page, a program is told', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  const challenge = async (path: string): Promise<string | null> =>
    (await ask('GET', path, undefined, { authorization: '' })).headers.get('www-authenticate');
  assert.match((await challenge('/dead-jobs')) ?? '', /^Basic realm="holdfast"/);
  assert.equal(await challenge('/v1/jobs'), 'Bearer');
});

test('changes are taken as JSON alone', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    '',
    'application/jsonx',
  ]) {
    const response = await ask('POST', '/v1/jobs', { type: 'x' }, { 'content-type': type });
    assert.equal(response.status, 415, type);
  }
  assert.equal(
    (await ask('POST', '/v1/jobs', { type: 'x' }, { 'content-type': 'application/json; charset=utf-8' })).status,
    201,
  );
  assert.equal((await jobs.list()).jobs.length, 1);
});

test('bodies that are too long, too deep, or not what they say are refused before anything is done', async (t) => {
  const { jobs } = await openTestEngine(t);
  const { fetch } = admin(jobs, { hosts: [HOST], token: TOKEN, maxBodyBytes: 10_000 });
  const post = async (body: RequestInit['body'], headers: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(
      new Request(`http://${HOST}/v1/jobs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
        body: body as never,
        ...({ duplex: 'half' } as object),
      }),
    );
    return [response.status, ((await response.json()) as { error: { code: string } }).error.code];
  };
  const tooLarge = [413, 'payload_too_large'];
  assert.deepEqual(await post(JSON.stringify({ type: 'x', payload: 'y'.repeat(10_000) })), tooLarge);
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1_000;
      controller.enqueue(new Uint8Array(1_000).fill(32));
    },
  });
  assert.deepEqual(await post(endless), tooLarge);
  assert.ok(sent < 20_000, 'it is counted while it arrives');
  const wrong = [400, 'invalid_argument'];
  assert.deepEqual(await post(`{"type":"x","payload":${'['.repeat(200)}${']'.repeat(200)}}`), wrong);
  assert.deepEqual(await post('{"type":"x","payload":{"__proto__":{"polluted":true}}}'), wrong);
  assert.deepEqual(await post('{"type":'), wrong);
  assert.deepEqual(await post(Buffer.from([0x7b, 0xff, 0x7d])), wrong);
  assert.deepEqual(await post('[]'), wrong);
  assert.deepEqual(await post('null'), wrong);
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  assert.equal((await jobs.list()).jobs.length, 0);
});

test('a path leads nowhere but to the operations', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs);
  const wild = [
    '/../admin-token',
    '/%2e%2e/admin-token',
    '/..%2fadmin-token',
    '/style.css/../../control.json',
    '//etc/passwd',
    '/v1/jobs/..%2f..%2fholdfast.json',
    '/v1/jobs/%00',
    '/v1/jobs/%F0%9F',
    `/v1/jobs/${'a'.repeat(2_000)}`,
    '/v1/jobs/__proto__',
    '/constructor',
    '/v1/jobs/<script>',
  ];
  for (const path of wild) {
    const { status } = await ask('GET', path);
    assert.ok(status === 404 || status === 400, `${path} gave ${status}`);
  }
});

test('too many requests, and too many streams, are told to come later', async (t) => {
  const { jobs } = await openTestEngine(t);
  const ask = askerOf(jobs, { maxRequestsPerSecond: 1 });
  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await ask('GET', '/ping')).status));
  assert.ok(statuses.includes(429));
  const streams = askerOf(jobs, { maxStreams: 2 });
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => streams('GET', '/v1/events')));
  assert.deepEqual([first?.status, second?.status, third?.status], [200, 200, 429]);
  await first?.body?.cancel();
  assert.equal((await streams('GET', '/v1/events')).status, 200);
});

test('a host app may decide by itself who is let in', async (t) => {
  const { jobs } = await openTestEngine(t);
  const { fetch } = admin(jobs, { hosts: [HOST], authorize: (request) => request.headers.get('x-user') === 'ada' });
  const as = async (user: string): Promise<number> =>
    (await fetch(new Request(`http://${HOST}/v1/info`, { headers: { 'x-user': user } }))).status;
  assert.deepEqual([await as('ada'), await as('eve')], [200, 401]);
});

test('nothing is open that was not asked for, and options that would open it are refused', async (t) => {
  const { jobs } = await openTestEngine(t);
  for (const options of [
    { hosts: [HOST] },
    { hosts: [], token: TOKEN },
    { hosts: ['*'], token: TOKEN },
    { hosts: [HOST], token: 'short' },
    { hosts: [HOST], token: TOKEN, basePath: 'x' },
    { hosts: [HOST], token: TOKEN, maxStreams: 0 },
  ]) {
    assert.throws(() => admin(jobs, options), { code: 'HOLDFAST_INVALID_ARGUMENT' });
  }
  await assert.rejects(serve(jobs, { host: '0.0.0.0' as never }), { code: 'HOLDFAST_INVALID_ARGUMENT' });
  await assert.rejects(serve(jobs, { port: 65_536 }), { code: 'HOLDFAST_INVALID_ARGUMENT' });
});

test('a server of its own listens on loopback, and its token is new, long, and for its owner alone', async (t) => {
  const site = await openTestEngine(t);
  const first = await serve(site.jobs, { port: 0 });
  const { tokenFile = '' } = first;
  assert.match(first.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(first.token, /^[0-9a-f]{64}$/);
  assert.equal((await readFile(tokenFile, 'utf8')).trim(), first.token);
  if (process.platform !== 'win32') assert.equal((await stat(tokenFile)).mode & 0o777, 0o600);
  const info = await fetch(`${first.url}/v1/info`, { headers: { authorization: `Bearer ${first.token}` } });
  assert.equal(info.status, 200);
  await first.close();
  await assert.rejects(fetch(`${first.url}/ping`));
  await assert.rejects(stat(tokenFile), { code: 'ENOENT' });
  const second = await serve(site.jobs, { port: 0 });
  assert.notEqual(second.token, first.token);
  await site.close();
  await assert.rejects(fetch(`${second.url}/ping`), 'a server ends with its engine');
});

test('a taken port is a typed error', async (t) => {
  const { jobs } = await openTestEngine(t);
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await assert.rejects(serve(jobs, { port }), { code: 'HOLDFAST_STORE_UNAVAILABLE' });
});

test('over a real socket a request without a Host, with a foreign one, or in pieces of nonsense gets nothing', async (t) => {
  const { jobs } = await openTestEngine(t);
  const serving = await serve(jobs, { port: 0 });
  t.after(() => serving.close());
  const port = Number(new URL(serving.url).port);
  const say = async (text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (part) => (heard += part.toString()));
    socket.end(text);
    await once(socket, 'close');
    return heard.split('\r\n')[0] ?? '';
  };
  assert.match(await say('GET /ping HTTP/1.0\r\n\r\n'), / 421 /);
  assert.match(await say('GET /ping HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n'), / 421 /);
  assert.match(
    await say(`GET http://127.0.0.1:${port}/ping HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n`),
    / (421|400) /,
  );
  assert.match(await say(`GET /ping HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`), / 200 /);
  assert.match(await say('this is no request\r\n\r\n'), / 400 /);
  assert.match(await say(`GET /ping HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`), / 431 /);
});

test('a body that does not come holds nobody up', async (t) => {
  const { jobs } = await openTestEngine(t);
  const serving = await serve(jobs, { port: 0 });
  t.after(() => serving.close());
  const slow = httpRequest(`${serving.url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serving.token}`, 'content-type': 'application/json', 'content-length': 100 },
  });
  slow.on('error', () => undefined);
  slow.write('{');
  const quick = await fetch(`${serving.url}/ping`);
  assert.equal(quick.status, 200);
  slow.destroy();
});
