import type { Documents } from "./compare.ts";
import { listAt, type Obj, objAt, textAt } from "./value.ts";

/**
 * Inputs on which the engine is known to differ from the language, kept out by name until it is mended: policy.md §2
 * lets only a team policy's keys name servers, but the engine reads a server part in a server policy's keys too, so
 * that there `fs/read` does not name the tool `fs/read`.
 */
export function serverPolicyNamesServer({ oracle }: Documents, server: string): boolean {
  const named = ["tools", "prompts"].flatMap((section) => keysOf(oracle.server, section));
  const uris = [...keysOf(oracle.server, "resources"), ...hidden(oracle.server)];
  return (
    [...named, ...hidden(oracle.server)].some((key) => key.includes("/") && !key.includes("://")) ||
    uris.some((key) => key.startsWith(`${server}/`))
  );
}

const keysOf = (document: Obj | null, section: string): string[] =>
  Object.keys(objAt(document, section) ?? {});
const hidden = (document: Obj | null): string[] => [
  ...listAt(document, "hide").filter((key) => typeof key === "string"),
  textAt(document, "hide") ?? "",
];
