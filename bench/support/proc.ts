/** What Linux knows of processes. Everywhere else there is nothing to read, and the figures are left out (NaN). */
import { readFileSync, readdirSync } from 'node:fs';

/** Processor time of one thread in ms; without a thread, that of all threads of the process which still run. */
export function processorMs(pid: number, thread?: number): number {
  const threads = thread === undefined ? list(`/proc/${pid}/task`) : [String(thread)];
  return sum(threads.map((id) => Number(read(`/proc/${pid}/task/${id}/schedstat`).split(' ')[0] || NaN))) / 1e6;
}

/** How often a thread, or all, gave up the processor by themselves: each time, something had woken them before. */
export function wakeUps(pid: number, thread?: number): number {
  const count = (id: string): number =>
    Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(`/proc/${pid}/task/${id}/status`))?.[1] ?? NaN);
  return sum((thread === undefined ? list(`/proc/${pid}/task`) : [String(thread)]).map(count));
}

/** Bytes that the process made the system write to disks. */
export function bytesWritten(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? NaN);
}

/** The process and all that descend from it. */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const id of list('/proc').filter((name) => /^\d+$/.test(name))) {
    // The name of the program stands in brackets and may hold anything.
    const parent = Number(read(`/proc/${id}/stat`).split(') ').at(-1)?.split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(id)]);
  }
  const found: number[] = [pid];
  for (const member of found) found.push(...(children.get(member) ?? []));
  return found;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
