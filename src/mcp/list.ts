import type { Json, JsonObject } from "../json/value.ts";
import { type Edit, unreadable } from "./edit.ts";
import { impostor } from "./impostor.ts";
import { isToolName } from "./target.ts";

/** What a grant may see of a list. A resource template is asked by its template text. */
export interface Keep {
  tool(name: string, definition: JsonObject): boolean;
  resource(uri: string): boolean;
  prompt(name: string): boolean;
}

/** Tools in one list (protocol.md §5). */
export const toolsMax = 2_000;

type Kind = keyof Keep;
interface Listing {
  readonly array: string;
  readonly naming: string;
  readonly kind: Kind;
}

const listings: ReadonlyMap<string, Listing> = new Map<string, Listing>([
  ["tools/list", { array: "tools", naming: "name", kind: "tool" }],
  ["resources/list", { array: "resources", naming: "uri", kind: "resource" }],
  ["resources/templates/list", { array: "resourceTemplates", naming: "uriTemplate", kind: "resource" }],
  ["prompts/list", { array: "prompts", naming: "name", kind: "prompt" }],
]);

/**
 * The result with only what the grant may see, in the upstream's order, numbers as written; modern results are marked
 * `cacheScope: "private"`. `method` is null where it is not known what is answered (a resumed stream): then every list in
 * the result is filtered. A result that needs no change comes back as it is.
 */
export function filterList(method: string | null, result: JsonObject, keep: Keep): JsonObject {
  const listed =
    method === null ? [...listings.values()] : [listings.get(method)].filter((one) => one !== undefined);
  const filtered = listed.reduce((soFar, listing) => filterOne(soFar, listing, keep), result);
  return listed.length > 0 || method === "server/discover" ? privately(filtered) : filtered;
}

function filterOne(result: JsonObject, listing: Listing, keep: Keep): JsonObject {
  const plain = withoutImpostors(result, new Set([listing.array]));
  const elements = plain.get(listing.array);
  if (elements === undefined) return plain;
  const kept = Array.isArray(elements) ? visible(elements, listing, keep) : [];
  if (Array.isArray(elements) && kept.length === elements.length) return plain;
  return new Map([...plain].map(([key, value]) => [key, key === listing.array ? kept : value]));
}

/** A client that folds case would read a second, unfiltered list under a variant of the name. */
function withoutImpostors(result: JsonObject, names: ReadonlySet<string>): JsonObject {
  if (impostor(result, names) === null) return result;
  return new Map([...result].filter((entry) => impostor(new Map([entry]), names) === null));
}

/** The elements that may be seen, each name once: a second definition under one name is only there to be mistaken for it. */
function visible(elements: readonly Json[], listing: Listing, keep: Keep): Json[] {
  const seen = new Set<string>();
  return elements.filter((element) => {
    const name = element instanceof Map ? element.get(listing.naming) : undefined;
    if (!(element instanceof Map) || typeof name !== "string" || seen.has(name)) return false;
    const shown = isKept(listing.kind, name, element, keep);
    if (shown) seen.add(name);
    return shown;
  });
}

function isKept(kind: Kind, name: string, element: JsonObject, keep: Keep): boolean {
  switch (kind) {
    case "tool":
      return isToolName(name) && keep.tool(name, element);
    case "resource":
      return keep.resource(name);
    case "prompt":
      return keep.prompt(name);
    default:
      return false;
  }
}

const modernKeys = ["resultType", "ttlMs", "cacheScope"];

/** What one grant sees must not be given to another from a cache (MCP 2026-07-28, caching). */
function privately(result: JsonObject): JsonObject {
  const modern = modernKeys.some((key) => result.has(key));
  if (!modern || result.get("cacheScope") === "private") return result;
  return new Map([...result, ["cacheScope", "private"]]);
}

const answerKeys = new Set(["result"]);

/** Filters the list in an answer to `method`; null where it is not known what is answered. */
export const listEdit =
  (method: string | null, keep: Keep): Edit =>
  (message) => {
    if (impostor(message, answerKeys) !== null) return unreadable("a key can be mistaken for result");
    const result = message.get("result");
    if (!(result instanceof Map)) return message;
    const tools = result.get("tools");
    if (Array.isArray(tools) && tools.length > toolsMax)
      return unreadable(`it lists more than ${toolsMax} tools`);
    const filtered = filterList(method, result, keep);
    return filtered === result ? message : new Map([...message, ["result", filtered]]);
  };
