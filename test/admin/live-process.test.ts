// The command as a process of its own, beside an app that is another, which is killed.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readAddress } from '../../src/admin/address.ts';
import { giveProof } from '../../src/admin/handshake.ts';
import { say, type Said } from '../support/command-line.ts';

const APP = fileURLToPath(new URL('./live-app.js', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../src/admin/cli/main.js', import.meta.url));

async function startApp(t: TestContext, folder: string): Promise<ChildProcess> {
  const app = spawn(process.execPath, [APP, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => app.kill('SIGKILL'));
  await once(app.stdout as NodeJS.EventEmitter, 'data');
  return app;
}

async function kill(app: ChildProcess): Promise<void> {
  app.kill('SIGKILL');
  await once(app, 'exit');
}

async function newFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-live-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function command(...words: string[]): Promise<Said> {
  const child = spawn(process.execPath, [COMMAND, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

test('a killed app leaves a socket that nobody answers; the command then works on the folder by itself', async (t) => {
  const folder = await newFolder(t);
  const app = await startApp(t, folder);
  const listed = await command('-d', folder, 'jobs', 'list');
  assert.deepEqual([listed.code, listed.err], [0, '']);
  assert.match(listed.out, /^hanging\thangs\t\S+ \S+\trunning/);
  assert.equal((await command('-d', folder, 'jobs', 'view', 'nobody')).code, 3, 'the exit code leaves the process');
  let heard = '';
  let isReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => (isReady = resolve));
  const watching = say(['-d', folder, 'jobs', 'watch', '--since', '0'], {
    onOut(text) {
      heard += text;
      if (heard.includes('started')) isReady();
    },
  });
  await ready;
  await kill(app);
  const watched = await watching;
  assert.deepEqual([watched.code, watched.err], [5, 'holdfast: The app that had the folder open has ended.\n']);
  // Nobody serves its type here, so that it waits; the crash is counted for it.
  const { out } = await say(['-d', folder, '--json', 'jobs', 'view', 'hanging']);
  const { state, crashes } = JSON.parse(out) as { state: string; crashes: number };
  assert.deepEqual([state, crashes], ['waiting', 1]);
  const again = await startApp(t, folder);
  assert.match((await say(['-d', folder, 'info'])).out, /open\tin an app/);
  await kill(again);
});

test('a command that is killed leaves the folder to the next one', async (t) => {
  const folder = await newFolder(t);
  await kill(await startApp(t, folder));
  const serving = spawn(process.execPath, [COMMAND, '-d', folder, 'serve', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => serving.kill('SIGKILL'));
  const [line] = (await once(serving.stdout, 'data')) as [Buffer];
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(line.toString()) ?? [];
  assert.equal((await fetch(`${url}/ping`)).status, 200);
  assert.match((await say(['-d', folder, 'info'])).out, /open\tin an app/, 'it has a socket itself');
  await kill(serving);
  assert.equal((await say(['-d', folder, 'jobs', 'cancel', 'hanging'])).code, 0);
  const ended = spawn(process.execPath, [COMMAND, '-d', folder, 'serve', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(ended.stdout, 'data');
  ended.kill('SIGTERM');
  assert.deepEqual(await once(ended, 'exit'), [0, null], 'asked to end, it ends well');
});

test('whoever does not know the token hears nothing from the socket', async (t) => {
  const folder = await newFolder(t);
  await startApp(t, folder);
  const { socket = '', token = '' } = (await readAddress(folder)) ?? {};
  const hears = async (words: Buffer | string): Promise<string> => {
    const caller = connect(socket);
    let heard = '';
    caller.on('data', (part: Buffer) => (heard += part.toString('hex')));
    caller.on('error', () => undefined);
    caller.end(words);
    await once(caller, 'close');
    return heard;
  };
  assert.equal(await hears('GET /v1/info HTTP/1.1\r\nhost: holdfast\r\n\r\n'), '');
  assert.equal(await hears(Buffer.alloc(500, 'x')), '');
  assert.equal(await hears(''), '');
  const liar = connect(socket);
  await assert.rejects(
    giveProof(
      liar,
      token.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      Buffer.alloc(32, 1),
    ),
  );
  const friend = connect(socket);
  await giveProof(friend, token, Buffer.alloc(32, 2));
  friend.destroy();
});
