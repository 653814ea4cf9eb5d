import { createHash } from "node:crypto";

/** The hash that the first entry of a team's log is linked to. */
export const genesis = "0".repeat(64);

/** A place in the chain: the hash covers entry `n` and all before it. */
export interface Head {
  readonly n: number;
  readonly hash: string;
}

/** An entry as the chain holds it. `body` is the entry's JSON text, hashed as stored and never parsed for it. */
export interface Link extends Head {
  readonly body: string;
}

/** What is wrong with the record, and at which entry it shows. */
export interface Problem {
  readonly n: number;
  readonly what: string;
}

/**
 * The hash of an entry: SHA-256 over the previous hash and every field, each behind its length in bytes, so that no
 * two different entries feed the same bytes. Hex in, hex out.
 */
export function link(previous: string, fields: readonly string[]): string {
  const bytesMax = fields.reduce((sum, field) => sum + 4 + field.length * utf8BytesMax, hashBytes);
  const bytes = Buffer.allocUnsafe(bytesMax);
  let at = bytes.write(previous, "hex");
  for (const field of fields) {
    const { written } = encoder.encodeInto(field, bytes.subarray(at + 4));
    bytes.writeUInt32BE(written, at);
    at += 4 + written;
  }
  return createHash("sha256").update(bytes.subarray(0, at)).digest("hex");
}

// Fed to the hash at once: each call into it costs as much as a kilobyte does.
const encoder = new TextEncoder();
const hashBytes = 32;
/** For a unit of UTF-16: three, or four for two of them. */
const utf8BytesMax = 3;

/** The hash of the entry with this number and text behind `previous`. */
export const linkEntry = (previous: string, n: number, body: string): string =>
  link(previous, [String(n), body]);

/** The first place where `links` do not follow on from `previous`, or null. */
export function brokenLink(previous: Head, links: readonly Link[]): Problem | null {
  let { n, hash } = previous;
  for (const entry of links) {
    n++;
    if (entry.n !== n) return { n, what: `entry ${n} is missing` };
    hash = linkEntry(hash, n, entry.body);
    if (entry.hash !== hash) return { n, what: `entry ${n} is not what was recorded` };
  }
  return null;
}
