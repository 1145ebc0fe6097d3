/**
 * What crosses the thread boundary, both ways: plain data only, so that a structured clone keeps all of it.
 *
 * All messages of an attempt travel over one port, in order: whatever was reported, logged or saved is there before
 * `ended` is, and nothing has to be drained from the side. The port is private to our code in the thread, but the
 * handler shares that thread and may find ways to it; so what comes from a thread is read as if it came from a stranger.
 */
import type { MessagePort } from 'node:worker_threads';
import type { Occurrence } from './job/schedule.ts';
import { AttemptTimeoutError, type FlatError, InterruptedError, JobCancelledError } from './errors.ts';

/** What an attempt is told about its job. */
export interface JobFacts {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly priority: number;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** When the job was accepted, epoch ms. */
  readonly createdAt: number;
  /** When it was due, epoch ms; it may have waited longer for a slot. Of a schedule's job: its nominal time. */
  readonly scheduledFor: number;
  /** Of a schedule's job: which nominal time it is for, why it was made now, how late, and for how many it stands. */
  readonly occurrence?: Occurrence;
  /** Where it belongs in a distributed trace; undefined if nobody said so. */
  readonly trace?: { readonly traceparent: string; readonly tracestate?: string };
}

/** What may be handed over during an attempt: bytes of JSON, and how deep arrays and objects may lie in each other. */
export interface Limits {
  readonly payloadBytes: number;
  readonly resultBytes: number;
  readonly checkpointBytes: number;
  readonly progressBytes: number;
  readonly depth: number;
}

/** One attempt, handed to a thread. */
export interface RunOrder {
  /** Names the attempt for ever; what comes back for another one changes nothing. */
  readonly token: number;
  /** The URL of the handler's module, from the job's definition in code; never from stored data. */
  readonly module: string;
  readonly job: JobFacts;
  /** JSON, or undefined for no payload. */
  readonly payload: string | undefined;
  /** JSON, or undefined if no attempt has saved one. */
  readonly checkpoint: string | undefined;
  /** The results of the jobs it waited for, as the JSON of an object; undefined if it waited for none. */
  readonly results?: string | undefined;
  readonly limits: Limits;
}

/** Why a running attempt is asked to stop. */
export type AbortReason =
  | { readonly kind: 'cancelled'; readonly message?: string | undefined }
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  /** Ended for a reason of ours: `'closing'` unless `message` says otherwise. The job will run again. */
  | { readonly kind: 'interrupted'; readonly message?: string | undefined };

/** The error that the handler sees as `signal.reason`. */
export function abortError(reason: AbortReason, jobId: string): Error {
  switch (reason.kind) {
    case 'cancelled':
      return new JobCancelledError({ id: jobId, reason: reason.message });
    case 'timeout':
      return new AttemptTimeoutError(reason.timeoutMs);
    case 'interrupted':
      return new InterruptedError(reason.message);
  }
}

/** How an attempt ended, as far as the handler is concerned. The result is JSON. */
export type Outcome =
  { readonly ok: true; readonly result: string | undefined } | { readonly ok: false; readonly error: FlatError };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface SaveRequest {
  readonly kind: 'save';
  /** JSON. */
  readonly checkpoint: string;
}

export interface ExtendRequest {
  readonly kind: 'extend';
  readonly ms: number;
}

export interface EnqueueRequest {
  readonly kind: 'enqueue';
  /** Of a job whose definition the main side knows; its defaults are applied there. */
  readonly type: string;
  /** JSON, or undefined for no payload. */
  readonly payload: string | undefined;
  /** As the handler gave them, still to be checked. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Hold the job until this attempt completes its own, and store both ends in one commit. */
  readonly atEnd: boolean;
}

/** What a handler asks for and waits for. */
export type Request = SaveRequest | ExtendRequest | EnqueueRequest;

/** `value` is the id of the job that was enqueued. */
export type Answer =
  { readonly ok: true; readonly value?: string | undefined } | { readonly ok: false; readonly error: FlatError };

/** What a thread gets when it starts. */
export interface SessionStart {
  readonly port: MessagePort;
  /** Shared memory, seen by a busy loop that lets no message in. */
  readonly flags: Int32Array;
}

/** `aborted`: how many abort messages have been posted, wrapping at 32 bits. */
export const FLAG_ABORTED = 0;
/** `read`: how many progress and log messages the main side has read, wrapping at 32 bits. */
export const FLAG_READ = 1;
const FLAG_COUNT = 2;
/** How many places there are for attempts that lie ready; more of them are not handed to one thread. */
const PLACE_COUNT = 32;

export function newFlags(): Int32Array {
  return new Int32Array(new SharedArrayBuffer((FLAG_COUNT + PLACE_COUNT) * Int32Array.BYTES_PER_ELEMENT));
}

/** The number of the run after this one. Both sides count the orders that a thread is handed, from 1. */
export function numberAfter(number: number): number {
  return number === 0x7fff_ffff ? 1 : number + 1;
}

