// The command line, held against what it once said: on the folder of a live app and on a closed one, to a person at a
// terminal and to a program. `UPDATE_GOLDEN=1` writes down what it says now; look at the difference before you keep it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { control } from '../../src/admin/index.ts';
import { defineJob, open, TerminateError, type Engine } from '../../src/index.ts';
import { say, type Said, type SpokenTo } from '../support/command-line.ts';
import { askerOf } from '../support/admin.ts';
import { openTestEngine } from '../support/engine.ts';

const GOLDEN = fileURLToPath(new URL('../../../test/admin/command-line.golden.txt', import.meta.url));

const fails = defineJob({
  type: 'photo:resize',
  run({ file }: { file: string }, { log }) {
    log.warn('no room for \u001b[31m%s', file);
    const error = new TerminateError(`cannot read ${file}\u001b[2J`);
    error.stack = `TerminateError: cannot read ${file}\n    at resize (photo.js:1:1)`;
    throw error;
  },
});
const works = defineJob({ type: 'mail', run: ({ to }: { to: string }) => ({ sent: to }) });

/** A folder with jobs that have ended, as an app leaves it. */
async function folderWithJobs(t: TestContext): Promise<{ folder: string; reopen: () => Promise<Engine> }> {
  const site = await openTestEngine(t, { jobs: [fails, works] });
  const ids = ['a', 'b', 'c'];
  const handles = await site.jobs.enqueueAll([
    ...ids.map((id) => [fails, { file: `${id}.jpg` }, { id }] as const),
    [works, { to: 'ada' }, { id: 'm' }],
  ]);
  await Promise.allSettled(handles.map((handle) => (handle as { result(): Promise<unknown> }).result()));
  await site.close();
  return { folder: site.folder, reopen: () => site.restart({}) };
}

const SCRIPT: readonly (readonly [words: string, ...modes: Mode[]])[] = [
  ['info', 'person', 'program'],
  ['jobs list', 'person', 'program'],
  ['jobs list 1 --type photo:resize', 'person'],
  ['jobs list --state running', 'person'],
  ['dead', 'person', 'program'],
  ['jobs view a', 'person', 'program'],
  ['jobs add mail {"to":"eve"} --id new --priority 5 --queue slow --delay 1h --tries 3 --timeout 10s', 'person'],
  ['jobs add mail 1 --id child --depends new,m', 'program'],
  ['jobs add mail 1 --id child', 'person', 'json'],
  ['jobs update new --priority 9 --delay 2h --payload {"to":"bob"}', 'program'],
  ['jobs update new', 'program'],
  ['jobs update m --priority 1', 'program'],
  ['jobs promote new m', 'person'],
  ['jobs cancel new nobody --reason bored', 'person'],
  ['jobs view new', 'program'],
  ['jobs retry m', 'json'],
  ['dead revive a nobody', 'person'],
  ['dead clear', 'person'],
  ['dead clear --all', 'program'],
  ['dead clear --all --force', 'person'],
  ['jobs delete new', 'program'],
  ['jobs delete new --force', 'json'],
  ['jobs view new', 'person', 'json'],
  ['queues', 'person', 'program'],
  ['queues new q --concurrent 2 --entries 10 --discard-old --age 1d --rate 10/1s', 'person'],
  ['queues cfg q --concurrent 3 --rate none', 'program'],
  ['queues pause q --reason holiday', 'person'],
  ['jobs add mail 1 --id queued -q q', 'person'],
  ['explain queued', 'person'],
  ['queues purge q', 'program'],
  ['queues purge q --force', 'person'],
  ['queues resume q', 'json'],
  ['queues cfg q --per-key 2 --weight 3 --minimum 1 --aging 1m', 'program'],
  ['pause --for 1h --reason holiday', 'person'],
  ['info', 'program'],
  ['resume', 'person'],
  ['resume', 'person'],
  ['schedules', 'person'],
  ['schedules add nightly daily mail {"to":"all"} --tz UTC --catch-up none', 'program'],
  ['cron add often every@5m photo:resize', 'person'],
  ['schedules pause nightly --reason holiday', 'person'],
  ['schedules list', 'person'],
  ['schedules resume nightly', 'person'],
  ['schedules trigger nightly', 'program'],
  ['schedules update nightly --rule hourly --overlap queue', 'program'],
  ['schedules update nightly', 'program'],
  ['schedules backfill nightly 2025-01-01T00:00:00Z 2025-01-01T12:00:00Z --dry-run', 'person'],
  ['schedules backfill nightly 2025-01-01T00:00:00Z 2025-01-01T01:00:00Z', 'program'],
  ['jobs purge', 'program'],
  ['jobs purge --type mail --state waiting --force', 'person', 'json'],
  ['schedules delete nightly', 'program'],
  ['schedules delete nightly --force', 'person'],
  ['schedules view nightly', 'person'],
];
type Mode = 'person' | 'program' | 'json';

