/** The attempts that the runner has, by token: each until its end is durable and its slot is free. */
import { NumberMap } from '../job/number-map.ts';
import { AWAITS_SLOT, type Attempt } from './attempt.ts';

export class Attempts {
  readonly #byToken = new NumberMap<Attempt>();
  #idleWaiters: Array<() => void> = [];

  has(token: number): boolean {
    return this.#byToken.has(token);
  }

  get(token: number): Attempt | undefined {
    return this.#byToken.get(token);
  }

  values(): Attempt[] {
    return this.#byToken.values();
  }

  add(attempt: Attempt): void {
    this.#byToken.set(attempt.token, attempt);
  }

  /** It was not begun, and will not be. */
  forget({ token }: Attempt): void {
    this.#byToken.delete(token);
  }

  /** `AWAITS_END` or `AWAITS_SLOT` has come; with the second of them it is forgotten. */
  came(attempt: Attempt | undefined, what: number): void {
    if (attempt === undefined) return;
    attempt.awaits &= ~what;
    if (attempt.awaits === 0) this.#byToken.delete(attempt.token);
    if (this.#idleWaiters.length === 0 || !this.#isIdle()) return;
    for (const resolve of this.#idleWaiters) resolve();
    this.#idleWaiters = [];
  }

  /** Resolves when none runs any more, except inline handlers that ignored their signal and their grace. */
  whenIdle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #isIdle(): boolean {
    for (const attempt of this.#byToken.values()) if (!isAbandoned(attempt)) return false;
    return true;
  }
}

/** An inline handler that ignored its signal and its grace: its end is recorded, but nothing can make it stop. */
function isAbandoned(attempt: Attempt): boolean {
  return attempt.definition.lane === 'inline' && attempt.awaits === AWAITS_SLOT;
}
