import { createHash } from "node:crypto";

/** The hash that the first entry of a team's log is linked to. */
export const genesis = "0".repeat(64);

/**
 * The hash of an entry: SHA-256 over the previous hash and every field, each behind its length in bytes, so that no
 * two different entries feed the same bytes. Hex in, hex out.
 */
export function link(previous: string, fields: readonly string[]): string {
  const hash = createHash("sha256").update(Buffer.from(previous, "hex"));
  for (const field of fields) {
    const bytes = Buffer.from(field, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest("hex");
}
