/** External programs as handlers: what is asked of one, and what its end means for the attempt. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobContext } from './context.ts';
import type { Run } from './definition.ts';
import { CommandFailedError, InvalidArgumentError, TerminateError } from './errors.ts';
import { checkObject, count, oneOf } from './job/check.ts';
import { durationMs, type Duration } from './job/duration.ts';
import { runProgram, type ProgramEnd } from './program.ts';

export interface CommandOptions {
  /** Where the program runs. @default the folder of this process */
  readonly cwd?: string;
  /** Set in its environment, beside what this process has in its own. @default nothing more */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What is written to its standard input: the job as JSON, or nothing. Programs that take commands from their input, as
   * `ffmpeg` does, want `'none'`. @default 'job'
   */
  readonly input?: 'job' | 'none';
  /** What its standard output is: a text, or JSON that becomes the result as it is. @default 'text' */
  readonly output?: 'text' | 'json';
  /** How much of the output is kept, in bytes; what comes after that is read and dropped. @default 65,536 */
  readonly maxOutputBytes?: number;
  /** How long it has between the request to end (SIGTERM) and its end by force (SIGKILL). @default '2s' */
  readonly killAfter?: Duration;
  /** Exit codes that say that no further attempt can help: the job dies as `terminated`. @default none */
  readonly terminateOn?: readonly number[];
}

/** The result of a job that runs a program whose output is a text. */
export interface CommandOutput {
  /** As UTF-8. */
  readonly stdout: string;
  /** Whether there was more than `maxOutputBytes`. */
  readonly isCut: boolean;
}

/** The arguments of the program, one text each; there is no shell that could take them apart. */
export type CommandArguments<Payload> =
  readonly string[] | ((payload: Payload, context: JobContext) => readonly string[]);

interface Settings extends Required<Omit<CommandOptions, 'cwd' | 'killAfter'>> {
  readonly cwd: string | undefined;
  readonly killAfterMs: number;
}

/** The variable that has the path of the file with the job. */
const JOB_VARIABLE = 'HOLDFAST_JOB';
const DEFAULT_OUTPUT_BYTES = 64 * 1024;
const HIGHEST_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * A handler that runs a program.
 *
 * ```ts
 * const convert = defineJob({
 *   type: 'video:convert',
 *   run: command('ffmpeg', (payload: { path: string }) => ['-i', payload.path, 'out.mp4'], { input: 'none' }),
 * });
 * ```
 *
 * The job comes as JSON on its standard input and in a file whose path is in `HOLDFAST_JOB`: what `context.job` has, and
 * `payload`, `checkpoint` and `results`. Exit code 0 completes it, with its standard output as the result; any other, or
 * a signal, is a failed attempt (`CommandFailedError`). Its standard error goes into the job's log, line by line. When the
 * attempt is cancelled or takes too long, the program and all it has started in its process group are ended, and so
 * they are when this process dies. A program that cannot be started is a `CommandNotFoundError` of the attempt.
 *
 * @throws {InvalidArgumentError} naming the option that is wrong
 */
export function command<Payload, Result = unknown>(
  file: string,
  args: CommandArguments<Payload>,
  options: CommandOptions & { readonly output: 'json' },
): Run<Payload, Result>;
export function command<Payload>(
  file: string,
  args: CommandArguments<Payload>,
  options?: CommandOptions,
): Run<Payload, CommandOutput>;
export function command(
  file: string,
  args: CommandArguments<unknown>,
  options: CommandOptions = {},
): Run<unknown, unknown> {
  if (typeof file !== 'string' || file === '' || file.includes('\0')) {
    throw new InvalidArgumentError({ field: 'file', expected: 'the name or the path of a program', got: file });
  }
  if (typeof args !== 'function') checkArguments(args, file);
  const settings = checkCommandOptions(options, file);
  return async (payload, context) => {
    const { signal } = context;
    const given = typeof args === 'function' ? args(payload, context) : args;
    checkArguments(given, file);
    const text = jobText(payload, context);
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-job-'));
    try {
      const path = join(folder, 'job.json');
      await writeFile(path, text, { mode: 0o600 });
      signal.throwIfAborted();
      const end = await runProgram({
        ...settings,
        file,
        args: given,
        env: { ...process.env, ...settings.env, [JOB_VARIABLE]: path },
        input: settings.input === 'job' ? text : undefined,
        folder,
        signal,
        onLine: (line) => context.log.info(line),
      });
      // Many programs end with 0 when they are asked to stop, which says nothing about their work.
      signal.throwIfAborted();
      return resultOf(end, file, settings);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

function jobText(payload: unknown, { job, checkpoint, results }: JobContext): string {
  return JSON.stringify({ ...job, payload, checkpoint, results });
}

/** What its end means: a result, or the error of the attempt. */
function resultOf(end: ProgramEnd, file: string, { output, terminateOn }: Settings): unknown {
  const { exitCode, isCut } = end;
  if (exitCode !== 0) {
    const failure = new CommandFailedError({ file, ...end });
    if (exitCode !== null && terminateOn.includes(exitCode)) {
      throw new TerminateError(`${file} said that no further attempt can help.`, { cause: failure });
    }
    throw failure;
  }
  const stdout = new TextDecoder().decode(end.output, { stream: isCut });
  if (output === 'text') return { stdout, isCut } satisfies CommandOutput;
  if (isCut) throw new CommandFailedError({ file, ...end, problem: 'it wrote more JSON than maxOutputBytes' });
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    throw new CommandFailedError({ file, ...end, problem: 'its output is not JSON', cause });
  }
}

function checkArguments(args: unknown, file: string): asserts args is readonly string[] {
  const isGood = (text: unknown): boolean => typeof text === 'string' && !text.includes('\0');
  if (Array.isArray(args) && args.every(isGood)) return;
  throw new InvalidArgumentError({
    field: `arguments of ${file}`,
    expected: 'a list of texts without NUL, or a function that gives one',
    got: Array.isArray(args) ? args.find((text) => !isGood(text)) : args,
  });
}

function checkCommandOptions(options: CommandOptions, file: string): Settings {
  checkObject(options, `options of ${file}`, "{ output: 'json' }");
  const { cwd, env = {} } = options;
  const terminateOn: readonly number[] = options.terminateOn ?? [];
  if (cwd !== undefined && typeof cwd !== 'string') {
    throw new InvalidArgumentError({ field: 'cwd', expected: 'the path of a folder', got: cwd });
  }
  checkObject(env, 'env', "{ LANG: 'C' }");
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === 'string' && !/[=\0]/.test(name) && !value.includes('\0')) continue;
    throw new InvalidArgumentError({ field: `env.${name}`, expected: 'a text without NUL', got: value });
  }
  const isCode = (code: unknown): boolean => Number.isInteger(code) && (code as number) >= 1 && (code as number) <= 255;
  const isList: boolean = Array.isArray(terminateOn);
  if (!isList || !terminateOn.every(isCode)) {
    const expected = 'a list of exit codes from 1 to 255';
    throw new InvalidArgumentError({ field: 'terminateOn', expected, got: terminateOn });
  }
  return {
    cwd,
    env: { ...env },
    terminateOn: [...terminateOn],
    input: oneOf(options.input, 'input', ['job', 'none']),
    output: oneOf(options.output, 'output', ['text', 'json']),
    maxOutputBytes: count(options.maxOutputBytes, 'maxOutputBytes', DEFAULT_OUTPUT_BYTES, 0, HIGHEST_OUTPUT_BYTES),
    killAfterMs: durationMs(options.killAfter ?? 2_000, 'killAfter'),
  };
}
