/**
 * What takes part in the comparison. A contender is a way to open a queue; the questions drive all of them through the
 * same few calls, so that what is measured is the queue and not the way it was called.
 */
import type { Payload } from '../support/payload.ts';

export type ServerKind = 'redis-everysec' | 'redis-always' | 'postgres';

/** A server that was started for this measurement. */
export interface Server {
  readonly kind: ServerKind;
  readonly pid: number;
  /** Redis: where it listens on the loopback. */
  readonly port?: number;
  /** PostgreSQL: the folder of its socket, and who is known there. */
  readonly socketFolder?: string;
  readonly user?: string;
}

export interface Setup {
  /** An empty folder. */
  readonly folder: string;
  /** Unlike that of every other queue in this process. */
  readonly name: string;
  readonly server: Server | undefined;
  /** How many handlers may run at once, where the contender knows such a thing. */
  readonly concurrency: number;
  /** Called when a handler starts. Without it the queue only accepts jobs. */
  readonly handler?: (payload: Payload) => void;
  /** Jobs wait until `start` is called. Otherwise the queue runs them from the beginning. */
  readonly held?: boolean;
  /** Jobs will be enqueued for later moments. */
  readonly delays?: boolean;
}

export interface OpenQueue {
  /** When what this returns has resolved, the job is accepted, as durably as the contender promises. */
  enqueue(payload: Payload, dueAt?: number): unknown;
  /** Many at once, in the way the contender offers. */
  enqueueAll?(payloads: readonly Payload[]): unknown;
  /** Lets held jobs run. */
  start(): unknown;
  /** Holds those that come from now on, where a queue that was started can do that. None may be waiting. */
  hold?(): unknown;
  /** Resolves when `count` jobs have run in all and their ends are recorded. */
  settled(count: number): Promise<void>;
  close(): unknown;
}

/** What not every contender can do. */
export type Ability = 'bulk' | 'delay';

export interface Contender {
  readonly name: string;
  readonly title: string;
  /** `durable`: survives at least the death of the process. `memory` and `limit` are the bounds it is seen against. */
  readonly kind: 'holdfast' | 'durable' | 'memory' | 'limit';
  /** What is true when an enqueue has resolved. */
  readonly durability: string;
  /** The package in `bench/peers` whose version is stated; none for our own. */
  readonly package?: string;
  readonly server?: ServerKind;
  /** What it cannot do, and why. */
  readonly lacks: Readonly<Partial<Record<Ability, string>>>;
  /** How it was set up, where that is not the default. */
  readonly settings?: string;
  open(setup: Setup): Promise<OpenQueue>;
}
