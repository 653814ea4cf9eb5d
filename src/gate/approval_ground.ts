import type { Basis, Ground } from "../approval/basis.ts";
import type { Json, JsonObject } from "../json/value.ts";
import type { Ask } from "./rpc.ts";
import type { PolicyText } from "./snapshot.ts";
import type { Compiled, CompiledRoute } from "./standing.ts";

/** What an approval of this call depends on, as it is now. */
export function basisOf(
  { snapshot }: Pick<Compiled, "snapshot">,
  { route }: Pick<CompiledRoute, "route">,
  ask: Pick<Ask, "targets">,
  args: JsonObject | undefined,
): Basis {
  const named = new Set(ask.targets.filter(({ kind }) => kind === "tool").map(({ name }) => name));
  // A batch names the tools that it calls as texts, so every tool whose name is such a text counts as one of them.
  if (args) addTexts(args, named);
  return {
    server: route.server.id,
    teamPolicy: revisionOf(snapshot.team.policy),
    serverPolicy: revisionOf(route.policy),
    definitions: Object.fromEntries(
      route.pins.filter(({ name }) => named.has(name)).map(({ name, hash }) => [name, hash]),
    ),
  };
}

/** How things stand by a snapshot. */
export const groundOf = ({ snapshot: { team, grant, routes } }: Pick<Compiled, "snapshot">): Ground => ({
  frozen: team.frozen !== "off",
  revoked: grant.revoked,
  teamPolicy: revisionOf(team.policy),
  servers: new Map(
    routes.map(({ server, policy, pins }) => [
      server.id,
      {
        policy: revisionOf(policy),
        definitions: new Map(pins.map(({ name, hash }) => [name, hash])),
      },
    ]),
  ),
});

const revisionOf = (policy: PolicyText | null): string | null => policy && `${policy.id} ${policy.revision}`;

function addTexts(value: Json, into: Set<string>): void {
  if (typeof value === "string") into.add(value);
  else if (Array.isArray(value)) for (const element of value) addTexts(element, into);
  else if (value instanceof Map) for (const member of value.values()) addTexts(member, into);
}
