/**
 * What an actor is: a mailbox, private state that nobody else sees, and a `receive` that handles all messages that
 * arrived since the last call. It never awaits; asynchronous work comes back as a message.
 *
 * All actors of an engine share one `Turns`. The first message to an idle engine asks the clock for a turn of the
 * event loop; in it, actors receive until no mailbox holds anything, and then `quiet` is called once. So everything
 * that follows from one stimulus (enqueue, find a free slot, start) happens in one turn and is written by one commit.
 */
import type { Clock } from './clock.ts';

/** The address of an actor. */
export interface ActorRef<Message> {
  /** Puts a message into the mailbox; it is received in this turn or the next, in the order told. */
  tell(message: Message): void;
}

/** The mailbox itself, for whoever makes the actor. Addresses can be handed out before anybody serves the mailbox. */
export interface Mailbox<Message> extends ActorRef<Message> {
  /** From now on `receive` gets every message told since its last call, in order. Replaces who served before. */
  serve(receive: (messages: readonly Message[]) => void): void;
  /** Takes out the messages that were not received yet. */
  drain(): Message[];
  /** Nobody receives again: `refuse` gets what is in it now, and at once what is told later. */
  close(refuse: (message: Message) => void): void;
}

/** Told when `receive` or `quiet` throws: the state of the actor is not to be trusted any more. */
export type OnCrash = (actorName: string, error: unknown) => void;

interface Runnable {
  readonly name: string;
  isRunnable: boolean;
  deliver(): void;
}

/** How long one turn may go on, after its first delivery, before it lets the event loop serve others. */
const LONGEST_TURN_MS = 8;
/** How long the wall clock may stand still. */
const LONGEST_MOMENT_MS = 1;

export class Turns {
  /**
   * The clock for actors. Within a turn the wall clock stands still, for a millisecond or so: what follows from one
   * stimulus happens at one moment, and a look at the real clock takes as long as a good part of a job.
   */
  readonly clock: Clock;
  readonly #clock: Clock;
  readonly #onCrash: OnCrash;
  readonly #runnable: Runnable[] = [];
  /** The moment of this part of a turn; NaN before somebody asked for it, and outside of turns. */
  #now = Number.NaN;
  /** When the first delivery of the turn was over, and when its moment began, in monotonic ms. */
  #longSince = Number.NaN;
  #momentAt = Number.NaN;
  #quiet: () => void = () => undefined;
  #asked = false;
  #isWanted = false;
  #working = false;
  #stopped = false;

  constructor(clock: Clock, onCrash: OnCrash) {
    this.#clock = clock;
    this.#onCrash = onCrash;
    this.clock = {
      ...clock,
      now: () => {
        if (!this.#working) return clock.now();
        if (Number.isNaN(this.#now)) this.#now = clock.now();
        return this.#now;
      },
    };
  }

  /** Sets what is done when no mailbox holds anything; it may tell actors, which then receive in the same turn. */
  whenQuiet(quiet: () => void): void {
    this.#quiet = quiet;
  }

  /** Makes a mailbox. Messages wait in it until somebody serves it. */
  mailbox<Message>(name: string): Mailbox<Message> {
    let messages: Message[] = [];
    let receive: ((messages: readonly Message[]) => void) | undefined;
    let refuse: ((message: Message) => void) | undefined;
    const runnable: Runnable = {
      name,
      isRunnable: false,
      deliver: () => {
        // It may have been emptied since it asked to be served.
        if (receive === undefined || messages.length === 0) return;
        const received = messages;
        messages = [];
        receive(received);
      },
    };
    const wake = (): void => {
      if (runnable.isRunnable || receive === undefined) return;
      runnable.isRunnable = true;
      this.#runnable.push(runnable);
      this.#ask();
    };
    return {
      tell: (message) => {
        if (refuse !== undefined) {
          refuse(message);
          return;
        }
        messages.push(message);
        wake();
      },
      serve: (by) => {
        receive = by;
        if (messages.length > 0) wake();
      },
      drain: () => {
        const undelivered = messages;
        messages = [];
        return undelivered;
      },
      close: (by) => {
        refuse = by;
        const undelivered = messages;
        messages = [];
        for (const message of undelivered) by(message);
      },
    };
  }

  /** Works now instead of in the next turn of the event loop; for callbacks that are a turn of their own. */
  runNow(): void {
    this.#work();
  }

  /** No actor receives again. Messages told later are dropped, unless their mailbox is closed. */
  stop(): void {
    this.#stopped = true;
    this.#runnable.length = 0;
  }

  /** For `quiet`: it is called again in the next turn of the event loop, whether or not anybody is told anything. */
  again(): void {
    this.#isWanted = true;
  }

  #ask(): void {
    if (this.#asked || this.#working || this.#stopped) return;
    this.#asked = true;
    this.#clock.turn(() => {
      this.#asked = false;
      this.#work();
    });
  }

  #work(): void {
    if (this.#working || this.#stopped) return;
    this.#working = true;
    this.#isWanted = false;
    this.#now = Number.NaN;
    this.#longSince = Number.NaN;
    let current = 'quiet';
    try {
      do {
        for (let mailbox = this.#runnable.shift(); mailbox !== undefined; mailbox = this.#runnable.shift()) {
          mailbox.isRunnable = false;
          current = mailbox.name;
          mailbox.deliver();
          if (this.#runnable.length > 0 && this.#isLong()) break;
        }
        current = 'quiet';
        if (!this.#stopped) this.#quiet();
      } while (this.#runnable.length > 0 && !this.#isLong());
    } catch (error) {
      this.#onCrash(current, error);
    } finally {
      this.#working = false;
      if (this.#runnable.length > 0 || this.#isWanted) this.#ask();
    }
  }

  /** Asked only when there is more to do: a look at the clock costs as much as a short message. */
  #isLong(): boolean {
    const now = this.#clock.monotonic();
    if (Number.isNaN(this.#longSince)) this.#longSince = this.#momentAt = now;
    if (now - this.#momentAt >= LONGEST_MOMENT_MS) {
      this.#momentAt = now;
      this.#now = Number.NaN;
    }
    return now - this.#longSince > LONGEST_TURN_MS;
  }
}
