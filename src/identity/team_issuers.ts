import { createHash } from "node:crypto";
import { type Fault, fault, isFault } from "../fault.ts";
import type { Bearer } from "../gate/rpc.ts";
import type { Presented, Seen } from "../gate/subject.ts";
import type { GrantId, TeamId } from "../id.ts";
import type { Identity } from "../store/identity.ts";
import type { MappedBy } from "../store/subject.ts";
import { Bounded } from "./bounded.ts";
import type { Issuer } from "./issuer.ts";
import type { IssuerKeyCache } from "./issuer_key_cache.ts";
import {
  bearerTypes,
  clockSkewS,
  type Expected,
  isUnfit,
  readUnverified,
  type Verified,
  verifyIssuerToken,
} from "./issuer_token.ts";
import { fingerprintOf, mapClaims } from "./mapping.ts";
import { readIssuer } from "./read_issuer.ts";

/** What it takes to judge tokens of teams' own issuers. */
export interface TeamIssuersDeps {
  /** The identity of the team with that slug, from D1's primary. */
  readonly find: (teamSlug: string) => Promise<Identity | null>;
  /** Sees to it that a subject's grant is there (`gate/subject.ts`). */
  readonly see: (issuer: Issuer, presented: Presented) => Promise<Seen>;
  readonly keys: IssuerKeyCache;
  /** PUBLIC_ORIGIN: what we signed ourselves is nobody's issuer's. */
  readonly origin: string;
  readonly now: () => number;
}

/** Whom a token of a team's issuer speaks for. */
export interface SubjectBearer {
  readonly grant: GrantId;
  readonly team: TeamId;
  readonly bearer: Extract<Bearer, { kind: "subject" }>;
  readonly expiresAtMs: number;
}

/** What an assertion must be; `fits` is asked of one whose signature held, before anything comes of it. */
export interface AssertionChecks extends Pick<Expected, "audience" | "types"> {
  readonly fits: (verified: Verified, issuer: Issuer) => Promise<boolean>;
}

interface Remembered extends SubjectBearer {
  readonly keys: string;
  readonly untilMs: number;
}

/** A team's issuer as it was read last; `doubted`: something has said since that it may be another. */
interface Known {
  readonly issuer: Issuer | null;
  readonly readAtMs: number;
  readonly doubted: boolean;
}

const nameOf = (token: string, teamSlug: string): string =>
  `${teamSlug} ${createHash("sha256").update(token).digest("base64url")}`;

const rememberedMs = 60_000;
// However many bad tokens come, they have a team's identity read so often and no more.
const rereadMs = 1_000;
const teamsMax = 5_000;
const tokensMax = 5_000;
const subjectsMax = 20_000;

/**
 * The tokens of teams' own issuers, as this isolate knows them. `iss` is compared with the issuer of the URL's team and
 * looked up nowhere else, and nothing is addressed by a token before its signature held. A null is a token that does not
 * count.
 */
export class TeamIssuers {
  readonly #deps: TeamIssuersDeps;
  readonly #teams = new Bounded<Known>(teamsMax);
  readonly #tokens = new Bounded<Remembered>(tokensMax);
  readonly #subjects = new Bounded<{ grant: GrantId; mapped: MappedBy }>(subjectsMax);

  constructor(deps: TeamIssuersDeps) {
    this.#deps = deps;
  }

  /** Whom a bearer token speaks for at a gateway of that team. */
  async bearer(token: string, teamSlug: string): Promise<SubjectBearer | Fault | null> {
    const name = nameOf(token, teamSlug);
    const known = await this.#remembered(name, teamSlug);
    if (known) return known;
    const found = await this.#verified(token, teamSlug, bearerChecks);
    if (!found || isFault(found)) return found;
    const bearer = await this.#bearerOf(found, false);
    // Only the database knew that the team has another identity by now.
    if (bearer === outdated) return this.again(token, teamSlug);
    if (!isFault(bearer) && bearer) this.#remember(name, found, bearer);
    return bearer;
  }

  /** The same, once a gate has said that it knows better: nothing that is remembered counts. */
  async again(token: string, teamSlug: string): Promise<SubjectBearer | Fault | null> {
    await this.#read(teamSlug, 0);
    const found = await this.#verified(token, teamSlug, bearerChecks);
    if (!found || isFault(found)) return found;
    return this.#bearerOf(found, true);
  }

  /** Forgets a token that a gate does not know: its grant was revoked, or belongs to an identity that was removed. */
  doubt(token: string, teamSlug: string): void {
    this.#tokens.delete(nameOf(token, teamSlug));
    const known = this.#teams.get(teamSlug);
    if (known) this.#teams.set(teamSlug, { ...known, doubted: true });
  }

  /** The grant of whom an assertion speaks of (RFC 7523 §2.1); null where it does not count, and then nothing is made. */
  async assertion(
    token: string,
    teamSlug: string,
    { fits, ...checks }: AssertionChecks,
  ): Promise<Pick<SubjectBearer, "grant" | "team"> | Fault | null> {
    await this.#read(teamSlug, 0);
    const found = await this.#verified(token, teamSlug, () => checks);
    if (!found || isFault(found)) return found;
    return (await fits(found.verified, found.issuer)) ? this.#bearerOf(found, true) : null;
  }

