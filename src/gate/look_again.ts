import type { ControlEntry } from "../audit/entry.ts";
import { type Fault, isFault } from "../fault.ts";
import { newId, type Random, type ServerId, type TeamId } from "../id.ts";
import { commitEdit } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import { recordFailedLook } from "../store/server.ts";
import { recordLook, type SeenTool } from "../store/tool.ts";
import { type PushDeps, pushEdit } from "./push.ts";

/** What a look at a server found, as `upstream/enrol.ts` says it. */
type Look =
  | { readonly state: "ready"; readonly tools: readonly SeenTool[] }
  | {
      readonly state: "pending";
      readonly why: "unreachable" | "not_mcp" | "needs_sign_in";
      readonly detail: string;
    };

/**
 * Stores what a look found, and tells the gates: the first look pins every tool, a later one holds back those that
 * changed. A look that failed changes nothing but the reason that people are shown.
 */
export async function storeLook(
  deps: PushDeps & { readonly random: Random },
  team: TeamId,
  server: ServerId,
  look: Look | Fault,
  nowMs: number,
): Promise<void> {
  if (isFault(look)) return;
  if (look.state === "pending") {
    await recordFailedLook(deps.db, team, server, look).run();
    return;
  }
  // The cron hands it to the log: this runs behind an agent's request, which must not wait for more than its gates.
  const event: ControlEntry = {
    kind: "control",
    id: newId("evt", deps.random),
    atMs: nowMs,
    requestId: "",
    actor: "system",
    action: "server.looked_at",
    subject: server,
    detail: { tools: look.tools.length },
  };
  const changes = [...recordLook(deps.db, team, server, look.tools), insertEvent(deps.db, team, event)];
  await pushEdit(deps, await commitEdit(deps.db, team, { of: "server", server }, nowMs, changes));
}
