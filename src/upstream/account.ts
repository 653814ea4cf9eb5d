import { DurableObject } from "cloudflare:workers";
import { type Fault, fault, isFault } from "../fault.ts";
import type { Sealed } from "../gate/snapshot.ts";
import type { ConnectionId, Random, ServerId, TeamId, UserId } from "../id.ts";
import type { MasterKeys } from "./aead.ts";
import { coversScope, joinScopes } from "./challenge.ts";
import type { FetchDeps } from "./fetch.ts";
import { refreshTokens, revokeToken, type Source, type Tokens } from "./token_request.ts";
import { open, seal, type Where } from "./vault.ts";

/** Whose account it is, and where. */
export interface Whose {
  readonly connection: ConnectionId;
  readonly team: TeamId;
  readonly server: ServerId;
  /** null: the team's. */
  readonly member: UserId | null;
}

/** What signing in gave. Secrets. */
export interface Held {
  readonly source: Source;
  readonly tokens: Tokens;
}

/** An access token that may be sent to the origin that was asked for. A secret. */
export interface Access {
  readonly token: string;
  readonly scope: string;
  /** Until then it need not be asked for again. */
  readonly freshUntilMs: number;
}

/** Why somebody has to sign in again. */
export interface Need {
  readonly detail: string;
  /** The scope that the server asks for besides. */
  readonly wanted: string | null;
}

export interface AccountDeps {
  readonly master: MasterKeys;
  readonly fetch: FetchDeps;
  /** Writes down, and tells, that somebody has to sign in again. */
  readonly note: (whose: Whose, need: Need) => Promise<void>;
  /** A team's data key, wrapped; null where the team is gone. */
  readonly dataKey: (team: TeamId) => Promise<Sealed | null>;
  readonly now: () => number;
  readonly random: Random;
}

/** The methods of an UpstreamAccount, as an RPC stub offers them. */
export interface AccountStub {
  adopt(whose: Whose, wrappedKey: Sealed, held: Held): Promise<void>;
  access(asked: Asked): Promise<Access | Fault>;
  want(scope: string): Promise<void>;
  forget(): Promise<void>;
}

export interface Asked {
  /** Where the token would be sent. */
  readonly origin: string;
  readonly wrappedKey: Sealed;
  /** The token that the server has just refused; null where none was. */
  readonly refused: string | null;
}

interface Kept {
  readonly whose: Whose;
  /** `Held`, sealed under the team's data key. */
  readonly sealed: Sealed;
  readonly wanted: string | null;
  /** Why nothing more is to be had by it; null while it works. */
  readonly ended: string | null;
  /** What nobody has been told of yet. */
  readonly untold: Need | null;
}

const key = "account";
const pauseMs = 5_000;
// A server that refuses every token must not have each refusal cost a renewal.
const refusalsApartMs = 30_000;
// An authorization server that does not say how long its token is good for.
const unsaidMs = 10 * 60_000;

/**
 * One connected account: its tokens, sealed, and whoever renews them. However many calls find the token near its end, one
 * request goes to the authorization server, and all wait for it: a refresh token that rotates is good for one use.
 */
export class Account extends DurableObject<unknown> implements AccountStub {
  readonly #deps: AccountDeps;
  #kept: Kept | null;
  #renewing: Promise<Access | Fault> | null = null;
  #pausedUntilMs = 0;
  #renewedAtMs = 0;

  constructor(ctx: DurableObjectState, env: unknown, deps: AccountDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#kept = ctx.storage.kv.get<Kept>(key) ?? null;
  }

  /** Takes the tokens of a new connection. */
  async adopt(whose: Whose, wrappedKey: Sealed, held: Held): Promise<void> {
    const sealed = await this.#seal(whose, wrappedKey, held);
    this.#keep({ whose, sealed, wanted: null, ended: null, untold: null });
  }

