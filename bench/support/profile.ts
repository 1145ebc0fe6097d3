/** Where the time and the memory of a measurement go: V8's own profiles, taken of the measured part only. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { HeapProfiler, Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

export interface Profile {
  end(name: string): Promise<void>;
}

const SAMPLE_EVERY_US = 100;
const SAMPLE_EVERY_BYTES = 16 * 1024;

export async function beginProfile(folder: string): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_EVERY_BYTES,
    // What was collected meanwhile is what the collector had to do.
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as HeapProfiler.StartSamplingParameterType);
  await session.post('Profiler.start');
  return {
    async end(name) {
      const { profile: time } = await session.post('Profiler.stop');
      const { profile: heap } = await session.post('HeapProfiler.stopSampling');
      session.disconnect();
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${name}.cpuprofile`), JSON.stringify(time));
      writeFileSync(join(folder, `${name}.heapprofile`), JSON.stringify(heap));
      writeFileSync(join(folder, `${name}.txt`), `${timeReport(time)}\n\n${heapReport(heap)}\n`);
    },
  };
}

const ROWS = 40;

/** The functions in which the main thread was found most often, themselves and not those they called. */
export function timeReport({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): string {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const callers = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.callFrame] as const)),
  );
  const selfUs = new Map<string, number>();
  let totalUs = 0;
  for (const [index, id] of samples.entries()) {
    const us = Math.max(0, timeDeltas[index] ?? 0);
    const frame = frames.get(id);
    if (frame === undefined || isNoWork(frame)) continue;
    totalUs += us;
    add(selfUs, place(frame, callers.get(id)), us);
  }
  return ranking('Time of the main thread, idle left out', selfUs, totalUs, (us) => `${(us / 1000).toFixed(1)} ms`);
}

/** Waiting, and the profiler's own work. */
function isNoWork({ functionName, url }: Frame): boolean {
  return functionName === '(idle)' || (functionName === 'dispatch' && url === '') || url.startsWith('node:inspector');
}

/** The functions that allocated most, what was collected meanwhile included. */
export function heapReport({ head }: HeapProfiler.SamplingHeapProfile): string {
  const selfBytes = new Map<string, number>();
  let total = 0;
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, caller: Frame | undefined): void => {
    if (isNoWork(node.callFrame)) return;
    total += node.selfSize;
    add(selfBytes, place(node.callFrame, caller), node.selfSize);
    for (const child of node.children) visit(child, node.callFrame);
  };
  visit(head, undefined);
  return ranking('Allocated', selfBytes, total, (bytes) => `${(bytes / 1024).toFixed(0)} KiB`);
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** What is built in has no file, so it is told by whom it was called. */
function place(frame: Frame, caller: Frame | undefined): string {
  const { functionName, url, lineNumber } = frame;
  const name = functionName || '(anonymous)';
  if (url !== '') return `${name}  ${url.replace(/^.*\/(dist|node_modules)\//, '')}:${lineNumber + 1}`;
  return caller === undefined || /^\((root|program|garbage collector)\)$/.test(name)
    ? name
    : `${name}  called by ${place(caller, undefined)}`;
}

function ranking(title: string, sizes: Map<string, number>, total: number, text: (size: number) => string): string {
  const rows = [...sizes].sort(([, a], [, b]) => b - a).slice(0, ROWS);
  return [
    `${title}: ${text(total)}`,
    ...rows.map(
      ([name, size]) => `${((size / total) * 100).toFixed(1).padStart(5)} %  ${text(size).padStart(12)}  ${name}`,
    ),
  ].join('\n');
}

function add(sizes: Map<string, number>, key: string, size: number): void {
  sizes.set(key, (sizes.get(key) ?? 0) + size);
}
