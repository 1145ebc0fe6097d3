import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG_READ, type FromThread, newFlags, WINDOW } from '../../src/protocol.ts';
import { ThreadLink } from '../../workers/thread-link.ts';

function linkTo(post?: (message: FromThread) => void): {
  link: ThreadLink;
  posted: FromThread[];
  /** The main side has read so many messages in all. */
  read(count: number): void;
} {
  const posted: FromThread[] = [];
  const flags = newFlags();
  const link = new ThreadLink(post ?? ((message) => posted.push(message)), flags);
  link.begin(1);
  return { link, posted, read: (count) => Atomics.store(flags, FLAG_READ, count) };
}

const kinds = (posted: readonly FromThread[]): string[] => posted.map(({ kind }) => kind);
const texts = (posted: readonly FromThread[]): string[] =>
  posted.flatMap((it) => (it.kind === 'progress' ? it.text : []));

test('while the window is shut only the latest progress waits, and it is sent when it opens', () => {
  const { link, posted, read } = linkTo();
  for (let n = 1; n <= WINDOW + 50; n++) link.progress(String(n));
  assert.equal(posted.length, WINDOW);
  link.more();
  assert.equal(posted.length, WINDOW, 'nothing was read yet');

  read(WINDOW);
  link.more();
  assert.deepEqual(texts(posted.slice(WINDOW)), [String(WINDOW + 50)]);
});

test('every attempt begins with an open window', () => {
  const { link, posted } = linkTo();
  for (let n = 0; n < 2 * WINDOW; n++) link.progress('1');
  link.end();
  const before = posted.length;
  link.begin(2);
  link.progress('first of the second');
  assert.deepEqual(posted.slice(before), [{ kind: 'progress', token: 2, text: 'first of the second' }]);
});

test('log lines wait in order, the first thousand of them, and the number of the lost ones is told', () => {
  const { link, posted, read } = linkTo();
  for (let n = 1; n <= WINDOW + 1_500; n++) link.log('info', String(n), undefined);
  assert.equal(posted.length, WINDOW);
  read(WINDOW);
  link.more();
  assert.equal(posted.length, 2 * WINDOW);
  link.end();
  const messages = posted.map((it) => (it.kind === 'log' ? it.message : ''));
  assert.deepEqual(
    messages.slice(0, -1),
    Array.from({ length: WINDOW + 1_000 }, (_, index) => String(index + 1)),
  );
  assert.match(messages.at(-1) ?? '', /^500 log lines were dropped/);
});

test('what was reported before a request or the end is sent before it, window or not', () => {
  const { link, posted } = linkTo();
  for (let n = 0; n < WINDOW; n++) link.progress('0');
  link.progress('1');
  link.log('info', 'between', undefined);
  link.save('{}').catch(assert.ifError);
  link.progress('2');
  link.end();
  assert.deepEqual(kinds(posted.slice(WINDOW)), ['log', 'progress', 'request', 'progress']);
});

test('a hundred requests are on their way at once, the others follow in order as answers come', async () => {
  const { link, posted } = linkTo();
  const saves = Array.from({ length: 250 }, (_, n) => link.save(String(n)));
  assert.equal(posted.length, 100);
  for (let at = 0; at < posted.length; at++) {
    const message = posted[at];
    assert.ok(message?.kind === 'request');
    link.answered(message.id, { ok: true });
  }
  await Promise.all(saves);
  assert.deepEqual(
    posted.map((it) => (it.kind === 'request' && it.request.kind === 'save' ? it.request.checkpoint : '')),
    saves.map((_, n) => String(n)),
  );
});

test('requests that nobody awaited are sent before the end all the same', () => {
  const { link, posted } = linkTo();
  for (let n = 0; n < 150; n++) link.save(String(n)).catch(assert.ifError);
  link.end();
  assert.equal(posted.length, 150);
});

test('an answer to a request of an earlier attempt is passed over', async () => {
  const { link, posted } = linkTo();
  let settled = false;
  link.save('1').then(
    () => (settled = true),
    () => (settled = true),
  );
  const [asked] = posted;
  assert.ok(asked?.kind === 'request');
  link.end();
  link.begin(2);
  link.answered(asked.id, { ok: true });
  await Promise.resolve();
  assert.equal(settled, false);
});

test('a refusal comes back as an error with its code', async () => {
  const { link, posted } = linkTo();
  const enqueued = link.enqueue('a:b', undefined, {}, false);
  assert.ok(posted[0]?.kind === 'request');
  link.answered(posted[0].id, { ok: false, error: { name: 'BusyError', message: 'too many', code: 'HOLDFAST_BUSY' } });
  await assert.rejects(enqueued, { name: 'BusyError', message: 'too many', code: 'HOLDFAST_BUSY' });
});

test('options that cannot cross are refused at the call', async () => {
  const { link } = linkTo((message) => void structuredClone(message));
  await assert.rejects(link.enqueue('a:b', undefined, { retry: { backoff: () => 1 } }, false), {
    code: 'HOLDFAST_INVALID_ARGUMENT',
  });
});
