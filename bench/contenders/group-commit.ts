/**
 * The limit: the least that a durable queue must do, and nothing else. Jobs wait in an array, and what happens to them
 * is written as records; all records of a moment are one write, and there is one write at a time. A start and an
 * acknowledgement wait for theirs. No ids are looked up, no priority, no retry, no state that could be asked for.
 */
import { Count } from '../support/load.ts';
import type { Payload } from '../support/payload.ts';
import type { OpenQueue, Setup } from './contender.ts';

export interface Medium {
  /** Resolves when these bytes are on the disk. */
  write(bytes: Buffer): Promise<unknown>;
  close(): Promise<unknown>;
}

const HEADER_BYTES = 24;
const ENQUEUED = 1;
const STARTED = 2;
const COMPLETED = 3;

export function groupCommitQueue(medium: Medium, { handler, concurrency, held }: Setup): OpenQueue {
  let frame = Buffer.allocUnsafe(1 << 20);
  let length = 0;
  let accepted: Array<() => void> = [];
  let started: Payload[] = [];
  let waiting: Payload[] = [];
  let head = 0;
  let running = 0;
  let isHeld = held === true || handler === undefined;
  let isWriting = false;
  let isAsked = false;
  const kept = new Count();
  let ended = 0;

  function record(kind: number, body: string): void {
    const bodyBytes = Buffer.byteLength(body);
    if (length + HEADER_BYTES + bodyBytes > frame.length) {
      frame = Buffer.concat([frame, Buffer.allocUnsafe(frame.length + bodyBytes)]);
    }
    frame.fill(0, length, length + HEADER_BYTES);
    frame[length] = kind;
    frame.writeUInt32LE(bodyBytes, length + 4);
    frame.write(body, length + HEADER_BYTES);
    length += HEADER_BYTES + bodyBytes;
  }

  function ask(): void {
    if (isAsked || isWriting) return;
    isAsked = true;
    setImmediate(() => {
      isAsked = false;
      commit();
    });
  }

  function startNext(): void {
    while (!isHeld && running < concurrency && head < waiting.length) {
      running++;
      started.push(waiting[head++] as Payload);
      record(STARTED, '');
    }
    if (head > 10_000) {
      waiting = waiting.slice(head);
      head = 0;
    }
  }

  function commit(): void {
    startNext();
    if (isWriting || length === 0) return;
    isWriting = true;
    const [told, begun, endedNow] = [accepted, started, ended];
    accepted = [];
    started = [];
    ended = 0;
    const bytes = Buffer.from(frame.subarray(0, length));
    length = 0;
    medium.write(bytes).then(
      () => {
        isWriting = false;
        for (let index = 0; index < endedNow; index++) kept.add();
        for (const tell of told) tell();
        for (const payload of begun) {
          handler?.(payload);
          running--;
          ended++;
          record(COMPLETED, '');
        }
        // Those who were told may enqueue at once, and that should be in the next write.
        ask();
      },
      (error: unknown) => {
        throw error;
      },
    );
  }

  function accept(payload: Payload): void {
    record(ENQUEUED, JSON.stringify(payload));
    if (handler !== undefined) waiting.push(payload);
  }

  return {
    enqueue(payload) {
      accept(payload);
      ask();
      return new Promise<void>((resolve) => accepted.push(resolve));
    },
    enqueueAll(payloads) {
      for (const payload of payloads) accept(payload);
      ask();
      return new Promise<void>((resolve) => accepted.push(resolve));
    },
    start() {
      isHeld = false;
      ask();
    },
    hold() {
      isHeld = true;
    },
    settled: (count) => kept.reaches(count),
    close: () => medium.close(),
  };
}
