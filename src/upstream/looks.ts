export interface LooksDeps {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
}

const restMs = 5_000;
// A look ends in 30 s; one that is older was lost with the request behind which it ran.
const lostMs = 45_000;

/**
 * Looks at servers that say, or show in a list, that their tools have changed: one at a time for each server and isolate,
 * with a rest between them. Whoever asks during a look is answered by the next one, so no change falls between two.
 */
export class Looks {
  readonly #deps: LooksDeps;
  readonly #running = new Map<string, { startedMs: number; again: boolean }>();

  constructor(deps: LooksDeps) {
    this.#deps = deps;
  }

  /** Looks, now or after the look that is under way. Never rejects; resolves when this request's share of the work is done. */
  async ask(server: string, look: () => Promise<void>): Promise<void> {
    const { now, wait } = this.#deps;
    const running = this.#running.get(server);
    if (running && now() - running.startedMs < lostMs) {
      running.again = true;
      return;
    }
    const own = { startedMs: now(), again: false };
    this.#running.set(server, own);
    do {
      own.startedMs = now();
      own.again = false;
      await look().catch((error) => console.error("a look failed", { server, error }));
      await wait(restMs);
    } while (own.again);
    if (this.#running.get(server) === own) this.#running.delete(server);
  }
}
