/** A job that was accepted. */
export class JobHandle<Result> {
  readonly id: string;
  /** Whether the call stored it; false for a job that was there before and stands for the one that was asked for. */
  readonly isNew: boolean;
  readonly #wait: (id: string) => Promise<unknown>;

  constructor(id: string, wait: (id: string) => Promise<unknown>, isNew = true) {
    this.id = id;
    this.isNew = isNew;
    this.#wait = wait;
  }

  /**
   * Resolves with what the handler returned. Rejects with `JobFailedError` (its `cause` is the handler's last error),
   * `JobCancelledError`, `JobNotFoundError` if retention has forgotten the job, or `EngineClosedError`. Never hangs.
   */
  result(): Promise<Result> {
    return this.#wait(this.id) as Promise<Result>;
  }
}
