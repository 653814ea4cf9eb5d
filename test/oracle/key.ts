import { compareStrings } from "./value.ts";

/** policy.md §2, keys: `*` is any run (without `/`, unless it crosses), `?` is one character. */
export function globMatches(pattern: string, text: string, crosses: boolean): boolean {
  const source = [...pattern].map((character) => {
    if (character === "*") return crosses ? "[^]*" : "[^/]*";
    if (character === "?") return "[^]";
    return character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  });
  return new RegExp(`^${source.join("")}$`, "u").test(text);
}

/** Whom a key is asked about. Only a team policy's keys may name a server. */
export interface Named {
  readonly layer: "team" | "server";
  readonly kind: "tool" | "resource" | "prompt";
  readonly server: string;
  readonly name: string;
}

/** How a key names something: not at all, by name, or by server and name. */
export function keyMatches(key: string, named: Named): "no" | "name" | "server and name" {
  const crosses = named.kind === "resource";
  if (named.layer === "team" && key.includes("/")) {
    const cut = key.indexOf("/");
    const server = key.slice(0, cut);
    const rest = key.slice(cut + 1);
    // A URI holds slashes of its own, so before it only the server's very name is a server part.
    const serves = crosses ? server === named.server : globMatches(server, named.server, false);
    if (serves && globMatches(rest, named.name, crosses)) return "server and name";
    if (!crosses) return "no";
  }
  return globMatches(key, named.name, crosses) ? "name" : "no";
}

const isGlob = (key: string): boolean => /[*?]/.test(key);
const literals = (key: string): number => [...key].filter((character) => !/[*?]/.test(character)).length;

/** The one key that applies, or null; `hit` hears which criterion decided between two. */
export function pickKey(keys: string[], named: Named, hit: (name: string) => void): string | null {
  const matching = keys.filter((key) => keyMatches(key, named) !== "no");
  const criteria: [string, (a: string, b: string) => number][] = [
    ["server part", (a, b) => rank(keyMatches(b, named) !== "name") - rank(keyMatches(a, named) !== "name")],
    ["exact", (a, b) => rank(!isGlob(b)) - rank(!isGlob(a))],
    ["literals", (a, b) => literals(b) - literals(a)],
    ["code points", compareStrings],
  ];
  matching.sort((a, b) => {
    for (const [name, compare] of criteria) {
      const order = compare(a, b);
      if (order === 0) continue;
      hit(`key by ${name}`);
      return order;
    }
    return 0;
  });
  return matching[0] ?? null;
}

const rank = (yes: boolean): number => (yes ? 1 : 0);
