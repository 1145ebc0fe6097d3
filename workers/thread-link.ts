import type { Link } from '../src/context.ts';
import { InvalidArgumentError, rebuildError } from '../src/errors.ts';
import { type Answer, FLAG_READ, type FromThread, type LogLevel, type Request, WINDOW } from '../src/protocol.ts';

/** Log lines that wait while the window is shut. A handler that logs faster than anybody reads loses the rest. */
const MAX_WAITING_LINES = 1_000;
/** Requests that are on their way at once; more of them wait here, in the memory of the thread that makes them. */
const MAX_ASKED = 100;

type Line = Extract<FromThread, { kind: 'log' }>;

interface Asked {
  readonly id: number;
  readonly request: Request;
  readonly answer: (value: string | undefined) => void;
  readonly refuse: (error: Error) => void;
}

/**
 * The way from the contexts of a thread to the engine, one for all attempts of the thread. What is asked is answered, in
 * order. What is only told (progress and log) goes through a window, so that a loop that reports every step costs the
 * main thread no more than a few messages at a time: of progress the latest is kept, of the log the first lines.
 */
export class ThreadLink implements Link {
  readonly #post: (message: FromThread) => void;
  readonly #flags: Int32Array;
  readonly #asked = new Map<number, Asked>();
  #toAsk: Asked[] = [];
  #token = 0;
  #askedCount = 0;
  /** How many messages have gone through the window, wrapping as the main side's count does. */
  #told = 0;
  #toldBefore = 0;
  #progress: string | undefined;
  #lines: Line[] = [];
  #droppedCount = 0;

  constructor(post: (message: FromThread) => void, flags: Int32Array) {
    this.#post = post;
    this.#flags = flags;
  }

  /** A new attempt: what an earlier one asked for is not answered any more, and its messages do not fill the window. */
  begin(token: number): void {
    this.#token = token;
    this.#asked.clear();
    this.#toldBefore = this.#told;
  }

  /** The end of the attempt: whatever it said is on its way before that. */
  end(): void {
    for (const asked of this.#toAsk) this.#ask(asked);
    this.#toAsk = [];
    this.#flush();
  }

  async save(checkpoint: string): Promise<void> {
    await this.#answerTo({ kind: 'save', checkpoint });
  }

  async extend(ms: number): Promise<void> {
    await this.#answerTo({ kind: 'extend', ms });
  }

  async enqueue(
    type: string,
    payload: string | undefined,
    options: Readonly<Record<string, unknown>>,
    atEnd: boolean,
  ): Promise<string> {
    const id = await this.#answerTo({ kind: 'enqueue', type, payload, options, atEnd });
    return id ?? '';
  }

  answered(id: number, answer: Answer): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    const next = this.#toAsk.shift();
    if (next !== undefined) this.#ask(next);
    if (answer.ok) asked.answer(answer.value);
    else asked.refuse(rebuildError(answer.error));
  }

  progress(text: string): void {
    this.#progress = text;
    if (this.#isOpen()) this.#tellProgress();
  }

  log(level: LogLevel, message: string, fields: string | undefined): void {
    const line: Line = { kind: 'log', token: this.#token, level, message, fields };
    if (this.#lines.length === 0 && this.#isOpen()) this.#tell(line);
    else if (this.#lines.length < MAX_WAITING_LINES) this.#lines.push(line);
    else this.#droppedCount += 1;
  }

  /** The window is open again. */
  more(): void {
    const sent = this.#lines.findIndex((line) => {
      if (!this.#isOpen()) return true;
      this.#tell(line);
      return false;
    });
    this.#lines = sent === -1 ? [] : this.#lines.slice(sent);
    if (this.#isOpen()) this.#tellProgress();
  }

  #answerTo(request: Request): Promise<string | undefined> {
    return new Promise((answer, refuse) => {
      this.#askedCount += 1;
      const asked: Asked = { id: this.#askedCount, request, answer, refuse };
      if (this.#asked.size < MAX_ASKED && this.#toAsk.length === 0) this.#ask(asked);
      else this.#toAsk.push(asked);
    });
  }

  #ask(asked: Asked): void {
    const { id, request } = asked;
    this.#flush();
    try {
      this.#post({ kind: 'request', token: this.#token, id, request });
      this.#asked.set(id, asked);
    } catch (cause) {
      // Only the options of `enqueue` are not ours, so only they can hold what cannot be cloned.
      asked.refuse(new InvalidArgumentError({ field: 'options', expected: 'plain data', got: request, cause }));
    }
  }

  /** Sends what waits, window or not: what was reported before a request or the end has to come before it. */
  #flush(): void {
    for (const line of this.#lines) this.#tell(line);
    this.#lines = [];
    if (this.#droppedCount > 0) {
      const message = `${this.#droppedCount} log lines were dropped: they came faster than they could be read.`;
      this.#tell({ kind: 'log', token: this.#token, level: 'warn', message, fields: undefined });
      this.#droppedCount = 0;
    }
    this.#tellProgress();
  }

  #isOpen(): boolean {
    const unread = (this.#told - Atomics.load(this.#flags, FLAG_READ)) | 0;
    return Math.min(unread, (this.#told - this.#toldBefore) | 0) < WINDOW;
  }

  #tellProgress(): void {
    if (this.#progress === undefined) return;
    this.#tell({ kind: 'progress', token: this.#token, text: this.#progress });
    this.#progress = undefined;
  }

  #tell(message: FromThread): void {
    this.#told = (this.#told + 1) | 0;
    this.#post(message);
  }
}
