import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../json/value.ts";
import { canonicalJson } from "../json/write.ts";

// Everything of a tool that a model or a person reads before calling it; a change in any of it may be a trick.
const pinned = ["name", "title", "description", "inputSchema", "outputSchema", "annotations", "_meta"];

/** The pinned members of a tool's definition as canonical JSON: key order, white space and spelling of numbers are gone. */
export function canonicalDefinition(definition: JsonObject): string {
  const members = pinned.flatMap((key): [string, Json][] => {
    const value = definition.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  return canonicalJson(new Map(members));
}

/** A pin: SHA-256 in hex over the canonical definition. Equal only where everything that is pinned is equal. */
export const definitionHash = (definition: JsonObject): string =>
  createHash("sha256").update(canonicalDefinition(definition), "utf8").digest("hex");
