/** Has something done once `ms` have passed; what comes back calls that off. */
export type Arm = (ms: number, late: () => void) => () => void;

const ownTimer: Arm = (ms, late) => {
  const timer = setTimeout(late, ms);
  return () => clearTimeout(timer);
};

/** The answer, or a throw once `deadlineMs` have passed: a gate that does not answer in time has not allowed anything. */
export function inTime<T>(asked: PromiseLike<T>, deadlineMs: number, arm: Arm = ownTimer): Promise<T> {
  return new Promise((resolve, reject) => {
    const disarm = arm(deadlineMs, () => reject(new Error(`no answer in ${deadlineMs} ms`)));
    asked.then(
      (answer) => {
        disarm();
        resolve(answer);
      },
      (error: unknown) => {
        disarm();
        reject(error);
      },
    );
  });
}

/**
 * The deadlines of one request, which come one after another and nearly never pass: they share one timer, which is set anew
 * only where it rings before the deadline of the moment.
 */
export class Watch {
  #timer: ReturnType<typeof setTimeout> | null = null;
  #ringsAtMs = Number.POSITIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #late: (() => void) | null = null;

  readonly arm: Arm = (ms, late) => {
    if (this.#late) return ownTimer(ms, late);
    this.#late = late;
    this.#dueMs = Date.now() + ms;
    if (this.#dueMs < this.#ringsAtMs) this.#set(ms);
    return () => {
      if (this.#late === late) this.#late = null;
    };
  };

  #set(ms: number): void {
    this.close();
    this.#ringsAtMs = Date.now() + ms;
    this.#timer = setTimeout(() => this.#ring(), ms);
  }

  #ring(): void {
    const leftMs = this.#dueMs - this.#ringsAtMs;
    this.close();
    const late = this.#late;
    if (!late) return;
    if (leftMs > 0) this.#set(leftMs);
    else {
      this.#late = null;
      late();
    }
  }

  /** Nothing is awaited any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
  }
}
