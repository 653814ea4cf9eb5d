import type { ZoneSince } from "../limit/calendar.ts";
import type { Route, Snapshot } from "./snapshot.ts";

const schema = "CREATE TABLE IF NOT EXISTS snapshot (part TEXT PRIMARY KEY, body TEXT NOT NULL)";
const headPart = "head";

/** What a gate keeps of the control plane: the snapshot, and the zones that its calendar went through. */
export interface Kept {
  readonly snapshot: Snapshot;
  readonly zones: readonly ZoneSince[];
}

type Head = Omit<Snapshot, "routes"> & Pick<Kept, "zones">;

/** Writes a snapshot over the one before, a row a route: one row may hold 2 MB, and pins add up. */
export function keepSnapshot(storage: DurableObjectStorage, { snapshot, zones }: Kept): void {
  const { routes, ...rest } = snapshot;
  const head: Head = { ...rest, zones };
  storage.transactionSync(() => {
    storage.sql.exec(schema);
    storage.sql.exec("DELETE FROM snapshot");
    const insert = "INSERT INTO snapshot (part, body) VALUES (?1, ?2)";
    storage.sql.exec(insert, headPart, JSON.stringify(head));
    for (const route of routes) storage.sql.exec(insert, `route ${route.server.slug}`, JSON.stringify(route));
  });
}

/** What was kept last, or null in a gate that never had a snapshot. */
export function keptSnapshot(storage: DurableObjectStorage): Kept | null {
  storage.sql.exec(schema);
  const rows = storage.sql.exec<{ part: string; body: string }>("SELECT part, body FROM snapshot").toArray();
  const head = rows.find((row) => row.part === headPart);
  if (!head) return null;
  const routes = rows.filter((row) => row !== head).map((row) => JSON.parse(row.body) as Route);
  const { zones, ...rest } = JSON.parse(head.body) as Head;
  return { snapshot: { ...rest, routes }, zones };
}
