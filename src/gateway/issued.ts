import { isFault } from "../fault.ts";
import type { GateStub } from "../gate/rpc.ts";
import { seeSubject } from "../gate/subject.ts";
import type { GrantId, Random } from "../id.ts";
import { IssuerKeyCache } from "../identity/issuer_key_cache.ts";
import { TeamIssuers } from "../identity/team_issuers.ts";
import type { Db } from "../store/database.ts";
import { findIdentityAt } from "../store/identity.ts";
import { readDocument } from "../upstream/document.ts";
import type { FetchDeps } from "../upstream/fetch.ts";
import { type Issued, unauthenticated } from "./authenticate.ts";
import { type SecondLook, SubjectGate } from "./subject_gate.ts";

/** What tokens of teams' own issuers need from outside; `worker/parts.ts` fills it in. */
export interface IssuedDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => GateStub;
  readonly fetch: FetchDeps;
  readonly origin: string;
  readonly random: Random;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly behind: (work: Promise<void>) => void;
}

/** What an isolate knows of teams' issuers: one of it, so that a flood costs as little as it can. */
export function teamIssuers(deps: IssuedDeps): TeamIssuers {
  const { db, fetch, origin, now } = deps;
  return new TeamIssuers({
    find: (slug) => findIdentityAt(db, slug),
    see: (issuer, presented) => seeSubject(deps, issuer, presented),
    keys: new IssuerKeyCache({ ...deps, fetch: (url) => readDocument(fetch, url) }),
    origin,
    now,
  });
}

/** Lets tokens of teams' own issuers in at the gateways of their team. */
export const issuedBy =
  (issuers: Pick<TeamIssuers, "bearer" | "again" | "doubt">): Issued =>
  async (token, { teamSlug }) => {
    const found = await issuers.bearer(token, teamSlug);
    if (!found || isFault(found)) return found ?? unauthenticated;
    const look: SecondLook = {
      again: () => issuers.again(token, teamSlug),
      doubt: () => issuers.doubt(token, teamSlug),
    };
    return { ...found, audience: null, through: (gate) => new SubjectGate(gate, found, look) };
  };
