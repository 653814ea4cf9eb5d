import { isFault } from "../fault.ts";
import { Bounded } from "./bounded.ts";
import { type IssuerKeys, readIssuerKeys } from "./issuer_keys.ts";

export interface IssuerKeyCacheDeps {
  /** The JSON document at an address, or why there is none. */
  readonly fetch: (url: string) => Promise<unknown>;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  /** Keeps the isolate for work behind the answer. */
  readonly behind: (work: Promise<void>) => void;
}

// Sooner than people notice that a new key is not taken, and one fetch however many bad kids come.
const betweenFetchesMs = 30_000;
const betweenFirstsMs = 5_000;
const waitMaxMs = 10_000;
const freshMs = 10 * 60_000;
/** How long keys count while their issuer does not answer: a key that it has withdrawn must end at some time. */
const staleMaxMs = 60 * 60_000;
const setsMax = 2_000;

interface Held {
  keys: IssuerKeys | null;
  fetchedAtMs: number;
  triedAtMs: number;
  /** When a key was missed, and asked for, last. */
  missedAtMs: number;
  loading: Promise<void> | null;
}

/**
 * Issuers' keys as this isolate knows them. `owner` keeps teams apart: what one team's look found never counts for
 * another. There is one fetch at a time for each; a key that is missed is asked for at once, and then for 30 s no more.
 */
export class IssuerKeyCache {
  readonly #deps: IssuerKeyCacheDeps;
  readonly #held = new Bounded<Held>(setsMax);

  constructor(deps: IssuerKeyCacheDeps) {
    this.#deps = deps;
  }

  /** The issuer's keys; null where none are known, or none that may still count. */
  async keys(owner: string, url: string): Promise<IssuerKeys | null> {
    const held = this.#of(owner, url);
    const age = this.#deps.now() - held.fetchedAtMs;
    if (!held.keys || age >= staleMaxMs) await this.#fetch(held, url);
    else if (age >= freshMs) void this.#fetch(held, url);
    return this.#deps.now() - held.fetchedAtMs < staleMaxMs ? held.keys : null;
  }

  /** The same where `seen` lacked a key: newer ones if there are any by now. */
  async newer(owner: string, url: string, seen: IssuerKeys): Promise<IssuerKeys | null> {
    const held = this.#of(owner, url);
    if (held.keys?.version !== seen.version) return held.keys;
    const nowMs = this.#deps.now();
    const due = nowMs - held.missedAtMs >= betweenFetchesMs;
    if (due) held.missedAtMs = nowMs;
    await this.#fetch(held, url, due);
    return held.keys;
  }

  #of(owner: string, url: string): Held {
    const name = `${owner} ${url}`;
    const known = this.#held.get(name);
    if (known) return known;
    const held: Held = { keys: null, fetchedAtMs: 0, triedAtMs: 0, missedAtMs: 0, loading: null };
    this.#held.set(name, held);
    return held;
  }

  /** Waits for the one fetch that is under way; one that its own request took with it is given up. */
  async #fetch(held: Held, url: string, atOnce = false): Promise<void> {
    const sinceMs = this.#deps.now() - held.triedAtMs;
    const due = sinceMs >= (held.keys ? betweenFetchesMs : betweenFirstsMs);
    if (due || (atOnce && !held.loading)) {
      held.triedAtMs = this.#deps.now();
      const loading = this.#load(held, url).finally(() => {
        if (held.loading === loading) held.loading = null;
      });
      held.loading = loading;
      this.#deps.behind(loading);
    }
    if (held.loading) await Promise.race([held.loading, this.#deps.wait(waitMaxMs)]);
  }

  async #load(held: Held, url: string): Promise<void> {
    const document = await this.#deps.fetch(url);
    const keys = isFault(document) ? null : readIssuerKeys(document);
    if (!keys) return;
    // The same keys keep what was imported of them.
    if (keys.version !== held.keys?.version) held.keys = keys;
    held.fetchedAtMs = this.#deps.now();
  }
}
