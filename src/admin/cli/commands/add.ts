/** `holdfast jobs add` */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ms from 'ms';
import { systemClock } from '../../../kernel/clock.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { withDesk } from './with-desk.ts';

export interface AddOptions {
  readonly queue?: string;
  readonly priority?: string;
  readonly id?: string;
  readonly key?: string;
  readonly unique?: string;
  readonly tag?: readonly string[];
  readonly delay?: string;
  readonly at?: string;
  readonly deadline?: string;
  readonly tries?: string;
  readonly timeout?: string;
  readonly depends?: readonly string[];
  readonly idempotencyKey?: string;
}

export async function add(
  setting: Setting,
  type: string,
  payload: string | undefined,
  options: AddOptions,
): Promise<void> {
  const { terminal } = setting;
  const { queue, id, key, unique, tag, delay, at, timeout, depends, idempotencyKey } = options;
  const body = {
    type,
    payload: payload === undefined ? undefined : await payloadOf(payload, terminal),
    queue,
    id,
    key,
    unique,
    idempotencyKey,
    tags: tag,
    delay: delay === undefined ? undefined : lengthOf(delay),
    runAt: at,
    timeout: timeout === undefined ? undefined : lengthOf(timeout),
    after: depends,
    priority: integer('--priority', options.priority),
    deadline: options.deadline === undefined ? undefined : fromNow(options.deadline),
    retry: options.tries === undefined ? undefined : { attempts: integer('--tries', options.tries) },
  };
  await withDesk(setting, async (desk) => {
    const job = await desk.ask<{ id: string }>('POST', '/v1/jobs', body);
    if (terminal.isJson) terminal.json(job);
    else terminal.line(job.id);
  });
}

export async function payloadOf(text: string, { cwd, stdin }: Terminal): Promise<unknown> {
  const source =
    text === '-' ? await all(stdin) : text.startsWith('@') ? await fileOf(path.resolve(cwd, text.slice(1))) : text;
  try {
    return JSON.parse(source) as unknown;
  } catch (cause) {
    throw new Failure(
      EXIT.usage,
      `The payload is not JSON. A text has quotes of its own: '"${text.slice(0, 20)}"'.`,
      undefined,
      {
        cause,
      },
    );
  }
}

async function fileOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Failure(EXIT.usage, `${file} cannot be read.`, undefined, { cause });
  });
}

async function all(stream: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString();
}

export function integer(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new Failure(EXIT.usage, `${name}: expected an integer, got ${text}.`);
}

/** Digits alone are milliseconds. */
export function lengthOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function fromNow(text: string): number {
  const duration = ms(text as ms.StringValue) as number | undefined;
  if (duration === undefined || !(duration >= 0)) {
    throw new Failure(EXIT.usage, `--deadline: expected a duration such as 5m, got ${text}.`);
  }
  const clock = systemClock({ keepAlive: false });
  clock.stop();
  return clock.now() + duration;
}
