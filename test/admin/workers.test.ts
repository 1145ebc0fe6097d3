// Jobs of an engine that another process runs: `holdfast process` through the socket of a live app, and the words that are
// spoken there. Either side may be killed.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { control } from '../../src/admin/index.ts';
import { openDesk, type Desk } from '../../src/admin/cli/desk.ts';
import { createWorkers, type ToWorker } from '../../src/admin/http/workers.ts';
import { defineJob, type Engine, type OpenOptions } from '../../src/index.ts';
import { askerOf } from '../support/admin.ts';
import { say, type Said, type SpokenTo } from '../support/command-line.ts';
import { latch, openTestEngine, seen, type FolderEngine } from '../support/engine.ts';

const APP = fileURLToPath(new URL('./live-app.js', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../src/admin/cli/main.js', import.meta.url));

async function liveEngine(t: TestContext, options: OpenOptions = {}): Promise<FolderEngine> {
  const site = await openTestEngine(t, options);
  await control(site.jobs);
  return site;
}

async function newFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-worker-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `holdfast process`, until it is stopped or has done all. */
function processing(site: { readonly folder: string }, words: readonly string[], to?: SpokenTo): Promise<Said> {
  return say(['-d', site.folder, 'process', ...words], to);
}

/** A worker whose words the test speaks itself. */
async function worker(t: TestContext, desk: Desk, type: string, concurrency = 1) {
  const broken = new AbortController();
  t.after(() => broken.abort());
  const lines = desk.lines('POST', '/v1/workers', { type, concurrency }, broken.signal);
  const next = async (): Promise<ToWorker | undefined> => {
    const step = await lines.next();
    return step.done === true ? undefined : (JSON.parse(step.value) as ToWorker);
  };
  const hello = await next();
  const name = hello?.kind === 'registered' ? hello.worker : '';
  return {
    next,
    async run(): Promise<ToWorker & { kind: 'run' }> {
      const word = await next();
      assert.equal(word?.kind, 'run');
      return word;
    },
    say: (attempt: number, word: object) => desk.ask('POST', `/v1/workers/${name}/attempts/${attempt}`, word),
    leave: () => desk.ask('POST', `/v1/workers/${name}/leave`, {}),
    /** As when its process dies. */
    break: () => broken.abort(),
  };
}

async function deskOf(t: TestContext, { folder }: FolderEngine): Promise<Desk> {
  const desk = await openDesk(folder, '/');
  t.after(() => desk.close());
  assert.ok(desk.isLive);
  return desk;
}

function counters(jobs: Engine, id: string): Promise<object> {
  return jobs.get(id).then((view) => {
    const { state, attempts, crashes, interrupts } = view ?? {};
    return { state, attempts, crashes, interrupts };
  });
}

test('a program runs the jobs of a live app until none is left, and its type then waits for another handler', async (t) => {
  const site = await liveEngine(t);
  await site.jobs.enqueueAll(['a', 'b', 'c'].map((id) => ['shout', { text: id }, { id }] as const));
  const { code, out } = await processing(site, [
    'shout',
    '--until-empty',
    '-c',
    '2',
    '--',
    'sh',
    '-c',
    'cat; echo why >&2',
  ]);
  assert.equal(code, 0);
  assert.deepEqual(
    ['started', 'completed'].map((kind) => [...out.matchAll(new RegExp(` ${kind}$`, 'gm'))].length),
    [3, 3],
  );
  for (const id of ['a', 'b', 'c']) {
    const { stdout } = (await site.jobs.wait(id)) as { stdout: string };
    assert.deepEqual([JSON.parse(stdout).payload, JSON.parse(stdout).id], [{ text: id }, id]);
    assert.equal((await site.jobs.get(id))?.log?.[0]?.message, 'why', 'its standard error is the log of the job');
  }
  await site.jobs.enqueue('shout', {}, { id: 'later' });
  assert.equal((await site.jobs.get('later'))?.face, 'held');
});

test('what a program fails with is the error of the attempt, and the job is tried again', async (t) => {
  const site = await liveEngine(t, { retry: { attempts: 2, backoff: [0] } });
  const { id } = await site.jobs.enqueue('fails');
  const { out } = await processing(site, ['fails', '--until-empty', '--', 'sh', '-c', 'echo no >&2; exit 3']);
  assert.match(out, / failed: sh failed: it ended with exit code 3/);
  const { errors, state } = (await site.jobs.get(id)) ?? {};
  assert.deepEqual([state, errors?.map(({ code }) => code)], ['dead', Array(2).fill('HOLDFAST_COMMAND_FAILED')]);
});

test('a type that somebody serves is refused, and it is said who does; what they leave may be served', async (t) => {
  const own = defineJob({ type: 'mail:welcome', run: () => 'own' });
  const site = await liveEngine(t, { jobs: [own, defineJob({ type: 'photo:*', run: () => 'own' })] });
  for (const [type, who] of [
    ['mail:welcome', 'the app or another worker runs it'],
    ['photo:resize', 'runs it, as photo:\\*'],
    ['photo:*', 'runs it'],
  ] as const) {
    const { code, err } = await processing(site, [type, '--', 'true']);
    assert.equal(code, 4);
    assert.match(err, new RegExp(`Jobs of ${type.replace('*', '\\*')} have a handler: .*${who}`));
  }
  await site.jobs.enqueueAll([
    ['mail:welcome', 1, { id: 'm' }],
    ['other', 1, { id: 'o' }],
  ]);
  assert.equal((await processing(site, ['*', '--until-empty', '--', 'echo', 'all'])).code, 0);
  assert.deepEqual(await Promise.all([site.jobs.wait('m'), site.jobs.wait('o')]), [
    'own',
    { stdout: 'all\n', isCut: false },
  ]);
  const stranger = await askerOf(site.jobs)('POST', '/v1/workers', { type: 'other' });
  assert.equal(stranger.status, 403, 'over the network nobody is handed payloads');
});

test('a cancel and a timeout reach the program, and what it does is cut short', async (t) => {
  const site = await liveEngine(t);
  const stop = new AbortController();
  const working = processing(site, ['long', '-c', '2', '--', 'sh', '-c', 'echo at work >&2; exec sleep 600'], {
    signal: stop.signal,
  });
  const cancelled = await site.jobs.enqueue('long');
  const late = await site.jobs.enqueue('long', undefined, { timeout: 300, retry: { attempts: 1 } });
  await seen(site.jobs, cancelled.id, 'started');
  assert.equal(await site.jobs.cancel(cancelled.id, 'not wanted'), true);
  await assert.rejects(cancelled.result(), { code: 'HOLDFAST_JOB_CANCELLED', reason: 'not wanted' });
  await assert.rejects(
    late.result(),
    (error: Error) => (error.cause as { code?: string }).code === 'HOLDFAST_ATTEMPT_TIMEOUT',
  );
  stop.abort();
  assert.equal((await working).code, 0, 'with nothing under way it leaves at once');
});

test('what a worker says of an attempt is seen while it runs: lines, progress, checkpoints, more time', async (t) => {
  const site = await liveEngine(t);
  const desk = await deskOf(t, site);
  const { id } = await site.jobs.enqueue('remote', { n: 1 }, { timeout: 60_000 });
  const near = await worker(t, desk, 'remote');
  const { attempt, job, payload } = await near.run();
  assert.deepEqual([job.id, job.attempt, payload], [id, 1, { n: 1 }]);
  await near.say(attempt, { kind: 'log', level: 'warn', lines: ['one', 'two'] });
  await near.say(attempt, { kind: 'progress', progress: { done: 0.5 } });
  await near.say(attempt, { kind: 'save', checkpoint: { at: 7 } });
  await near.say(attempt, { kind: 'extend', ms: 120_000 });
  const view = await site.jobs.get(id);
  assert.deepEqual(
    [view?.progress, view?.checkpoint, view?.log?.map(({ level, message }) => [level, message])],
    [
      { done: 0.5 },
      { at: 7 },
      [
        ['warn', 'one'],
        ['warn', 'two'],
      ],
    ],
  );
  await assert.rejects(near.say(attempt, { kind: 'save', checkpoint: 1, more: 2 }), { exitCode: 2 });
  await assert.rejects(near.say(attempt + 1, { kind: 'completed' }), { exitCode: 3 });
  await near.say(attempt, { kind: 'completed', result: [1] });
  assert.deepEqual(await site.jobs.wait(id), [1]);
  await assert.rejects(near.say(attempt, { kind: 'completed' }), { exitCode: 3 }, 'it has ended');
});

test('a worker that leaves gets nothing more and may end what it has; cut off meanwhile, its attempt costs nothing', async (t) => {
  const site = await liveEngine(t);
  const desk = await deskOf(t, site);
  await site.jobs.enqueueAll(['a', 'b', 'c'].map((id) => ['remote', 1, { id }] as const));
  const near = await worker(t, desk, 'remote', 2);
  const [first, second] = [await near.run(), await near.run()];
  await near.leave();
  await near.say(first.attempt, { kind: 'completed', result: 'kept' });
  assert.equal(await site.jobs.wait(first.job.id), 'kept');
  assert.equal((await site.jobs.get('c'))?.face, 'held');
  near.break();
  await seen(site.jobs, second.job.id, 'interrupted');
  assert.deepEqual(await counters(site.jobs, second.job.id), {
    state: 'waiting',
    attempts: 0,
    crashes: 0,
    interrupts: 1,
  });
});

test('a worker that dies each time under a job ends as a process that does: the job is dead as crashed', async (t) => {
  const site = await liveEngine(t, { maxCrashes: 2 });
  const desk = await deskOf(t, site);
  const { id } = await site.jobs.enqueue('remote');
  const first = await worker(t, desk, 'remote');
  await first.run();
  first.break();
  await seen(site.jobs, id, 'interrupted');
  assert.deepEqual(await counters(site.jobs, id), { state: 'waiting', attempts: 0, crashes: 1, interrupts: 1 });
  const second = await worker(t, desk, 'remote');
  await second.run();
  second.break();
  await assert.rejects(site.jobs.wait(id), { reason: 'crashed' });
});

test('a closing engine lets a worker end what it has, and then asks it to stop', async (t) => {
  const site = await liveEngine(t);
  const desk = await deskOf(t, site);
  await site.jobs.enqueueAll([
    ['remote', 1, { id: 'a' }],
    ['remote', 1, { id: 'b' }],
  ]);
  const near = await worker(t, desk, 'remote', 2);
  const [first, second] = [await near.run(), await near.run()];
  const closed = site.jobs.close({ drain: 500 });
  await near.say(first.attempt, { kind: 'completed', result: 'in time' });
  const abort = await near.next();
  assert.deepEqual([abort?.kind, abort?.kind === 'abort' && abort.code], ['abort', 'HOLDFAST_INTERRUPTED']);
  await near.say(second.attempt, { kind: 'failed', error: { name: 'Error', message: 'stopped' } });
  const { completed, interrupted } = await closed;
  assert.deepEqual({ completed, interrupted }, { completed: 1, interrupted: 1 });
  const jobs = await site.restart({});
  assert.equal(await jobs.wait('a'), 'in time');
  assert.deepEqual(await counters(jobs, 'b'), { state: 'waiting', attempts: 0, crashes: 0, interrupts: 1 });
});

/** The command as a process that can be killed, with a program that tells its number and then waits. */
async function workerProcess(t: TestContext, folder: string): Promise<{ child: ChildProcess; program: number }> {
  const note = join(await newFolder(t), 'pid');
  const script = `echo $$ > ${note}.new; mv ${note}.new ${note}; exec sleep 600`;
  const child = spawn(process.execPath, [COMMAND, '-d', folder, 'process', 'remote', '--', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (!line.endsWith('started')) continue;
    for (;;) {
      const text = await readFile(note, 'utf8').catch(() => '');
      if (text !== '') return { child, program: Number(text) };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  throw new Error('It ended before it began.');
}

/** Resolves when no process has this number. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
      if (/^State:\s*Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a killed worker takes its program with it, and its job waits for the next one with a crash counted', async (t) => {
  const site = await liveEngine(t);
  const { id } = await site.jobs.enqueue('remote');
  const { child, program } = await workerProcess(t, site.folder);
  child.kill('SIGKILL');
  await seen(site.jobs, id, 'interrupted');
  await gone(program);
  assert.deepEqual(await counters(site.jobs, id), { state: 'waiting', attempts: 0, crashes: 1, interrupts: 1 });
  assert.equal((await processing(site, ['remote', '--until-empty', '--', 'true'])).code, 0);
  assert.deepEqual(await site.jobs.wait(id), { stdout: '', isCut: false });
});

test('a killed app ends its worker with 5, and what that ran is run again by the next', async (t) => {
  const folder = await newFolder(t);
  const startApp = async (): Promise<ChildProcess> => {
    const app = spawn(process.execPath, [APP, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => app.kill('SIGKILL'));
    await once(app.stdout as NodeJS.EventEmitter, 'data');
    return app;
  };
  const app = await startApp();
  assert.equal((await say(['-d', folder, 'jobs', 'add', 'remote', '--id', 'r'])).code, 0);
  const { child, program } = await workerProcess(t, folder);
  const ended = once(child, 'exit');
  app.kill('SIGKILL');
  assert.deepEqual(await ended, [5, null]);
  await gone(program);
  await startApp();
  assert.equal((await processing({ folder }, ['remote', '--until-empty', '--', 'true'])).code, 0);
  const { out } = await say(['-d', folder, '--json', 'jobs', 'view', 'r']);
  const { state, crashes, starts } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual({ state, crashes, starts }, { state: 'completed', crashes: 1, starts: 2 });
});

test('stopped with Ctrl-C, it lets its program come to an end', async (t) => {
  const site = await liveEngine(t);
  const stop = new AbortController();
  const { id } = await site.jobs.enqueue('remote');
  const began = latch();
  const working = processing(site, ['remote', '--', 'sh', '-c', 'cat > /dev/null; sleep 0.2; echo done'], {
    signal: stop.signal,
    onOut: (text) => text.includes('started') && began.open(),
  });
  await began.promise;
  stop.abort();
  assert.equal((await working).code, 0);
  assert.deepEqual(await site.jobs.wait(id), { stdout: 'done\n', isCut: false });
});

test('a worker that hears nothing is cut off some heartbeats after it was told to stop, and its slot is free', async (t) => {
  const site = await openTestEngine(t, { concurrency: 1, jobs: [defineJob({ type: 'own', run: () => 'own' })] });
  const { jobs } = site;
  let beat = (): void => undefined;
  let isBeating = true;
  const workers = createWorkers(jobs, {
    entropy: () => 'deaf',
    turn: (task) => setImmediate(task),
    every(_ms, ring) {
      beat = ring;
      return () => (isBeating = false);
    },
  });
  const reader = (workers.join('remote', 1).body as ReadableStream<Uint8Array>).getReader();
  const handle = await jobs.enqueue('remote');
  await seen(jobs, handle.id, 'started');
  const behind = await jobs.enqueue('own');
  for (let n = 0; n < 5; n++) beat();
  assert.equal(isBeating, true, 'as long as it may work it may be silent');
  assert.equal(await jobs.cancel(handle.id), true);
  for (let n = 0; n < 3; n++) beat();
  assert.equal(isBeating, false);
  assert.equal(await behind.result(), 'own');
  await assert.rejects(handle.result(), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.deepEqual(jobs.handlers(), ['own']);
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
  }, /does not end what it was told to stop/);
});
