import { resourceOf } from "../identity/access_token.ts";
import { findMachineClient, listGateways } from "../store/machine_client.ts";
import { findFamily } from "../store/oauth_family.ts";
import { unproved } from "./client_auth.ts";
import { answerTokens } from "./family.ts";
import { refuse } from "./refusal.ts";
import { type GrantType, proveMachine } from "./signed_in.ts";

const ended = refuse(
  "invalid_grant",
  "The grant of this client was revoked or has expired. Ask an admin of the team.",
);
const noResource = refuse(
  "invalid_target",
  "Send resource: the gateway URL of one of the grant's servers, such as https://.../mcp/team/server.",
);

/** RFC 6749 §4.4: a machine that an admin of its team has given a client. */
export const signInMachine: GrantType = async (call, form, credentials) => {
  const { deps, nowMs } = call;
  const machine = await findMachineClient(deps.db, credentials.clientId);
  if (!machine) return unproved;
  const refused = await proveMachine(call, machine, credentials);
  if (refused) return refused;
  const family = await findFamily(deps.db, machine.family);
  if (!family || family.endsAt <= nowMs) return ended;
  const gateways = await listGateways(deps.db, machine.team, machine.grant);
  const resources = gateways.map(({ teamSlug, serverSlug }) => resourceOf(deps.origin, teamSlug, serverSlug));
  const [only, ...more] = resources;
  const resource = form.get("resource") ?? (more.length === 0 ? only : undefined);
  return resource !== undefined && resources.includes(resource)
    ? answerTokens(call, family, resource, null)
    : noResource;
};