async function transcript(folder: string): Promise<string> {
  let text = '';
  for (const [line, ...modes] of SCRIPT) {
    for (const mode of modes) {
      const words = [
        '--folder',
        folder,
        ...(mode === 'json' ? ['--json'] : []),
        ...line.split(' ').map((word) => word.replace('every@', 'every ')),
      ];
      const said = await say(words, { isTerminal: mode === 'person', env: { TERM: 'xterm' } });
      text += `$ holdfast ${line}    # for a ${mode === 'person' ? 'person' : 'program'}${mode === 'json' ? ', --json' : ''}, ends with ${said.code}\n`;
      text += `${said.out}${said.err.replaceAll(/^(?=.)/gm, '! ')}\n`;
    }
  }
  return calm(text, folder);
}

/** Without what is different each time, and with colours that can be read. */
function calm(text: string, folder: string): string {
  return text
    .replaceAll(folder, '<folder>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z/g, '<moment>')
    .replaceAll(/"(\w+At|at|dueAt)": \d+/g, '"$1": <ms>')
    .replaceAll(/"upMs": [\d.]+/g, '"upMs": <ms>')
    .replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, '<id>')
    .replaceAll(/--cursor \w+/g, '--cursor <cursor>')
    .replaceAll(/(?<=, )[\d.]+ m?s ago/g, '<time> ago')
    .replaceAll('\u001b[', '‹')
    .replaceAll(/(?<=‹\d+)m/g, '›');
}

test('the command line says to a closed folder what it said before', async (t) => {
  const { folder } = await folderWithJobs(t);
  const found = await transcript(folder);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(GOLDEN, found);
  assert.equal(found, readFileSync(GOLDEN, 'utf8'));
});

test('through the socket of a live app it says the same, but for who has the folder open', async (t) => {
  const { folder, reopen } = await folderWithJobs(t);
  await control(await reopen());
  const golden = readFileSync(GOLDEN, 'utf8').replaceAll(
    /(?<=^(?:‹2›)?open\S*\s+(?:‹22›)?)nowhere$/gm,
    'in an app, which offered its socket at <moment>, <time> ago',
  );
  assert.equal(await transcript(folder), golden);
});

test('--json gives what the library gives, live and closed', async (t) => {
  const { folder, reopen } = await folderWithJobs(t);
  const asked = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await say(['-d', folder, '--json', ...words])).out);
  const closed = [await asked('jobs', 'view', 'a'), await asked('jobs', 'ls'), await asked('dead')];
  const jobs = await reopen();
  await control(jobs);
  const live = [await asked('jobs', 'view', 'a'), await asked('jobs', 'ls'), await asked('dead')];
  const given = [await jobs.get('a'), await jobs.list(), await jobs.list({ state: 'dead' })];
  assert.deepEqual(closed, JSON.parse(JSON.stringify(given)));
  assert.deepEqual(live, closed);
});

async function closedFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-words-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await (await open(folder)).close();
  return folder;
}

test('a command that nobody knows, or that lacks words, ends with 2 and says what there is', async (t) => {
  const folder = await closedFolder(t);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['jbs', /unknown command 'jbs'\n\(Did you mean jobs\?\)/],
    ['jobs add', /missing required argument 'type'/],
    ['jobs list --nope', /unknown option '--nope'/],
    ['jobs list many', /expected an integer, got many/],
    ['jobs list --state lost', /state/],
    ['jobs add mail not-json', /not JSON/],
    ['jobs add mail @nothing.json', /nothing\.json cannot be read/],
    ['jobs add mail 1 --deadline soon', /--deadline: expected a duration/],
    ['jobs add mail 1 --delay soon', /delay/],
    ['dead revive', /Give their ids, or --all/],
    ['dead revive a --all', /not both/],
    ['process mail', /Which program/],
    ['completion tcsh', /bash, zsh, fish/],
  ];
  for (const [line, message] of cases) {
    const { code, err } = await say(['-d', folder, ...line.split(' ')]);
    assert.equal(code, 2, line);
    assert.match(err, message, line);
  }
});

test('without a folder it says how to name one, and a folder of somebody else is refused', async (t) => {
  const folder = await closedFolder(t);
  const isSaid = async (words: string[], options: SpokenTo): Promise<Said> => say(words, options);
  assert.match((await isSaid(['info'], { cwd: tmpdir() })).err, /HOLDFAST_FOLDER/);
  assert.equal((await isSaid(['info'], { cwd: tmpdir() })).code, 5);
  assert.equal((await isSaid(['info', '-d', join(folder, 'log')], {})).code, 5);
  assert.equal((await isSaid(['info'], { env: { HOLDFAST_FOLDER: folder } })).code, 0);
  assert.equal((await isSaid(['info'], { cwd: folder })).code, 0);
});