  async #remembered(name: string, teamSlug: string): Promise<SubjectBearer | null> {
    const nowMs = this.#deps.now();
    const found = this.#tokens.get(name);
    if (!found || nowMs >= found.untilMs) return null;
    const issuer = await this.#read(teamSlug);
    if (issuer?.revision !== found.bearer.revision) return null;
    const keys = await this.#deps.keys.keys(issuer.team, issuer.jwksUri);
    return keys?.version === found.keys ? found : null;
  }

  #remember(name: string, { keys }: Found, bearer: SubjectBearer): void {
    const untilMs = Math.min(this.#deps.now() + rememberedMs, bearer.expiresAtMs);
    this.#tokens.set(name, { ...bearer, keys, untilMs });
  }

  /**
   * The team's issuer, read again where it was read longer ago. However old it is, its subjects' gates know of every change,
   * and so does the database before it writes: so D1 may be away.
   */
  async #read(teamSlug: string, ageMaxMs = Number.POSITIVE_INFINITY): Promise<Issuer | null> {
    const nowMs = this.#deps.now();
    const known = this.#teams.get(teamSlug);
    const ageMs = known?.doubted ? rereadMs : ageMaxMs;
    if (known && nowMs - known.readAtMs < Math.min(ageMs, ageMaxMs)) return known.issuer;
    const identity = await this.#deps.find(teamSlug);
    const issuer = identity && readIssuer(identity);
    this.#teams.set(teamSlug, { issuer, readAtMs: nowMs, doubted: false });
    return issuer;
  }

  async #verified(token: string, teamSlug: string, checks: ChecksOf): Promise<Found | Fault | null> {
    const read = readUnverified(token);
    if (isUnfit(read) || typeof read.claims["iss"] !== "string") return null;
    if (read.claims["iss"] === this.#deps.origin) return null;
    const issuer = await this.#read(teamSlug);
    const found = issuer && (await this.#check(token, issuer, checks));
    if (found) return found;
    // Perhaps the team has changed its identity since.
    const now = await this.#read(teamSlug, rereadMs);
    return now && now.revision !== issuer?.revision ? this.#check(token, now, checks) : null;
  }

  async #check(token: string, issuer: Issuer, checksOf: ChecksOf): Promise<Found | Fault | null> {
    const { keys: cache, now } = this.#deps;
    const expected: Expected = { ...issuer, ...checksOf(issuer) };
    const keys = await cache.keys(issuer.team, issuer.jwksUri);
    if (!keys) return noKeys;
    const verified = await verifyIssuerToken(token, expected, keys, now());
    if (!isUnfit(verified)) return { issuer, verified, keys: keys.version };
    if (!verified.unknownKey) return null;
    const newer = await cache.newer(issuer.team, issuer.jwksUri, keys);
    if (!newer || newer.version === keys.version) return null;
    const again = await verifyIssuerToken(token, expected, newer, now());
    return isUnfit(again) ? null : { issuer, verified: again, keys: newer.version };
  }

  async #bearerOf({ issuer, verified }: Found, anew: boolean): Promise<SubjectBearer | Fault | null> {
    const { sub, iat, exp, claims } = verified;
    const mapped = mapClaims(issuer.mapping, sub, claims);
    const presented: Presented = { sub, iat, mapped, fingerprint: fingerprintOf(mapped) };
    const name = JSON.stringify([issuer.team, issuer.issuer, sub]);
    const known = anew ? null : this.#subjects.get(name);
    const seen =
      known && isCurrent(known.mapped, issuer, presented) ? known : await this.#see(name, issuer, presented);
    if ("none" in seen) return whyNone(seen.none);
    const { fingerprint } = presented;
    const { issuer: iss, revision, team } = issuer;
    return {
      grant: seen.grant,
      team,
      bearer: { kind: "subject", issuer: iss, sub, iat, fingerprint, revision },
      expiresAtMs: (exp + clockSkewS) * 1000,
    };
  }

  async #see(name: string, issuer: Issuer, presented: Presented): Promise<Seen> {
    const seen = await this.#deps.see(issuer, presented);
    if (!("none" in seen)) this.#subjects.set(name, seen);
    return seen;
  }
}

/** A token whose signature held, by which issuer, and by which of its key sets. */
interface Found {
  readonly issuer: Issuer;
  readonly verified: Verified;
  readonly keys: string;
}

type ChecksOf = (issuer: Issuer) => Pick<Expected, "audience" | "types">;

const bearerChecks: ChecksOf = ({ audience }) => ({ audience, types: bearerTypes });

/** As the gate will judge it (`gate/standing.ts`). */
const isCurrent = (mapped: MappedBy, { revision }: Issuer, { iat, fingerprint }: Presented): boolean =>
  mapped.revision === revision && (mapped.fingerprint === fingerprint || iat < mapped.iat);

const outdated = fault("unavailable", "The team's identity provider is being changed right now. Try again.");

const noKeys = fault(
  "unavailable",
  "The keys of the team's identity provider cannot be read, so its tokens cannot be checked. Try again in a minute.",
);

/** What somebody is told whose token is good, and who gets in all the same not. */
function whyNone(none: Extract<Seen, { none: string }>["none"]): Fault | null {
  switch (none) {
    case "refused":
    case "superseded":
      return null;
    case "nothing":
      return fault(
        "forbidden",
        "The token is good, but no rule of the team's identity maps it to a server. An admin of the team can try it at POST /v1/teams/{team}/identity/test.",
      );
    case "full":
      return fault(
        "over_quota",
        "The team has as many people and machines of its identity provider as it may. An admin can revoke one's grant.",
      );
    case "stale":
      return outdated;
    case "away":
      return fault("unavailable", "The grant's gate cannot be told what the token says. Try again.");
  }
}
