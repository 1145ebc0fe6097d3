// Programs as handlers, with real programs: what they are given, what their end means, and that nothing is left of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import {
  command,
  constant,
  defineJob,
  type CommandArguments,
  type CommandOptions,
  type CommandOutput,
  type OpenOptions,
} from '../../src/index.ts';
import { openTestEngine, seen, type FolderEngine } from '../support/engine.ts';

const runs = process.platform !== 'win32';
const RETRY = { attempts: 2, backoff: constant(1) };

/** A job that runs a program, on an engine of its own. */
async function site(t: TestContext, file: string, args: CommandArguments<unknown>, given: CommandOptions = {}) {
  const job = defineJob<unknown, CommandOutput>({ type: 'program', retry: RETRY, run: command(file, args, given) });
  const { lines, logger } = listener();
  const engine = await openTestEngine(t, { jobs: [job], logger });
  return { engine, job, lines, run: (payload?: unknown) => engine.jobs.enqueue(job, payload) };
}

/** The lines that the logger gets, as they come. */
function listener(): { readonly logger: NonNullable<OpenOptions['logger']>; readonly lines: Lines } {
  const lines = new Lines();
  return { lines, logger: pino({ level: 'info' }, { write: (text) => lines.add((JSON.parse(text) as Line).msg) }) };
}
interface Line {
  readonly msg: string;
}
class Lines {
  readonly #lines: string[] = [];
  #waiting: Array<{ readonly pattern: RegExp; readonly tell: (line: string) => void }> = [];

