import type { ZoneSince } from "../limit/calendar.ts";
import type { Route, Snapshot } from "./snapshot.ts";

const schema =
  "CREATE TABLE IF NOT EXISTS snapshot (part TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID";
const headPart = "head";

/** What a gate keeps of the control plane: the snapshot, and the zones that its calendar went through. */
export interface Kept {
  readonly snapshot: Snapshot;
  readonly zones: readonly ZoneSince[];
}

type Head = Omit<Snapshot, "routes"> & Pick<Kept, "zones">;

/** Writes a snapshot over the one before, a row a route: one row may hold 2 MB, and pins add up. What stays is not written. */
export function keepSnapshot(storage: DurableObjectStorage, { snapshot, zones }: Kept): void {
  const { routes, ...rest } = snapshot;
  const head: Head = { ...rest, zones };
  const parts = [
    [headPart, head],
    ...routes.map((route) => [`route ${route.server.slug}`, route] as const),
  ] as const;
  storage.transactionSync(() => {
    storage.sql.exec(schema);
    const names = JSON.stringify(parts.map(([name]) => name));
    storage.sql.exec("DELETE FROM snapshot WHERE part NOT IN (SELECT value FROM json_each(?1))", names);
    const write = `INSERT INTO snapshot (part, body) VALUES (?1, ?2)
      ON CONFLICT (part) DO UPDATE SET body = excluded.body WHERE body <> excluded.body`;
    for (const [name, part] of parts) storage.sql.exec(write, name, JSON.stringify(part));
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
