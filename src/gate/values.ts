import { createHmac } from "node:crypto";
import type { KeptValues } from "../audit/entry.ts";
import { redact } from "../audit/redact.ts";
import type { JsonObject } from "../json/value.ts";
import { canonicalJson } from "../json/write.ts";
import { parsePath } from "../policy/path.ts";

/** What the record keeps of a call's arguments at most. 500 rows of this go to the log in one message of 32 MiB. */
export const keptBytesMax = 32_768;

/**
 * The arguments as a policy has them kept: canonical JSON without what it redacts. Null where that is more than the record
 * keeps.
 */
export function valuesText(args: JsonObject | undefined, redactPaths: readonly string[]): string | null {
  const text = canonicalJson(redact(args ?? new Map(), redactPaths.map(stepsOf)));
  return Buffer.byteLength(text) <= keptBytesMax ? text : null;
}

// A path that does not read hides everything: it was saved to hide something.
const stepsOf = (path: string) => parsePath(path)?.steps ?? [];

/** What is kept, with a salt of its own, so that its hash in the chain tells nobody what it was made of. */
export function keptValues(text: string, key: Uint8Array, gate: string, seq: number): KeptValues {
  return { salt: createHmac("sha256", key).update(`kept ${gate} ${seq}`).digest("hex"), text };
}
