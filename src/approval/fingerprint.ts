import { createHash } from "node:crypto";
import type { GrantId } from "../id.ts";
import type { Basis } from "./basis.ts";

/** One call, and everything else that its approval is bound to (policy.md §6). */
export interface Bound {
  readonly grant: GrantId;
  readonly method: string;
  readonly targets: readonly { readonly kind: string; readonly name: string }[];
  /** Canonical JSON with numbers as exact decimals; null where the message has none. */
  readonly arguments: string | null;
  /** Canonical JSON of all other parameters apart from `_meta`; null where there are none. */
  readonly others: string | null;
  readonly basis: Basis;
}

/** SHA-256 in hex. Every part goes in behind its length and every list behind its count, so no two calls have one text. */
export function fingerprint(bound: Bound): string {
  const hash = createHash("sha256");
  for (const part of parts(bound)) {
    const bytes = new TextEncoder().encode(part);
    hash.update(`${bytes.byteLength}:`);
    hash.update(bytes);
  }
  return hash.digest("hex");
}

function parts({ grant, method, targets, arguments: args, others, basis }: Bound): string[] {
  const definitions = Object.entries(basis.definitions).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    "portcullis approval 1",
    grant,
    basis.server,
    ...optional(basis.teamPolicy),
    ...optional(basis.serverPolicy),
    method,
    String(targets.length),
    ...targets.flatMap(({ kind, name }) => [kind, name]),
    String(definitions.length),
    ...definitions.flat(),
    ...optional(args),
    ...optional(others),
  ];
}

const optional = (text: string | null): string[] => (text === null ? ["0"] : ["1", text]);