test('a folder that an app has open without a socket is refused, and it is said what would help', async (t) => {
  const { folder } = await openTestEngine(t);
  const { code, err } = await say(['-d', folder, 'info']);
  assert.equal(code, 5);
  assert.match(err, /control\(jobs\)/);
});

test('what destroys asks a person, and does nothing unless the answer is yes', async (t) => {
  const { folder } = await folderWithJobs(t);
  const answer = (typed: string): Promise<Said> => say(['-d', folder, 'jobs', 'rm', 'a'], { isTerminal: true, typed });
  for (const typed of ['n\n', '\n', 'maybe\n']) {
    const { code, err } = await answer(typed);
    assert.deepEqual([code, err.includes('Nothing was done.')], [4, true]);
  }
  assert.match((await answer('y\n')).out, /1 job forgotten/);
});

test('a backup is made of a live folder and of a closed one, and comes back; over HTTP it is refused', async (t) => {
  const { folder, reopen } = await folderWithJobs(t);
  const place = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-backup-')));
  t.after(() => rm(place, { recursive: true, force: true }));
  assert.equal((await say(['-d', folder, 'backup', 'closed'], { cwd: place })).code, 0);
  const jobs = await reopen();
  await control(jobs);
  assert.match(
    (await say(['-d', folder, 'backup', 'live'], { cwd: place })).out,
    /^folder\t.*live\nframes\t\d+\nbytes\t\d+\n$/,
  );
  const forbidden = await askerOf(jobs)('POST', '/v1/backup', { to: join(place, 'remote') });
  assert.equal(forbidden.status, 403);
  for (const backup of ['closed', 'live']) {
    assert.equal((await say(['restore', backup, '--to', `${backup}-back`], { cwd: place })).code, 0);
    const { out } = await say(['-d', join(place, `${backup}-back`), 'jobs', 'list']);
    assert.deepEqual(
      out.split('\n').map((line) => line.split('\t')[0]),
      ['a', 'b', 'c', 'm', ''],
    );
  }
});

test('a payload comes from the words, from a file, or from the input', async (t) => {
  const folder = await closedFolder(t);
  await writeFile(join(folder, '..', 'holdfast-payload.json'), '{"from":"file"}');
  t.after(() => rm(join(folder, '..', 'holdfast-payload.json')));
  const add = async (payload: string, typed = ''): Promise<unknown> => {
    const { out } = await say(['-d', folder, '--json', 'jobs', 'add', 'x', payload], { cwd: tmpdir(), typed });
    return (JSON.parse(out) as { payload: unknown }).payload;
  };
  assert.deepEqual(await add('[1]'), [1]);
  assert.deepEqual(await add('@holdfast-payload.json'), { from: 'file' });
  assert.deepEqual(await add('-', '"typed"'), 'typed');
});

test('the socket is for its owner alone, lies where it can, and is gone with the engine', async (t) => {
  const site = await openTestEngine(t);
  const { socket } = await control(site.jobs);
  if (process.platform !== 'win32') {
    assert.equal((await stat(socket)).mode & 0o777, 0o600);
    assert.equal((await stat(join(site.folder, 'control.json'))).mode & 0o777, 0o600);
    assert.equal((await stat(site.folder)).mode & 0o077, 0);
  }
  await site.close();
  await assert.rejects(stat(socket), { code: 'ENOENT' });
  await assert.rejects(stat(join(site.folder, 'control.json')), { code: 'ENOENT' });
  assert.equal((await say(['-d', site.folder, 'info'])).code, 0, 'and then the command works on the folder by itself');
});

test('help teaches with examples and exit codes, and every command has some', async () => {
  const { code, out } = await say(['--help']);
  assert.equal(code, 0);
  for (const word of ['Examples:', 'HOLDFAST_FOLDER', '5 the folder cannot be had', 'process', 'completion']) {
    assert.ok(out.includes(word), word);
  }
  const commands = [...out.matchAll(/^ {2}(?!help)([a-z]+)(?:\||\s)/gm)].map((match) => match[1] ?? '');
  assert.ok(commands.length > 6);
  for (const command of commands) assert.equal((await say([command, '--help'])).code, 0, command);
  assert.match((await say(['--version'])).out, /^0\.0\.0\n$/);
});

