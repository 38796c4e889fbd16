// The end of a call that makes no progress.

/** Aborts a call after a time without progress, or when its caller cancels it. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #cancel = () => this.#controller.abort(this.#signal?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the time has passed. */
  hasPassed = false;

  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.#signal = signal;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#cancel, { once: true });
    this.restart();
  }

  /** The signal for `fetch`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time again, because the call makes progress. */
  readonly restart = (): void => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.hasPassed = true;
      this.#controller.abort();
    }, this.#timeout);
  };

  /** Stops the time until it is started again. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Ends the supervision. */
  end(): void {
    this.pause();
    this.#signal?.removeEventListener("abort", this.#cancel);
  }
}
