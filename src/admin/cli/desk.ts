/**
 * Where a command works: at the open engine of a live app, through its local socket, or on a closed folder, which is
 * opened for as long as the command takes. Both ways it asks the same operations over HTTP (docs/http.md), once through
 * the socket and once without any network; so a command is written once, and gives the same both ways.
 */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { OpenOptions } from '../../index.ts';
import { readAddress } from '../address.ts';
import { connectTo } from './caller.ts';
import { ENDED, EXIT, Failure, failureFrom } from './failure.ts';

export interface Desk {
  readonly folder: string;
  /** Whether an app has the folder open. */
  readonly isLive: boolean;
  /** Asks an operation and gives what it answers. @throws {Failure} */
  ask<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer>;
  /** The events behind `since`, or from now on: from when this resolves. */
  follow(query: string, signal: AbortSignal): Promise<AsyncGenerator<Told>>;
  /** Asks an operation that answers with lines, until it ends or `signal` aborts. */
  lines(method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal): AsyncGenerator<string>;
  close(): Promise<void>;
}

/** An event, as the stream tells it. */
export interface Told {
  readonly seq: number;
  readonly kind: string;
  readonly at: number;
  readonly id?: string;
  readonly type?: string;
  readonly queue?: string;
  readonly name?: string;
  readonly what?: string;
  readonly start?: number;
  readonly reason?: string;
  readonly error?: { readonly name: string; readonly message: string };
}

/** From a path and its body to an answer, whose text comes in parts. */
export interface Transport {
  send(method: string, path: string, body: string | undefined, signal?: AbortSignal): Promise<Reply>;
  close(): Promise<void>;
}
export interface Reply {
  readonly status: number;
  readonly parts: AsyncIterable<Uint8Array>;
}

/** The folder that is meant: what was said, or where one stands. */
export async function folderOf(given: string | undefined, cwd: string): Promise<string> {
  const folder = path.resolve(cwd, given ?? '.');
  const isOurs = await stat(path.join(folder, 'holdfast.json')).then(
    () => true,
    () => false,
  );
  if (isOurs) return realpath(folder);
  throw new Failure(
    EXIT.folder,
    given === undefined
      ? 'Which folder? Say it with --folder <path> or HOLDFAST_FOLDER, or stand in it.'
      : `${folder} is not a folder of holdfast: it has no holdfast.json.`,
  );
}

/** @param asApp how a closed folder is opened, beside what is said in `UNTOUCHED` */
export async function openDesk(given: string | undefined, cwd: string, asApp: OpenOptions = {}): Promise<Desk> {
  const folder = await folderOf(given, cwd);
  const live = await connect(folder);
  return live === undefined ? deskOn(folder, false, await openClosed(folder, asApp)) : deskOn(folder, true, live);
}

async function connect(folder: string): Promise<Transport | undefined> {
  const address = await readAddress(folder);
  return address === undefined ? undefined : connectTo(address);
}

/** What is kept, and who dies of a crash, is for the app to say: a command changes only what it is told to. */
export const UNTOUCHED: OpenOptions = {
  keepAlive: false,
  maxCrashes: 255,
  // Missed runs of schedules are for the app to make up.
  settle: '30d',
  reserveBytes: 0,
  keep: {
    completed: { age: 'forever', count: Infinity },
    cancelled: { age: 'forever', count: Infinity },
    dead: { age: 'forever', count: Infinity },
  },
};

async function openClosed(folder: string, asApp: OpenOptions): Promise<Transport> {
  const [{ open }, { createApp }, { checkAdminOptions }] = await Promise.all([
    import('../../index.ts'),
    import('../http/app.ts'),
    import('../options.ts'),
  ]);
  const engine = await open(folder, { ...UNTOUCHED, ...asApp }).catch((error: unknown) => {
    throw hinted(folder, error);
  });
  const token = 'this is never asked for by anybody';
  const app = createApp(engine, checkAdminOptions({ hosts: ['holdfast'], token, maxBodyBytes: 64 * 1024 * 1024 }), {
    isTrusted: true,
  });
  return {
    async send(method, target, body, signal) {
      const headers = { 'content-type': 'application/json' };
      const init = { method, headers, ...(body !== undefined && { body }), ...(signal && { signal }) };
      const response = await app.fetch(new Request(`http://holdfast${target}`, init));
      // Without a network between them, an aborted request does not end its answer by itself.
      const answer =
        signal === undefined ? response.body : response.body?.pipeThrough(new TransformStream(), { signal });
      return { status: response.status, parts: (answer ?? []) as AsyncIterable<Uint8Array> };
    },
    async close() {
      app.stop();
      await engine.close({ drain: 0 });
    },
  };
}

function hinted(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'HOLDFAST_IN_USE') return error;
  return new Failure(
    EXIT.folder,
    `${folder} is open in an app that offers no socket. Let the app call control(jobs) of 'holdfast/admin', or close it.`,
    'HOLDFAST_IN_USE',
    { cause: error },
  );
}

function deskOn(folder: string, isLive: boolean, transport: Transport): Desk {
  return {
    folder,
    isLive,
    async ask<Answer>(method: string, target: string, body?: unknown): Promise<Answer> {
      const { status, parts } = await transport.send(
        method,
        target,
        body === undefined ? undefined : JSON.stringify(body),
      );
      const text = await textOf(parts);
      if (status >= 400) throw refusal(status, text);
      return (text === '' ? undefined : JSON.parse(text)) as Answer;
    },
    async follow(query, signal) {
      const { status, parts } = await transport.send('GET', `/v1/events${query}`, undefined, signal);
      if (status >= 400) throw refusal(status, await textOf(parts));
      return eventsOf(parts, signal);
    },
    async *lines(method, target, body, signal) {
      const { status, parts } = await transport.send(method, target, JSON.stringify(body), signal);
      if (status >= 400) throw refusal(status, await textOf(parts));
      yield* blocksOf(parts, '\n', signal);
    },
    close: () => transport.close(),
  };
}

async function textOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all).toString();
}

function refusal(status: number, text: string): Failure {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; details: { code?: string } } };
    return failureFrom(error.details.code, status, error.message);
  } catch {
    return failureFrom(undefined, status, `The engine answered ${status}.`);
  }
}

async function* eventsOf(parts: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Told> {
  for await (const block of blocksOf(parts, '\n\n', signal)) {
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data === undefined) continue;
    if (/^event: error$/m.test(block)) throw new Failure(EXIT.failed, (JSON.parse(data) as Error).message);
    yield JSON.parse(data) as Told;
  }
}

/** What stands between separators, as it comes. */
async function* blocksOf(
  parts: AsyncIterable<Uint8Array>,
  separator: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const part of parts) {
      text += decoder.decode(part, { stream: true });
      const blocks = text.split(separator);
      text = blocks.pop() ?? '';
      yield* blocks;
    }
  } catch (error) {
    // Whoever stops listening cuts the stream off.
    if (signal.aborted) return;
    throw new Failure(EXIT.folder, ENDED, undefined, { cause: error });
  }
}
