import type { Policy } from "../policy/document.ts";
import type { ToolFacts } from "../policy/evaluate.ts";
import { type RefusedRequests, refusedRequests } from "../policy/method.ts";
import { ReadPolicies } from "./read_policies.ts";
import type { Bearer, Caller, Gone } from "./rpc.ts";
import type { PolicyText, Route, Snapshot, SubjectState } from "./snapshot.ts";

/** A route with its policy ready to evaluate; a null policy permits nothing. */
export interface CompiledRoute {
  readonly route: Route;
  readonly policy: Policy | null;
  readonly tools: ReadonlyMap<string, ToolFacts>;
  readonly refusedRequests: RefusedRequests;
}

/** A snapshot ready to decide by. */
export interface Compiled {
  readonly snapshot: Snapshot;
  readonly team: Policy | null;
  /** The team has a policy that cannot be read: everything is denied. */
  readonly teamBroken: boolean;
  readonly routes: ReadonlyMap<string, CompiledRoute>;
}

/** What everything is refused with where the team's policy cannot be read. */
export const teamUnreadable = {
  allowed: false,
  rule: "/team",
  reason: "The team's policy cannot be read by this version of the gateway.",
} as const;

/** Reads every policy of the snapshot once. One that this version cannot read denies all it covers. */
export function compile(snapshot: Snapshot): Compiled {
  const team = snapshot.team.policy ? compilePolicy(snapshot.team.policy) : null;
  const teamBroken = snapshot.team.policy !== null && team === null;
  const routes = snapshot.routes.map((route) => compileRoute(route, team, teamBroken));
  return {
    snapshot,
    team,
    teamBroken,
    routes: new Map(routes.map((compiled) => [compiled.route.server.slug, compiled])),
  };
}

function compileRoute(route: Route, team: Policy | null, teamBroken: boolean): CompiledRoute {
  const tools = route.pins.map((pin) => [pin.name, { category: pin.category, risk: pin.level }] as const);
  const policy = route.policy ? compilePolicy(route.policy) : null;
  const refused = refusedRequests(team, teamBroken ? null : policy);
  return { route, policy, tools: new Map(tools), refusedRequests: refused };
}

const policies = new ReadPolicies();

function compilePolicy(saved: PolicyText): Policy | null {
  const read = policies.read(saved.text);
  if (read.ok) return read.policy;
  console.error("a saved policy cannot be read", {
    id: saved.id,
    revision: saved.revision,
    errors: read.errors,
  });
  return null;
}

/** Whether a caller's token and route stand now. The Worker has verified the token; only the gate knows if it is revoked. */
export function stand(
  compiled: Compiled,
  caller: Caller,
  nowMs: number,
): { readonly route: CompiledRoute } | { readonly gone: Gone } {
  const { team, grant } = compiled.snapshot;
  if (grant.id !== caller.grant || team.id !== caller.team) return { gone: "token" };
  // Said so that nothing but a plain no, and a plain number, lets it stand.
  const grantStands = grant.revoked === false && nowMs < grant.expiresAtMs;
  if (!grantStands || !bearerStands(grant, caller.bearer, nowMs)) return { gone: "token" };
  // A sign-in of the subject's shows no claims: where the team reads them otherwise by now, it begins anew.
  if (caller.bearer.kind === "access" && grant.subject && !isCurrent(grant.subject)) return { gone: "token" };
  if (caller.bearer.kind === "subject" && !isMapped(grant.subject, caller.bearer)) return { gone: "mapping" };
  const route = compiled.routes.get(caller.serverSlug);
  return route && team.slug === caller.teamSlug ? { route } : { gone: "route" };
}

/** Each kind is looked for among its own: what the snapshot does not list does not stand. */
function bearerStands(
  { tokens, families, subject }: Snapshot["grant"],
  bearer: Bearer,
  nowMs: number,
): boolean {
  switch (bearer.kind) {
    case "token":
      return tokens.some(({ jti, notAfterMs }) => jti === bearer.jti && nowMs < notAfterMs);
    case "access":
      return families?.some(({ id, notAfterMs }) => id === bearer.family && nowMs < notAfterMs) === true;
    case "subject":
      return subject?.issuer === bearer.issuer && subject.sub === bearer.sub;
    default:
      return false;
  }
}

const isCurrent = ({ revision, mappedRevision }: SubjectState): boolean => revision === mappedRevision;

/**
 * Whether the grant says what the token's claims say, by the identity as it is now. A token that is older than the one
 * that changed the grant last changes nothing any more: it acts by the newer claims.
 */
const isMapped = (
  subject: SubjectState | undefined,
  { iat, fingerprint, revision }: Extract<Bearer, { kind: "subject" }>,
): boolean =>
  subject?.revision === revision &&
  subject.mappedRevision === revision &&
  (subject.fingerprint === fingerprint || iat < subject.mappedIat);
