import { createHash } from "node:crypto";
import type { Db } from "./database.ts";

// D1 takes 2 MB in one bound value; half leaves room for the escapes of JSON inside JSON.
const chunkChars = 500_000;

/** The name under which a text is stored. */
export const documentHash = (body: string): string => createHash("sha256").update(body).digest("hex");

/** Stores texts that are not there yet, each under its hash, in as few statements as their size allows. */
export function putDocuments(db: Db, bodies: readonly string[]): D1PreparedStatement[] {
  return chunks(bodies).map((chunk) => {
    const rows = chunk.map((body) => ({ hash: documentHash(body), body }));
    return db
      .prepare(
        `INSERT INTO document (hash, body)
         SELECT value ->> 'hash', value ->> 'body' FROM json_each(?1) WHERE true
         ON CONFLICT (hash) DO NOTHING`,
      )
      .bind(JSON.stringify(rows));
  });
}

function chunks(bodies: readonly string[]): string[][] {
  const found: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const body of bodies) {
    size += body.length;
    if (size > chunkChars) {
      found.push([]);
      size = body.length;
    }
    found.at(-1)?.push(body);
  }
  return found;
}