  /** A token that works at that origin, renewed if need be; `needs_sign_in` where there is none to be had. */
  async access(asked: Asked): Promise<Access | Fault> {
    for (;;) {
      const kept = this.#kept;
      if (!kept) return gone;
      await this.#tell(kept);
      if (kept.ended !== null) return needsSignIn(kept.ended);
      const held = await this.#open(kept, asked.wrappedKey);
      // Others had their turns meanwhile: what was opened may be a refresh token that is used up.
      if (kept.sealed !== this.#kept?.sealed) continue;
      if (isFault(held)) return held;
      if (held.source.origin !== asked.origin) return gone;
      const usable = this.#usable(held.tokens, asked.refused);
      if (usable) return usable;
      this.#renewing ??= this.#renew(held, asked).finally(() => {
        this.#renewing = null;
      });
      return this.#renewing;
    }
  }

  /** Notes that the server asks for more than was granted; what works goes on working. */
  async want(scope: string): Promise<void> {
    const kept = this.#kept;
    if (!kept || kept.ended !== null || (kept.wanted !== null && coversScope(kept.wanted, scope))) return;
    const wanted = joinScopes(kept.wanted, scope);
    // More than a scope may be: a server that goes on asking is not written down again.
    if (wanted === kept.wanted) return;
    const need = { detail: `A call needs more access than was granted: ${wanted}`, wanted };
    await this.#tell(this.#keep({ ...kept, wanted, untold: need }));
  }

  /** Empties the account, and asks the authorization server to forget its tokens too while the team is there to open them. */
  async forget(): Promise<void> {
    await this.#renewing?.catch(() => undefined);
    const kept = this.#kept;
    this.#kept = null;
    await this.ctx.storage.deleteAll();
    const wrappedKey = kept && (await this.#deps.dataKey(kept.whose.team));
    if (!kept || wrappedKey === null) return;
    const held = await this.#open(kept, wrappedKey);
    if (isFault(held)) return;
    const { source, tokens } = held;
    const { fetch } = this.#deps;
    // RFC 7009 §2.1: with a refresh token go its access tokens.
    await (tokens.refresh === null
      ? revokeToken(fetch, source, tokens.access, "access_token")
      : revokeToken(fetch, source, tokens.refresh, "refresh_token"));
  }

  #usable({ access, scope, refresh, expiresAtMs, renewAtMs }: Tokens, refused: string | null): Access | null {
    const nowMs = this.#deps.now();
    const untilMs = refresh === null ? expiresAtMs : renewAtMs;
    if (access === refused || (untilMs !== null && nowMs >= untilMs)) return null;
    return { token: access, scope, freshUntilMs: untilMs ?? nowMs + unsaidMs };
  }

  async #renew({ source, tokens }: Held, asked: Asked): Promise<Access | Fault> {
    const { fetch, now } = this.#deps;
    const nowMs = now();
    const lasts = tokens.expiresAtMs === null || nowMs < tokens.expiresAtMs;
    const stillGood = lasts && tokens.access !== asked.refused;
    const meanwhile = { token: tokens.access, scope: tokens.scope, freshUntilMs: nowMs };
    if (tokens.refresh === null)
      return lasts ? nothingNewer : this.#end("Access has run out, and nothing renews it.");
    if (asked.refused !== null && nowMs - this.#renewedAtMs < refusalsApartMs) return nothingNewer;
    if (nowMs < this.#pausedUntilMs) return stillGood ? meanwhile : away;
    const renewed = await refreshTokens(fetch, source, { ...tokens, refresh: tokens.refresh }, nowMs);
    if (isFault(renewed)) {
      if (renewed.ended) return this.#end(renewed.detail);
      this.#pausedUntilMs = now() + pauseMs;
      return stillGood ? meanwhile : away;
    }
    this.#renewedAtMs = now();
    const kept = this.#kept;
    if (!kept) return gone;
    const sealed = await this.#seal(kept.whose, asked.wrappedKey, { source, tokens: renewed });
    if (!this.#kept) return gone;
    this.#keep({ ...this.#kept, sealed });
    return this.#usable(renewed, null) ?? { ...meanwhile, token: renewed.access };
  }

  async #end(detail: string): Promise<Fault> {
    if (!this.#kept) return gone;
    await this.#tell(this.#keep({ ...this.#kept, ended: detail, untold: { detail, wanted: null } }));
    return needsSignIn(detail);
  }

  /** Tells what is untold; where that fails, the next who asks tries again. */
  async #tell({ whose, untold }: Kept): Promise<void> {
    if (!untold) return;
    try {
      await this.#deps.note(whose, untold);
    } catch (error) {
      console.error("an account's state is not written", { ...whose, error });
      return;
    }
    if (this.#kept?.untold === untold) this.#keep({ ...this.#kept, untold: null });
  }

  #keep(kept: Kept): Kept {
    this.#kept = kept;
    this.ctx.storage.kv.put(key, kept);
    return kept;
  }

  #seal(whose: Whose, wrappedKey: Sealed, held: Held): Promise<Sealed> {
    const { master, random } = this.#deps;
    return seal(master, wrappedKey, placeOf(whose), JSON.stringify(held), random);
  }

  async #open({ whose, sealed }: Kept, wrappedKey: Sealed): Promise<Held | Fault> {
    const text = await open(this.#deps.master, wrappedKey, placeOf(whose), sealed);
    // Authenticated: only `#seal` can have written it.
    return isFault(text) ? text : (JSON.parse(text) as Held);
  }
}

const placeOf = ({ team, server, member, connection }: Whose): Where => ({
  team,
  server,
  member,
  field: `account ${connection}`,
});

const needsSignIn = (why: string): Fault =>
  fault("needs_sign_in", `The account at this server has to be connected again. ${why}`);
const gone = fault("needs_sign_in", "The account at this server is not connected any more.");
const nothingNewer = fault(
  "upstream_bad",
  "The server refuses the account's token, and there is no newer one.",
);
const away = fault(
  "upstream_unreachable",
  "The account's access has run out, and the authorization server that renews it does not answer as it should. Try again shortly.",
);
