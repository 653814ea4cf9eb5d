import type { ControlEntry } from "../audit/entry.ts";
import { type InForce, pushEdit } from "../gate/push.ts";
import { newId, type TeamId } from "../id.ts";
import { accessLifetimeMs, mintAccessToken } from "../identity/access_token.ts";
import { mintRefreshToken, refreshLifetimeMs } from "../identity/refresh_token.ts";
import { shardOf } from "../store/database.ts";
import { type Concern, commitEdit } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import { endFamily, type StandingFamily } from "../store/oauth_family.ts";
import type { OAuthCall } from "./deps.ts";
import { answerJson } from "./refusal.ts";

/** The one scope there is: what a client may do is the policy's to say. */
export const scope = "mcp";

/** Tokens of a sign-in that stands, as RFC 6749 §5.1 answers them. `generation` is null where there is no refresh token. */
export async function answerTokens(
  { deps, nowMs }: OAuthCall,
  family: StandingFamily,
  resource: string,
  generation: number | null,
): Promise<Response> {
  const { keys, origin, random } = deps;
  const at = { nowMs, random };
  const expiresAtMs = Math.min(nowMs + accessLifetimeMs, family.endsAt);
  const { grant, team, client, id } = family;
  const bearer = { grant, team, family: id, client, audience: resource, expiresAtMs };
  const renews = { family: id, expiresAtMs: Math.min(nowMs + refreshLifetimeMs, family.endsAt) };
  return answerJson({
    access_token: await mintAccessToken(bearer, family.scope, keys, origin, at),
    token_type: "Bearer",
    expires_in: Math.floor((expiresAtMs - nowMs) / 1000),
    ...(generation !== null && {
      refresh_token: await mintRefreshToken({ ...renews, generation }, keys, origin, at),
    }),
    scope: family.scope,
  });
}

type Event = Pick<ControlEntry, "actor" | "action" | "subject" | "detail">;

/** Commits a change and its event, then tells the gate and the team's log. Throws, with nothing written, where D1 refuses. */
export async function commit(
  { deps, nowMs, requestId }: OAuthCall,
  team: TeamId,
  concern: Concern,
  changes: readonly D1PreparedStatement[],
  event: Event,
): Promise<InForce> {
  const db = shardOf(team, deps.db);
  const entry: ControlEntry = {
    kind: "control",
    id: newId("evt", deps.random),
    atMs: nowMs,
    requestId,
    ...event,
  };
  const edit = await commitEdit(db, team, concern, nowMs, [...changes, insertEvent(db, team, entry)]);
  const inForce = await pushEdit({ db, gate: deps.gate }, edit);
  await deps.tell(team, [entry]);
  return inForce;
}

/** Ends a sign-in: every token that came from it is refused at the next request, once its gate has heard. */
export async function end(
  call: OAuthCall,
  { id, grant, team, client, endsAt }: StandingFamily,
  why: "revoked" | "code_used_twice" | "refresh_token_used_twice",
): Promise<InForce | null> {
  if (endsAt <= call.nowMs) return null;
  const changes = [endFamily(call.deps.db, team, id, call.nowMs)];
  return commit(call, team, { of: "grant", grant }, changes, {
    actor: "system",
    action: "sign_in.ended",
    subject: grant,
    detail: { client: client.slice(0, 300), family: id, why },
  });
}