test('a shell completes the words', async () => {
  const { out } = await say(['completion', 'bash']);
  const bash = spawn('bash', [
    '-c',
    `${out}\nCOMP_WORDS=(holdfast jobs ca); COMP_CWORD=2; _holdfast; echo "\${COMPREPLY[@]}"`,
  ]);
  const [answer] = (await once(bash.stdout, 'data')) as [Buffer];
  assert.equal(answer.toString().trim(), 'cancel');
  for (const shell of ['zsh', 'fish']) assert.match((await say(['completion', shell])).out, /revive/);
});

test('watch tells what happens, a line for each event, until it is stopped', async (t) => {
  const site = await openTestEngine(t, { jobs: [works] });
  assert.equal((await say(['-d', await closedFolder(t), 'jobs', 'watch'])).code, 5);
  await control(site.jobs);
  const stop = new AbortController();
  let heard = '';
  const watching = say(['-d', site.folder, 'jobs', 'watch', '--since', '0', '-t', 'mail'], {
    signal: stop.signal,
    onOut(text) {
      heard += text;
      if (heard.includes('completed')) stop.abort();
    },
  });
  await site.jobs.enqueue(works, { to: 'ada' }, { id: 'm' });
  const { code } = await watching;
  assert.equal(code, 0);
  assert.deepEqual(
    heard
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\[[^\]]+\]/, '')),
    [
      ' m: enqueued queue: default type: mail',
      ' m: started queue: default type: mail start: 1',
      ' m: completed queue: default type: mail',
    ],
  );
});

test('process runs a program for each job of a type, until none is left', async (t) => {
  const folder = await closedFolder(t);
  for (const text of ['one', 'two'])
    await say(['-d', folder, 'jobs', 'add', 'shout', `{"text":"${text}"}`, '--id', text]);
  await say(['-d', folder, 'jobs', 'add', 'other', '1', '--id', 'other']);
  const script = `let text = ''; process.stdin.on('data', (part) => (text += part)).on('end', () => console.log(JSON.parse(text).payload.text.toUpperCase()))`;
  const { code, out } = await say([
    '-d',
    folder,
    'process',
    'shout',
    '--until-empty',
    '-c',
    '2',
    '--',
    process.execPath,
    '-e',
    script,
  ]);
  assert.equal(code, 0);
  assert.equal([...out.matchAll(/ completed$/gm)].length, 2);
  const { jobs } = JSON.parse((await say(['-d', folder, '--json', 'jobs', 'list'])).out) as {
    jobs: Array<{ id: string; state: string; result: unknown }>;
  };
  assert.deepEqual(
    jobs.map(({ id, state }) => [id, state]),
    [
      ['one', 'completed'],
      ['two', 'completed'],
      ['other', 'waiting'],
    ],
  );
  assert.match(JSON.stringify(jobs[0]?.result), /ONE/);
});

test('colours are for a terminal that wants them', async (t) => {
  const { folder } = await folderWithJobs(t);
  const list = async (options: SpokenTo, ...more: string[]): Promise<boolean> => {
    const { out } = await say(['-d', folder, ...more, 'jobs', 'list'], options);
    return stripVTControlCharacters(out) !== out;
  };
  assert.equal(await list({ isTerminal: true }), true);
  assert.equal(await list({ isTerminal: true, env: { NO_COLOR: '1' } }), false);
  assert.equal(await list({ isTerminal: true }, '--no-color'), false);
  assert.equal(await list({}), false);
});

test('a person sees how far long work is, on the error output; a program sees nothing of it', async (t) => {
  const { folder, reopen } = await folderWithJobs(t);
  const place = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-bar-')));
  t.after(() => rm(place, { recursive: true, force: true }));
  const ids = Array.from({ length: 1_200 }, (_, n) => `r${n}`);
  const jobs = await reopen();
  await jobs.enqueueAll(ids.map((id) => ['rest', undefined, { id }] as const));
  await control(jobs);
  const words: ReadonlyArray<readonly [line: string, step: RegExp]> = [
    ['backup b', /copying █/],
    [`jobs rm --force ${ids.join(' ')}`, /jobs █/],
  ];
  for (const [line, step] of words) {
    const { code, out, err } = await say(['-d', folder, ...line.split(' ')], { cwd: place, isTerminal: true });
    assert.deepEqual([code, /[█░]/.test(out)], [0, false]);
    assert.match(err, step);
  }
  await jobs.close();
  const damage: ReadonlyArray<readonly [line: string, step: RegExp]> = [
    [`-d ${folder} verify`, /reading files .*jobs /s],
    [`-d ${folder} repair --to repaired`, /reading files /],
    [`restore b --to restored`, /copying █/],
  ];
  for (const [line, step] of damage) {
    const { code, err } = await say(line.split(' '), { cwd: place, isTerminal: true });
    assert.equal(code, 0);
    assert.match(err, step);
  }
  assert.equal((await say(['-d', folder, 'verify'])).err, '');
});
