/**
 * The table of handlers that misbehave. Each row is done by a real handler, on the main thread and on a real thread where that makes
 * sense; what its job's record says is looked at, and the next job on the same slot has to find everything in order. The page
 * docs/misbehaving-handlers.md is written from what is seen here: WRITE_DOCS=1 writes it, otherwise it has to be the same.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { defineJob, type JobView } from '../../src/index.ts';
import { openTest } from '../../src/testing.ts';
import { openMovedEngine, openTestEngine } from '../support/engine.ts';
import { handler } from '../support/threads.ts';
import { CULPRITS, MEMORY_CULPRITS, THREAD_CULPRITS } from './culprits.ts';
import { probed } from './probe.ts';
import { page, type Sight } from './page.ts';
import { BLOCKS, CALLS, HANGS, HARMS, LEAVES, RETURNS, THROWS, type Ways } from './ways.ts';

const PAGE = fileURLToPath(new URL('../../../docs/misbehaving-handlers.md', import.meta.url));
const seen = new Map<string, Sight>();

function sightOf(way: string): Sight {
  const known = seen.get(way) ?? {};
  seen.set(way, known);
  return known;
}

test('on the main thread: the attempt ends, and the next job finds everything in order', async (t) => {
  const misbehaves = defineJob<string>({
    type: 'misbehaves',
    retry: { attempts: 1 },
    run: (way, context) => INLINE[way]?.(context) as never,
  });
  const probe = defineJob<number, readonly string[]>({ type: 'probe', run: () => probed(0) });
  // Two of the handlers will hold their slots for ever.
  const site = await openMovedEngine(t, { jobs: [misbehaves, probe], concurrency: 3 });
  for (const way of Object.keys(INLINE)) {
    await t.test(way, async () => {
      const bad = await site.jobs.enqueue(misbehaves, way);
      await site.drive(site.jobs.wait(bad.id).catch(() => undefined));
      const next = await site.jobs.enqueue(probe, 0);
      assert.deepEqual(await site.drive(next.result()), []);
      sightOf(way).inline = (await site.jobs.get(bad.id)) as JobView;
    });
  }
  const before = await site.jobs.list();
  await site.restart();
  assert.deepEqual(await site.jobs.list(), before, 'and all of it is there after a restart');
});
const INLINE: Ways = { ...THROWS, ...RETURNS, ...CALLS, ...HANGS };

test('on a thread: the attempt ends, and the next job on that slot finds everything in order', async (t) => {
  const misbehaves = defineJob<string | number, Probe>({
    type: 'misbehaves',
    retry: { attempts: 1 },
    worker: new URL('./handler.js', import.meta.url),
  });
  const site = await openTestEngine(t, { jobs: [misbehaves], threads: 1, grace: 40, reserveBytes: 0 });
  const look = async (ms: number): Promise<Probe> => (await site.jobs.enqueue(misbehaves, ms)).result();
  let { thread } = await look(0);
  for (const way of Object.keys(ON_THREAD)) {
    await t.test(way, async () => {
      const hangs = way in HANGS || way in BLOCKS;
      const [bad, next] = await site.jobs.enqueueAll([
        [misbehaves, way, hangs ? { timeout: 60 } : {}],
        [misbehaves, way in LEAVES && /timer/.test(way) ? 40 : 0],
      ]);
      await site.jobs.wait(bad.id).catch(() => undefined);
      const after_ = await next.result();
      assert.deepEqual(after_.found, []);
      // An error that shows late costs the thread only after the job beside it: ask once more.
      const last = await look(0);
      sightOf(way).thread = (await site.jobs.get(bad.id)) as JobView;
      sightOf(way).isReplaced = last.thread !== thread;
      thread = last.thread;
    });
  }
  const before = await site.jobs.list();
  await site.restart();
  assert.deepEqual(await site.jobs.list(), before, 'and all of it is there after a restart');
});
const ON_THREAD: Ways = { ...THROWS, ...RETURNS, ...CALLS, ...HANGS, ...BLOCKS, ...HARMS, ...LEAVES };
interface Probe {
  readonly thread: number;
  readonly found: readonly string[];
}

const MODULES: Readonly<Record<string, string>> = {
  'is a module that does not exist': 'no-such-module.js',
  'is a module that throws while loading': 'fails-to-load.js',
  'is a module that exits while loading': 'exits-while-loading.js',
  'is a module that never finishes loading': 'never-loads.js',
  'is a module that loops while loading': 'loops-while-loading.js',
  'is a module that exports nothing': 'exports-nothing.js',
  'is a module whose default export is a text': 'exports-text.js',
};

test('a module that is no handler: the attempt ends with a named error, and the next job runs', async (t) => {
  const bad = Object.values(MODULES).map((file) =>
    defineJob({ type: `bad:${file}`, retry: { attempts: 1 }, worker: new URL(handler(file)) }),
  );
  const good = defineJob<string, string>({ type: 'good', worker: new URL(handler('echo.js')) });
  const jobs = await openTest({ jobs: [...bad, good], threads: 1 });
  t.after(() => jobs.close());
  for (const [n, way] of Object.keys(MODULES).entries()) {
    await t.test(way, async () => {
      const [job, next] = await jobs.enqueueAll([[bad[n] as (typeof bad)[number]], [good, 'in order']]);
      const drained = jobs.drain();
      // Those that never load have half a minute.
      if (/never|loops/.test(way)) await jobs.advance('31s', { running: 'leave' });
      await drained;
      assert.equal(await next.result(), 'in order');
      sightOf(way).thread = (await jobs.get(job.id)) as JobView;
      sightOf(way).isReplaced = true;
    });
  }
});

describe('handlers that take the whole process down', () => {
  let folder = '';
  after(() => rm(folder, { recursive: true, force: true }));

  test('are stopped after three crashes, and the jobs that only ran beside them complete', async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-culprits-'));
    const ways = [...Object.keys(CULPRITS), ...Object.keys(THREAD_CULPRITS)];
    let runs = 0;
    let told = '';
    // Twice all of them fall together; then each alone; then the app goes on.
    while (told === '' && runs < ways.length + 5) told = await lifeOf(folder, runs++ === 0);
    assert.equal(runs, 2 + ways.length + 1);
    const views = new Map((JSON.parse(told) as JobView[]).map((view) => [view.id, view]));
    const ids = [
      ...Object.keys(CULPRITS).map((_, n) => `culprit:${n}`),
      ...Object.keys(THREAD_CULPRITS).map((_, n) => `thread-culprit:${n}`),
    ];
    for (const [n, id] of ids.entries()) {
      const view = views.get(id) as JobView;
      const { state, reason, crashes, attempts } = view;
      assert.deepEqual(
        { id, state, reason, crashes, attempts },
        { id, state: 'dead', reason: 'crashed', crashes: 3, attempts: 0 },
      );
      sightOf(`${ways[n]}`).process = view;
    }
    for (const n of [1, 2, 3]) {
      const { state, result, crashes } = views.get(`bystander:${n}`) as JobView;
      assert.deepEqual([state, result, crashes], ['completed', `done ${n}`, 2]);
    }
  });
});

/** One life of the app; gives what it told at its end, or nothing if it came to another one. */
async function lifeOf(folder: string, isFirst: boolean, only: readonly string[] = []): Promise<string> {
  const entry = fileURLToPath(new URL('process.js', import.meta.url));
  const app = spawn(
    process.execPath,
    ['--max-old-space-size=40', entry, folder, ...(isFirst ? ['enqueue', ...only] : [])],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  app.stdout.on('data', (chunk: Buffer) => {
    if (chunk.toString().includes('stuck')) app.kill('SIGKILL');
  });
  const told = await text(app.stdout);
  return told.startsWith('[') ? told : '';
}

/** The first one; with HOLDFAST_LONG=1 all of them. */
const MEMORY = Object.keys(MEMORY_CULPRITS).slice(0, process.env['HOLDFAST_LONG'] === '1' ? undefined : 1);

describe('a handler that uses up the memory costs its attempt or its process, and in the end the app goes on', () => {
  for (const way of MEMORY) {
    test(way, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-memory-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      let told = '';
      let runs = 0;
      while (told === '' && runs < 4) told = await lifeOf(folder, runs++ === 0, [way]);
      const [culprit, ...bystanders] = JSON.parse(told) as [JobView, ...JobView[]];
      const { state, reason, errors } = culprit;
      const end = state === 'completed' ? state : `${reason} ${errors[0]?.code ?? errors[0]?.name}`;
      t.diagnostic(`${way}: ${end} after ${runs} lives of the app`);
      assert.match(end, /^(?:completed|crashed .*|exhausted (?:HOLDFAST_THREAD_LOST|RangeError|ERR_\w+))$/);
      assert.equal(runs, reason === 'crashed' ? 4 : 1);
      assert.deepEqual(
        bystanders.map(({ result }) => result),
        ['done 1', 'done 2', 'done 3'],
      );
    });
  }
});

test('the page tells what was seen', async () => {
  const expected = page(seen);
  if (process.env['WRITE_DOCS'] === '1') await writeFile(PAGE, expected);
  assert.ok(seen.size >= 40, `${seen.size} rows`);
  assert.equal(await readFile(PAGE, 'utf8'), expected);
});
