/**
 * Engines for scenarios. Whatever a scenario does, afterwards its engine is closed, the log is read again, and what the
 * replay gives is held against what was in memory: every test of a job's life is also a test of its durability.
 *
 * There are two kinds. `openTestEngine` stands on a real folder and on the real clock. `openMovedEngine` stands on a
 * store in memory, whose writes can be held and refused, and on a clock that is moved by hand, so that a year of waiting
 * takes no time. Both can be restarted, and both can be killed: what a killed process leaves is what its store held.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Threads } from '../../src/actors/threads.ts';
import type { Engine, EventView, OpenOptions } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openHome } from '../../src/log/home.ts';
import type { MemoryFrames } from '../../src/log/memory-store.ts';
import { clockOn, createFakeClock, type FakeClock, type FakeClockOptions } from '../../src/kernel/fake-clock.ts';
import { beginLife, CACHE_BYTES, memoryHome, replayOfFolder, replayOfFrames, type Life } from './life.ts';
import { StoreGate } from './store-gate.ts';

/** Longer than the first pause before a store is opened again. */
const RECOVERY_MS = 1_000;
const A_CENTURY_MS = 100 * 365 * 86_400_000;

/** An engine that can be closed and opened again under the test. */
export interface TestEngine {
  /** The engine that is open now. */
  readonly jobs: Engine;
  /** Closes it, and holds what a replay gives against its memory. */
  close(): Promise<void>;
  /** The same, and opens it again, with these options or those of before. */
  restart(options?: OpenOptions): Promise<Engine>;
  /** Opens what a process leaves that is killed at this moment. The engine of before does nothing any more. */
  kill(options?: OpenOptions): Promise<Engine>;
}

export interface FolderEngine extends TestEngine {
  /** Where it is open now; a kill moves it. */
  readonly folder: string;
}

export interface MovedEngine extends TestEngine {
  readonly clock: FakeClock;
  readonly gate: StoreGate;
  /** Awaits `promise` while time goes on from alarm to alarm. */
  drive<Value>(promise: Promise<Value>): Promise<Value>;
}

/** An engine on a new folder in the system's place for temporary files. */
export async function openTestEngine(t: TestContext, options: OpenOptions = {}): Promise<FolderEngine> {
  const folders: string[] = [];
  let folder = await newFolder(folders);
  let current = options;
  let life: Life | undefined;
  t.after(async () => {
    await life?.end();
    for (const left of folders) await rm(left, { recursive: true, force: true });
  });
  const begin = async (): Promise<Engine> => {
    const place = folder;
    const system = systemClock({ keepAlive: current.keepAlive ?? true });
    const home = await openHome(place, system, { durability: 'disk', cacheBytes: CACHE_BYTES, ...current });
    life = await beginLife(home, system, current, () => replayOfFolder(place));
    return life.engine;
  };
  await begin();
  return {
    get jobs() {
      return (life as Life).engine;
    },
    get folder() {
      return folder;
    },
    close: async () => life?.end(),
    async restart(next = current) {
      await life?.end();
      current = next;
      return begin();
    },
    async kill(next = current) {
      const left = folder;
      folder = await newFolder(folders);
      await copyOfOpenFolder(left, folder);
      await life?.die();
      current = next;
      return begin();
    },
  };
}

export interface MovedOptions extends FakeClockOptions {
  /** Takes the place of real threads. */
  readonly threads?: Threads;
}

/** An engine on a store in memory and on a clock that the test moves. */
export async function openMovedEngine(
  t: TestContext,
  options: OpenOptions = {},
  { threads, ...time }: MovedOptions = {},
): Promise<MovedEngine> {
  const clock = createFakeClock(time);
  const gate = new StoreGate();
  let frames: MemoryFrames = new Map();
  let current = options;
  let life: Life | undefined;
  t.after(async () => {
    gate.release();
    gate.reads.release();
    if (life !== undefined) await drive(life.end());
  });
  const begin = async (): Promise<Engine> => {
    const own = frames;
    const home = memoryHome(own, gate, current.cacheBytes);
    life = await drive(
      beginLife(
        home,
        clockOn(clock),
        current,
        () => replayOfFrames(own),
        () => gate.hasRefused,
        threads,
      ),
    );
    return life.engine;
  };
  const drive = async <Value>(promise: Promise<Value>): Promise<Value> => {
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    promise.then(settled, settled);
    await clock.passUntil(() => isSettled, A_CENTURY_MS);
    return promise;
  };
  await begin();
  return {
    clock,
    gate,
    drive,
    get jobs() {
      return (life as Life).engine;
    },
    close: async () => (life === undefined ? undefined : drive(life.end())),
    async restart(next = current) {
      if (life !== undefined) await drive(life.end());
      current = next;
      return begin();
    },
    async kill(next = current) {
      frames = new Map(frames);
      // What was held back reaches only the store of the dead.
      gate.release();
      await life?.die();
      current = next;
      return begin();
    },
  };
}

async function newFolder(folders: string[]): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-scenario-')));
  folders.push(folder);
  return folder;
}

/**
 * What a kill leaves of an open folder. The lock is not touched, since closing any handle to it would lose it for the
 * engine that holds it; and the file that says who the owner is names a process that is alive.
 */
async function copyOfOpenFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (file) => !/[/\\](LOCK|reserve|owner\.[\d.]+)$/.test(file) });
}

/** A promise, and what resolves it. */
export interface Latch<Value = void> {
  readonly promise: Promise<Value>;
  open(value: Value): void;
}

export function latch<Value = void>(): Latch<Value> {
  let open: ((value: Value) => void) | undefined;
  const promise = new Promise<Value>((resolve) => (open = resolve));
  return { promise, open: (value) => open?.(value) };
}

/** The first event of this kind about this job, from the past or to come. */
export async function seen(jobs: Engine, id: string, kind: EventView['kind']): Promise<EventView> {
  for await (const event of jobs.events({ since: 0 })) if (event.id === id && event.kind === kind) return event;
  throw new Error(`The engine closed before ${id} was ${kind}.`);
}

/** What has happened to a job so far, in order. It leaves a job behind that never runs, to know where to stop. */
export async function storyOf(jobs: Engine, id: string): Promise<string[]> {
  const mark = await jobs.enqueue('test:mark');
  const story: string[] = [];
  for await (const event of jobs.events({ since: 0 })) {
    if (event.id === mark.id) break;
    if (event.id === id) story.push(event.kind);
  }
  return story;
}

/** Makes the write that `ask` causes fail, and gives the engine the time to recover. */
export async function failOnce(site: MovedEngine, how: 'lost' | 'stored', ask: () => Promise<unknown>): Promise<void> {
  site.gate.refuseNext(how);
  await assert.rejects(ask(), { code: 'HOLDFAST_OUTCOME_UNKNOWN' });
  await site.clock.pass(RECOVERY_MS);
}
