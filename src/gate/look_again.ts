import type { ControlEntry } from "../audit/entry.ts";
import { type Fault, isFault } from "../fault.ts";
import { newId, type Random, type ServerId, type TeamId } from "../id.ts";
import { disguisesOf, lookAlikesAmong } from "../risk/disguise.ts";
import type { Db } from "../store/database.ts";
import { commitEdit } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import { enqueueOne } from "../store/hook_delivery.ts";
import {
  endTrouble,
  findServer,
  recordSight,
  recordTrouble,
  type Server,
  type Trouble,
} from "../store/server.ts";
import { listSightings, listToolNames, recordLook, type SeenTool, type Sighting } from "../store/tool.ts";
import { driftHappening } from "./notice.ts";
import { type PushDeps, pushEdit } from "./push.ts";

/** What a look at a server found, as `upstream/enrol.ts` says it. */
type Look =
  | { readonly state: "ready"; readonly tools: readonly SeenTool[] }
  | { readonly state: "pending"; readonly why: Trouble["why"]; readonly detail: string };

/** The tools by name whose definition is another than the look before saw: each change of a tool is told once. */
export interface Drift {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly gone: readonly string[];
  /** The server accepts by itself, and this look is harmless enough for it. */
  readonly accepted: boolean;
}

/** How a look is stored. `drift` is null where it is the first one, failed, or saw nothing new; `edit` says whether gates must hear of it. */
export interface Stored {
  readonly drift: Drift | null;
  readonly edit: boolean;
  readonly changes: readonly D1PreparedStatement[];
}

/** What must be written after a look: it compares with the one before and writes nothing itself. */
export async function changesOf(
  db: Db,
  server: Pick<Server, "team" | "id" | "url" | "slug" | "pending" | "autoAccept">,
  look: Look,
  nowMs: number,
): Promise<Stored> {
  const { team, id } = server;
  if (look.state === "pending") {
    const trouble = { why: look.why, detail: look.detail, sinceMs: nowMs };
    return { drift: null, edit: false, changes: [recordTrouble(db, team, id, trouble)] };
  }
  const before = await listSightings(db, team, id);
  if (!server.pending && same(before, look.tools)) {
    return { drift: null, edit: false, changes: [recordSight(db, server, nowMs)] };
  }
  const drift = driftOf(before, look.tools);
  const harmless = server.autoAccept && (await isHarmless(db, server, look.tools, drift.added));
  const changes = recordLook(db, server, look.tools, { harmless, nowMs });
  if (server.pending) return { drift: null, edit: true, changes };
  if (!harmless && drift.changed.length + drift.added.length > 0) {
    changes.push(enqueueOne(db, team, driftHappening(server, drift, nowMs), nowMs));
  }
  return { drift: { ...drift, accepted: harmless }, edit: true, changes };
}

function same(before: readonly Sighting[], seen: readonly SeenTool[]): boolean {
  const known = new Map(before.filter((tool) => tool.seenHash !== null).map((tool) => [tool.name, tool]));
  return (
    known.size === seen.length &&
    seen.every(({ name, hash, category, level }) => {
      const tool = known.get(name);
      return tool?.seenHash === hash && tool.category === category && tool.level === level;
    })
  );
}

function driftOf(before: readonly Sighting[], seen: readonly SeenTool[]): Omit<Drift, "accepted"> {
  const known = new Map(before.map((tool) => [tool.name, tool]));
  const others = seen.filter(({ name, hash }) => {
    const tool = known.get(name);
    return tool?.seenHash !== hash && tool?.pinnedHash !== hash;
  });
  const isNew = ({ name }: SeenTool): boolean => !known.get(name)?.pinnedHash;
  const now = new Set(seen.map(({ name }) => name));
  return {
    changed: others.filter((tool) => !isNew(tool)).map(({ name }) => name),
    added: others.filter(isNew).map(({ name }) => name),
    gone: before.filter(({ name, seenHash }) => seenHash !== null && !now.has(name)).map(({ name }) => name),
  };
}

const namesMax = 20_000;

/** Whether nobody need look at it: every tool only reads, and none hides anything or could be mistaken for another. */
async function isHarmless(
  db: Db,
  { team, slug }: Pick<Server, "team" | "slug">,
  seen: readonly SeenTool[],
  added: readonly string[],
): Promise<boolean> {
  if (!seen.every((tool) => tool.category === "Read" && disguisesOf(tool.definition).length === 0)) {
    return false;
  }
  const alike = lookAlikesAmong(await listToolNames(db, team, namesMax));
  return added.every((name) => alike({ server: slug, name }).length === 0);
}

/** Which server was looked at, and where it was. */
export interface LookedAt {
  readonly team: TeamId;
  readonly server: ServerId;
  readonly url: string;
}

/**
 * Stores what a look found, and tells the gates where anything differs: the first look pins every tool, a later one holds
 * back those that changed. A look that failed changes nothing but the server's state that people are shown.
 */
export async function storeLook(
  deps: PushDeps & { readonly random: Random },
  { team, server: id, url }: LookedAt,
  looked: Look | Fault,
  nowMs: number,
): Promise<Drift | null> {
  const server = await findServer(deps.db, team, id);
  // It may have moved while the look was under way.
  if (server?.url !== url) return null;
  const look: Look = isFault(looked)
    ? { state: "pending", why: "unreachable", detail: looked.detail }
    : looked;
  const { drift, edit, changes } = await changesOf(deps.db, server, look, nowMs);
  if (!edit) {
    await deps.db.batch([...changes]);
    return null;
  }
  // The cron hands it to the log: this runs behind an agent's request, which must not wait for more than its gates.
  const event: ControlEntry = {
    kind: "control",
    id: newId("evt", deps.random),
    atMs: nowMs,
    requestId: "",
    actor: "system",
    action: drift ? "server.drifted" : "server.looked_at",
    subject: id,
    detail: { slug: server.slug, ...(drift ? driftDetail(drift) : { tools: toolsIn(look) }) },
  };
  const concern = { of: "server", server: id } as const;
  const written = [...changes, insertEvent(deps.db, team, event)];
  await pushEdit(deps, await commitEdit(deps.db, team, concern, nowMs, written));
  return drift;
}

const toolsIn = (look: Look): number => (look.state === "ready" ? look.tools.length : 0);

const shown = (names: readonly string[]): string => names.slice(0, 20).join(" ");

/** A drift for the log: how many tools, and the first twenty names of each kind. */
export const driftDetail = ({ changed, added, gone, accepted }: Drift): ControlEntry["detail"] => ({
  tools: changed.length + added.length + gone.length,
  changed: shown(changed),
  added: shown(added),
  gone: shown(gone),
  accepted,
});

/** Writes down how traffic to a server fares: what is `ok` ends its trouble, and the clock looks at any other in a minute. */
export async function storeFare(
  db: Db,
  { team, server }: Pick<LookedAt, "team" | "server">,
  fare: "ok" | "unreachable",
  nowMs: number,
): Promise<void> {
  const detail = "Five requests in a row failed.";
  const change =
    fare === "ok"
      ? endTrouble(db, team, server)
      : recordTrouble(db, team, server, { why: fare, detail, sinceMs: nowMs });
  await change.run();
}
