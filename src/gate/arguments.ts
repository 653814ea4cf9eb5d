import { createHmac } from "node:crypto";
import { readJson } from "../json/read.ts";
import type { JsonObject } from "../json/value.ts";
import { canonicalJson } from "../json/write.ts";

/** The arguments that the Worker decoded. It read them strictly already, so a text that does not read is a bug. */
export function readArguments(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new Error("the arguments are not what was decoded");
  return read.value;
}

/** The canonical text of parameters, with numbers by value; null where there are none. */
export function canonicalArguments(text: string | undefined): string | null {
  const args = readArguments(text);
  return args ? canonicalJson(args) : null;
}

/** What the record holds of arguments: the top-level keys, and a hash that nobody without the team's key can guess at. */
export function describeArguments(
  args: JsonObject | undefined,
  key: Uint8Array,
): { argumentKeys: readonly string[]; argumentHash: string | null } {
  if (!args) return { argumentKeys: [], argumentHash: null };
  const hash = createHmac("sha256", key).update(canonicalJson(args)).digest("hex");
  return { argumentKeys: [...args.keys()], argumentHash: hash };
}