  add(line: string): void {
    this.#lines.push(line);
    for (const { pattern, tell } of this.#waiting) if (pattern.test(line)) tell(line);
  }

  next(pattern: RegExp): Promise<string> {
    const known = this.#lines.find((line) => pattern.test(line));
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((tell) => this.#waiting.push({ pattern, tell }));
  }
}

/** Neither gone nor a zombie that only waits for somebody to ask how it ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return existsSync('/proc/self/stat') ? !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) : true;
  } catch {
    return false;
  }
}

function isCausedBy(code: string): (error: unknown) => boolean {
  return (error) => (error as { readonly cause?: { readonly code?: unknown } }).cause?.code === code;
}

const sh = (script: string, ...more: string[]): readonly string[] => ['-c', script, 'sh', ...more];

test('a program gets its job on its input and in a file, and its output is the result', { skip: !runs }, async (t) => {
  const script = 'cat; echo; cat "$HOLDFAST_JOB"; echo; echo "$HOLDFAST_JOB"; echo "$GIVEN"';
  const { engine, run } = await site(t, 'sh', sh(script), { env: { GIVEN: 'set' } });
  const handle = await run({ path: 'a b' });
  const { stdout, isCut } = await handle.result();
  const [input = '', file, path = '', given] = stdout.split('\n');
  const { createdAt } = (await engine.jobs.get(handle.id)) ?? {};
  assert.deepEqual(JSON.parse(input), {
    id: handle.id,
    type: 'program',
    queue: 'default',
    priority: 0,
    attempt: 1,
    maxAttempts: 2,
    createdAt,
    scheduledFor: createdAt,
    payload: { path: 'a b' },
    results: {},
  });
  assert.equal(file, input);
  assert.deepEqual([isCut, given, existsSync(path)], [false, 'set', false], 'and the file is gone again');
});

test('arguments reach a program as they are: there is no shell', { skip: !runs }, async (t) => {
  const texts = ['$(id)', '; exit 1', '*', '`id`', '', 'ä\n"', '&& false'];
  const { run } = await site(t, 'printf', (payload) => ['<%s>', ...(payload as string[])]);
  const { stdout } = await (await run(texts)).result();
  assert.equal(stdout, texts.map((text) => `<${text}>`).join(''));
});

test('a program that reads nothing may have a large job', { skip: !runs }, async (t) => {
  const { run } = await site(t, 'true', []);
  assert.deepEqual(await (await run('x'.repeat(900_000))).result(), { stdout: '', isCut: false });
});

const FAILURES: ReadonlyArray<{
  readonly what: string;
  readonly file?: string;
  readonly args?: readonly string[];
  readonly options?: CommandOptions;
  readonly code: string;
  readonly says: RegExp;
  readonly reason?: string;
}> = [
  {
    what: 'ends with another code than 0',
    args: sh('echo first >&2; printf "a\\rb\\nlast" >&2; exit 7'),
    code: 'HOLDFAST_COMMAND_FAILED',
    says: /^sh failed: it ended with exit code 7:\nfirst\na\nb\nlast$/,
  },
  {
    what: 'is ended by a signal',
    args: sh('kill -s KILL $$'),
    code: 'HOLDFAST_COMMAND_FAILED',
    says: /^sh failed: it was ended by SIGKILL\.$/,
  },
  {
    what: 'says that no further attempt can help',
    args: sh('exit 3'),
    options: { terminateOn: [2, 3] },
    code: 'HOLDFAST_TERMINATE',
    says: /^sh said that no further attempt can help\.$/,
    reason: 'terminated',
  },
  {
    what: 'does not write JSON where that was said',
    args: sh('echo "{"'),
    options: { output: 'json' },
    code: 'HOLDFAST_COMMAND_FAILED',
    says: /its output is not JSON/,
  },
  {
    what: 'writes more JSON than is kept',
    args: sh('echo "[1,2,3]"'),
    options: { output: 'json', maxOutputBytes: 5 },
    code: 'HOLDFAST_COMMAND_FAILED',
    says: /more JSON than maxOutputBytes/,
  },
  {
    what: 'is not there',
    file: 'no-program-has-this-name',
    code: 'HOLDFAST_COMMAND_NOT_FOUND',
    says: /^no-program-has-this-name could not be started/,
  },
  { what: 'may not be run', file: '/etc/passwd', code: 'HOLDFAST_COMMAND_NOT_FOUND', says: /could not be started/ },
  {
    what: 'has no folder to run in',
    options: { cwd: '/no/such/folder' },
    code: 'HOLDFAST_COMMAND_NOT_FOUND',
    says: /could not be started.*cwd/,
  },
];

test('a program that fails', { skip: !runs }, async (t) => {
  const jobs = FAILURES.map(({ file = 'sh', args = sh('exit 0'), options = {} }, n) =>
    defineJob({ type: `program:${n}`, retry: RETRY, run: command(file, args, options) }),
  );
  const engine = await openTestEngine(t, { jobs });
  const handles = await engine.jobs.enqueueAll(jobs.map((job) => [job] as const));
  for (const [n, { what, code, says, reason = 'exhausted' }] of FAILURES.entries()) {
    await t.test(`${what}: the attempt has failed, and says so also after a restart`, async () => {
      const { id } = handles[n] ?? { id: '' };
      await assert.rejects(engine.jobs.wait(id), { reason });
      const { errors = [] } = (await engine.jobs.get(id)) ?? {};
      assert.deepEqual([errors.length, errors[0]?.code], [reason === 'terminated' ? 1 : 2, code]);
      assert.match(errors[0]?.message ?? '', says);
    });
  }
  const before = await Promise.all(handles.map(({ id }) => engine.jobs.get(id)));
  await engine.restart();
  assert.deepEqual(await Promise.all(handles.map(({ id }) => engine.jobs.get(id))), before);
});

test('what a program says on its standard error is in the log of the job', { skip: !runs }, async (t) => {
  const { engine, run } = await site(t, 'sh', sh('printf "one\\ntwo\\r\\n\\nthree" >&2'));
  const { id } = await run();
  await engine.jobs.wait(id);
  const lines = (await engine.jobs.get(id))?.log?.map(({ level, message }) => [level, message]);
  assert.deepEqual(lines, [
    ['info', 'one'],
    ['info', 'two'],
    ['info', 'three'],
  ]);
});

test('output is kept up to its bound, in whole characters, and read to its end', { skip: !runs }, async (t) => {
  const much = await site(t, 'sh', sh('head -c 300000 /dev/zero | tr "\\0" x; echo done >&2'));
  const handle = await much.run();
  assert.deepEqual(await handle.result(), { stdout: 'x'.repeat(65_536), isCut: true });
  const exact = await site(t, 'printf', ['äöü'], { maxOutputBytes: 6 });
  assert.deepEqual(await (await exact.run()).result(), { stdout: 'äöü', isCut: false });
  const cut = await site(t, 'printf', ['äöü'], { maxOutputBytes: 5 });
  assert.deepEqual(await (await cut.run()).result(), { stdout: 'äö', isCut: true });
});

test('output that is JSON becomes the result as it is', { skip: !runs }, async (t) => {
  const { run } = await site(t, 'cat', [], { output: 'json' });
  const { payload, attempt } = (await (await run([1, { a: null }])).result()) as unknown as Record<string, unknown>;
  assert.deepEqual([payload, attempt], [[1, { a: null }], 1]);
});

/** Tells its own number and that of a child, and waits for that. */
const FAMILY = 'sleep 1000 & echo "pids $$ $!" >&2; wait';

async function pidsFrom(lines: Lines): Promise<number[]> {
  return (await lines.next(/^pids /)).split(' ').slice(1).map(Number);
}

/** A place of our own: other tests run programs at the same time. */
const place = mkdtempSync(join(tmpdir(), 'holdfast-commands-'));
process.env['TMPDIR'] = place;
after(() => rm(place, { recursive: true, force: true }));

async function jobFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('holdfast-job-'));
}

