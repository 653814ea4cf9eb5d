import type { HookId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";

/** Something that is sealed under a master key itself, and outlives the key: a rotation has to seal it anew. */
export type SealedRow =
  | { readonly kind: "data_key"; readonly id: TeamId; readonly sealed: string }
  | { readonly kind: "hook"; readonly id: HookId; readonly sealed: string; readonly team: TeamId }
  | { readonly kind: "totp"; readonly id: UserId; readonly sealed: string }
  | {
      readonly kind: "identity";
      readonly id: TeamId;
      readonly sealed: string;
      readonly issuer: string;
      readonly clientId: string;
    };

export type SealedKind = SealedRow["kind"];

interface Place {
  readonly table: string;
  readonly id: string;
  readonly column: string;
  /** What else it is sealed to. */
  readonly besides: string;
}

const places: Readonly<Record<SealedKind, Place>> = {
  data_key: { table: "team", id: "id", column: "data_key", besides: "" },
  hook: { table: "hook", id: "id", column: "secret", besides: ", team_id AS team" },
  totp: { table: "totp", id: "user_id", column: "secret", besides: "" },
  identity: {
    table: "identity",
    id: "team_id",
    column: "client_secret",
    besides: ", issuer, sign_in ->> 'clientId' AS clientId",
  },
};

/** Every kind; the tables are named by `places`. */
export const sealedKinds = Object.keys(places) as readonly SealedKind[];

// A record begins with its key's version (`upstream/aead.ts`).
const versionOf = (column: string): string => `CAST(${column} AS INTEGER)`;

/** Where a page of rows goes on. */
export interface SealedAfter {
  readonly version: number;
  readonly id: string;
}

/** The next rows of a kind that are sealed under an older key than `current`. */
export async function listBehind(
  db: Db,
  kind: SealedKind,
  current: number,
  after: SealedAfter,
  limit: number,
): Promise<SealedRow[]> {
  const { table, id, column, besides } = places[kind];
  const version = versionOf(column);
  const { results } = await db
    .prepare(
      `SELECT ${id} AS id, ${column} AS sealed${besides} FROM ${table}
        WHERE ${column} IS NOT NULL AND ${version} < ?1 AND (${version}, ${id}) > (?2, ?3)
        ORDER BY ${version}, ${id} LIMIT ?4`,
    )
    .bind(current, after.version, after.id, limit)
    .all<Omit<SealedRow, "kind">>();
  return results.map((row) => ({ kind, ...row }) as SealedRow);
}

/** Puts a row's new record in the place of the one that was read; one that has changed meanwhile stays. */
export function replaceSealed(db: Db, { kind, id, sealed }: SealedRow, by: string): D1PreparedStatement {
  const { table, id: key, column } = places[kind];
  return db
    .prepare(`UPDATE ${table} SET ${column} = ?3 WHERE ${key} = ?1 AND ${column} = ?2`)
    .bind(id, sealed, by);
}

/** How many rows of each kind are sealed under another key than `current`, and how many gates have yet to hear of an edit. */
export async function countBehind(
  db: Db,
  current: number,
): Promise<Readonly<Record<SealedKind | "gates", number>>> {
  const counts = sealedKinds.map((kind) => {
    const { table, column } = places[kind];
    const version = versionOf(column);
    return db
      .prepare(
        `SELECT count(*) AS rows FROM ${table} WHERE ${column} IS NOT NULL AND (${version} < ?1 OR ${version} > ?1)`,
      )
      .bind(current);
  });
  const found = await db.batch<{ rows: number }>([
    ...counts,
    db.prepare("SELECT count(*) AS rows FROM outbox"),
  ]);
  const entries = [...sealedKinds, "gates" as const].map((name, i) => [
    name,
    found[i]?.results[0]?.rows ?? 0,
  ]);
  return Object.fromEntries(entries) as Record<SealedKind | "gates", number>;
}
