import type { Finding } from "../fault.ts";
import type { ServerId } from "../id.ts";
import { readJson } from "../json/read.ts";
import type { Policy } from "../policy/document.ts";
import type { LiveTool } from "../policy/misfit.ts";
import { review, reviewTeam } from "../policy/review.ts";
import { type LiveDefinition, listLiveTools } from "../store/live_tool.ts";
import type { TeamCall } from "./operation.ts";
import { toolsMax } from "./tool.ts";

/**
 * What to warn of when a policy meets the tools that its server has now, or (`server` null) the team's policy all of the
 * team's. Nothing where no look has seen a tool yet, nor where the team has more of them than a save may read.
 */
export async function liveWarnings(
  { db, team }: Pick<TeamCall<unknown, unknown>, "db" | "team">,
  server: ServerId | null,
  policy: Policy,
): Promise<Finding[]> {
  const found = await listLiveTools(db, team.id, server, toolsMax + 1);
  if (found.length > toolsMax) return [];
  const servers = [...Map.groupBy(found, (tool) => tool.server)].map(([name, tools]) => ({
    name,
    tools: tools.map(liveTool),
  }));
  if (server === null) return reviewTeam(policy, servers);
  return servers.flatMap(({ tools }) => review(policy, tools));
}

function liveTool({ name, category, definition }: LiveDefinition): LiveTool {
  const read = readJson(definition);
  const inputSchema = read.ok && read.value instanceof Map ? (read.value.get("inputSchema") ?? null) : null;
  return { name, category, inputSchema };
}