test('a program that is cancelled ends with its children', { skip: !runs }, async (t) => {
  const folders = await jobFolders();
  const { engine, run, lines } = await site(t, 'sh', sh(FAMILY));
  const { id } = await run();
  const pids = await pidsFrom(lines);
  assert.deepEqual(pids.map(isAlive), [true, true]);
  await engine.jobs.cancel(id, 'enough');
  await assert.rejects(engine.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.deepEqual(pids.map(isAlive), [false, false]);
  await engine.close();
  assert.deepEqual(await jobFolders(), folders);
});

test('a program that goes on when it shall stop is ended by force', { skip: !runs }, async (t) => {
  const { engine, run, lines } = await site(t, 'sh', sh(`trap "" TERM; ${FAMILY}`), { killAfter: 20 });
  const { id } = await run();
  const pids = await pidsFrom(lines);
  await engine.jobs.cancel(id);
  await assert.rejects(engine.jobs.wait(id), { code: 'HOLDFAST_JOB_CANCELLED' });
  assert.deepEqual(pids.map(isAlive), [false, false]);
});

test('a program that takes too long has failed, even if it then ends with 0', { skip: !runs }, async (t) => {
  const { lines, logger } = listener();
  const run = command('sh', sh(`trap "exit 0" TERM; ${FAMILY}`));
  const job = defineJob({
    type: 'slow',
    retry: { attempts: 1 },
    async run(_: undefined, context) {
      const stopped = run(_, context);
      await lines.next(/^pids /);
      await context.extend(1);
      return stopped;
    },
  });
  const { jobs } = await openTestEngine(t, { jobs: [job], logger });
  const { id } = await jobs.enqueue(job);
  const pids = await pidsFrom(lines);
  await assert.rejects(jobs.wait(id), isCausedBy('HOLDFAST_ATTEMPT_TIMEOUT'));
  assert.deepEqual(pids.map(isAlive), [false, false]);
});

test('what a program leaves running when it ends is ended, too', { skip: !runs }, async (t) => {
  const { run } = await site(t, 'sh', sh('sleep 1000 & echo $!'));
  const { stdout } = await (await run()).result();
  assert.equal(isAlive(Number(stdout)), false);
});

test('a program that is interrupted by a close runs again after the restart', { skip: !runs }, async (t) => {
  const script = 'if test -e "$1"; then echo again; else echo begun >&2; sleep 1000; fi';
  const mark = join(await mkdtemp(join(tmpdir(), 'holdfast-mark-')), 'mark');
  t.after(() => rm(join(mark, '..'), { recursive: true }));
  const { engine, run, lines } = await site(t, 'sh', sh(script, mark));
  const { id } = await run();
  await lines.next(/begun/);
  await writeFile(mark, '');
  await engine.restart();
  assert.deepEqual(await engine.jobs.wait(id), { stdout: 'again\n', isCut: false });
  const { attempts, interrupts, starts } = (await engine.jobs.get(id)) ?? {};
  assert.deepEqual({ attempts, interrupts, starts }, { attempts: 0, interrupts: 1, starts: 2 });
});

test('a program dies with the process that runs it, and its job runs again', { skip: !runs }, async (t) => {
  const folders = await jobFolders();
  const engine: FolderEngine = await openTestEngine(t);
  const { folder } = engine;
  await engine.close();
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const entry = fileURLToPath(new URL('command-process.js', import.meta.url));
  const host = spawn(process.execPath, [entry, folder, String(port)], { stdio: 'inherit' });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const isGone = once(socket.resume(), 'close');
  host.kill('SIGKILL');
  await isGone;
  const job = defineJob({ type: 'program', run: command('printf', ['again']) });
  const jobs = await engine.restart({ jobs: [job] });
  assert.deepEqual(await jobs.wait('the-job'), { stdout: 'again', isCut: false });
  assert.equal((await jobs.get('the-job'))?.crashes, 1);
  await seen(jobs, 'the-job', 'interrupted');
  assert.deepEqual(await jobFolders(), folders, 'nor does the file of the job stay');
});

test('what is wrong with a command is told where it is made', () => {
  const wrong: ReadonlyArray<readonly [field: string, make: () => unknown]> = [
    ['file', () => command('', [])],
    ['file', () => command('a\0b', [])],
    ['arguments of sh', () => command('sh', 'exit 1' as never)],
    ['arguments of sh', () => command('sh', ['a\0b'])],
    ['arguments of sh', () => command('sh', [5] as never)],
    ['cwd', () => command('sh', [], { cwd: 5 as never })],
    ['env.A', () => command('sh', [], { env: { A: 5 as never } })],
    ['env.A=', () => command('sh', [], { env: { 'A=': 'x' } })],
    ['input', () => command('sh', [], { input: 'payload' as never })],
    ['output', () => command('sh', [], { output: 'xml' as never })],
    ['maxOutputBytes', () => command('sh', [], { maxOutputBytes: -1 })],
    ['killAfter', () => command('sh', [], { killAfter: 'soon' as never })],
    ['terminateOn', () => command('sh', [], { terminateOn: [0] })],
    ['options of sh', () => command('sh', [], 5 as never)],
  ];
  for (const [field, make] of wrong) assert.throws(make, { code: 'HOLDFAST_INVALID_ARGUMENT', field });
});

test('arguments that a function gives are checked when they are there', { skip: !runs }, async (t) => {
  const { run } = await site(t, 'true', () => [undefined] as never);
  await assert.rejects(
    run().then((handle) => handle.result()),
    isCausedBy('HOLDFAST_INVALID_ARGUMENT'),
  );
});