function placeOf(number: number): number {
  return FLAG_COUNT + (number % PLACE_COUNT);
}

/** Whether the run with this number can be laid ready: its place is not taken by an earlier one. */
export function isPlaceFree(flags: Int32Array, number: number): boolean {
  return Atomics.load(flags, placeOf(number)) === 0;
}

/** Before its order is posted. */
export function layReady(flags: Int32Array, number: number): void {
  Atomics.store(flags, placeOf(number), number);
}

/** Whether nobody has taken it yet. */
export function liesReady(flags: Int32Array, number: number): boolean {
  return Atomics.load(flags, placeOf(number)) === number;
}

/**
 * Takes a run that lies ready: the thread to begin it, the main side to take it back. Only one of them gets it, also when
 * the thread is in a loop that reads no message.
 */
export function take(flags: Int32Array, number: number): boolean {
  return Atomics.compareExchange(flags, placeOf(number), number, 0) === number;
}

/** How many progress and log messages may be under way at once; more of them wait in the thread. */
export const WINDOW = 64;

export type ToThread =
  /** To be carried out one after another, behind those that came before. */
  | { readonly kind: 'run'; readonly orders: readonly RunOrder[] }
  | { readonly kind: 'abort'; readonly token: number; readonly reason: AbortReason }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  /** Look again whether the last attempt left something behind. */
  | { readonly kind: 'look' }
  /** The window is open again: send what waits. */
  | { readonly kind: 'more' };

/** `left` names what an attempt left behind that can wake during the next one; undefined: the thread is clean. */
export type FromThread =
  | { readonly kind: 'loaded'; readonly token: number }
  | { readonly kind: 'progress'; readonly token: number; readonly text: string }
  | {
      readonly kind: 'log';
      readonly token: number;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: string | undefined;
    }
  | { readonly kind: 'request'; readonly token: number; readonly id: number; readonly request: Request }
  | {
      readonly kind: 'ended';
      readonly token: number;
      readonly outcome: Outcome;
      readonly left: string | undefined;
      /** How long its handler ran. */
      readonly ms: number;
    }
  /** An order came to a thread that had become dirty meanwhile; neither it nor those behind it are begun. */
  | { readonly kind: 'refused'; readonly left: string }
  | { readonly kind: 'looked'; readonly left: string | undefined }
  | { readonly kind: 'dirty'; readonly left: string }
  /** Our own code could not be loaded in the thread. */
  | { readonly kind: 'broken'; readonly problem: string };

/** The message, if it is one; undefined for whatever else somebody posted. */
export function readFromThread(value: unknown): FromThread | undefined {
  return isRecord(value) && isFromThread(value) ? (value as unknown as FromThread) : undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function isFromThread(message: Fields): boolean {
  switch (message['kind']) {
    case 'loaded':
      return isNumber(message['token']);
    case 'progress':
      return isNumber(message['token']) && isText(message['text']);
    case 'log':
      return (
        isNumber(message['token']) &&
        LOG_LEVELS.includes(message['level'] as LogLevel) &&
        isText(message['message']) &&
        isTextOrNothing(message['fields'])
      );
    case 'request':
      return isNumber(message['token']) && isNumber(message['id']) && isRequest(message['request']);
    case 'ended':
      return (
        isNumber(message['token']) &&
        isOutcome(message['outcome']) &&
        isTextOrNothing(message['left']) &&
        isNumber(message['ms'])
      );
    case 'looked':
      return isTextOrNothing(message['left']);
    case 'refused':
    case 'dirty':
      return isText(message['left']);
    case 'broken':
      return isText(message['problem']);
    default:
      return false;
  }
}

function isRequest(value: unknown): boolean {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'save':
      return isText(value['checkpoint']);
    case 'extend':
      return isNumber(value['ms']);
    case 'enqueue':
      return (
        isText(value['type']) &&
        isTextOrNothing(value['payload']) &&
        isRecord(value['options']) &&
        typeof value['atEnd'] === 'boolean'
      );
    default:
      return false;
  }
}

function isOutcome(value: unknown): boolean {
  if (!isRecord(value)) return false;
  return value['ok'] === true
    ? isTextOrNothing(value['result'])
    : value['ok'] === false && isFlatError(value['error'], 0);
}

const DEEPEST_CAUSE = 16;

function isFlatError(value: unknown, depth: number): boolean {
  return (
    isRecord(value) &&
    depth <= DEEPEST_CAUSE &&
    isText(value['name']) &&
    isText(value['message']) &&
    isTextOrNothing(value['stack']) &&
    isTextOrNothing(value['code']) &&
    (value['retryAfterMs'] === undefined || isNumber(value['retryAfterMs'])) &&
    (value['delayMs'] === undefined || isNumber(value['delayMs'])) &&
    (value['cause'] === undefined || isFlatError(value['cause'], depth + 1))
  );
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextOrNothing(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
