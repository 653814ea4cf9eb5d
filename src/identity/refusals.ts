import type { GrantId, ServerId, TeamId } from "../id.ts";

/** Where somebody was turned away. */
export type Surface = "gateway" | "login" | "control_plane";

/** How often a grant's token was refused although its signature holds: revoked, rotated or expired at its gate. */
export interface RefusedGrant {
  readonly team: TeamId;
  readonly grant: GrantId;
  readonly count: number;
  readonly sinceMs: number;
}

/** What a server asked of a client that the policy's `requests` refuse. */
export interface ServerAsk {
  readonly team: TeamId;
  readonly grant: GrantId;
  readonly server: ServerId;
  readonly rule: string;
}

/** How often it did. */
export interface RefusedAsk extends ServerAsk {
  readonly count: number;
  readonly sinceMs: number;
}

/** What the counts need from outside; `worker/parts.ts` fills it in. */
export interface RefusalsDeps {
  readonly saveUnknown: (counts: ReadonlyMap<Surface, number>) => Promise<void>;
  readonly tellTeam: (refused: RefusedGrant) => Promise<void>;
  readonly tellAsked: (refused: RefusedAsk) => Promise<void>;
  /** Keeps the isolate for work behind the answer. */
  readonly behind: (work: Promise<void>) => void;
  readonly wait: () => Promise<void>;
  readonly now: () => number;
}

const grantsMax = 1_000;

/**
 * Refused sign-ins, and what servers were refused, counted per isolate and written together, so that whoever hammers at the
 * door costs a row and not a row a try. A token that does not verify is only ever counted: it must not name what is written to.
 */
export class Refusals {
  readonly #deps: RefusalsDeps;
  #unknown = new Map<Surface, number>();
  #grants = new Map<GrantId, RefusedGrant>();
  #asks = new Map<string, RefusedAsk>();
  #waiting = false;

  constructor(deps: RefusalsDeps) {
    this.#deps = deps;
  }

  /** Counts somebody of whom nothing is known. */
  unknown(surface: Surface): void {
    this.#unknown.set(surface, (this.#unknown.get(surface) ?? 0) + 1);
    this.#flushLater();
  }

  /** Counts a bearer whose token verifies and yet does not stand. */
  grant(team: TeamId, grant: GrantId): void {
    const known = this.#grants.get(grant);
    if (!known && this.#grants.size >= grantsMax) {
      this.unknown("gateway");
      return;
    }
    const sinceMs = known?.sinceMs ?? this.#deps.now();
    this.#grants.set(grant, { team, grant, count: (known?.count ?? 0) + 1, sinceMs });
    this.#flushLater();
  }

  /** Counts a server that asked for more than it may: one entry for a grant, server and rule, however often it asks. */
  ask(asked: ServerAsk): void {
    const key = `${asked.grant} ${asked.server} ${asked.rule}`;
    const known = this.#asks.get(key);
    const sinceMs = known?.sinceMs ?? this.#deps.now();
    this.#asks.set(key, { ...asked, count: (known?.count ?? 0) + 1, sinceMs });
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#deps.behind(this.#deps.wait().then(() => this.#flush()));
  }

  async #flush(): Promise<void> {
    const { saveUnknown, tellTeam, tellAsked } = this.#deps;
    const [unknown, grants, asks] = [this.#unknown, this.#grants, this.#asks];
    [this.#unknown, this.#grants, this.#asks, this.#waiting] = [new Map(), new Map(), new Map(), false];
    const writes = [...[...grants.values()].map(tellTeam), ...[...asks.values()].map(tellAsked)];
    if (unknown.size > 0) writes.push(saveUnknown(unknown));
    for (const written of await Promise.allSettled(writes)) {
      if (written.status === "rejected") console.error("refusals went uncounted", written.reason);
    }
  }
}
