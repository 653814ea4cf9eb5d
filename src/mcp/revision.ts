import { type Fault, fault } from "../fault.ts";

/** legacy: opened by `initialize`; modern: stateless, every request says its revision itself (2026-07-28 and later). */
export type Era = "legacy" | "modern";

/** The dated revisions this gateway knows. The first never had this transport, but servers in the field still answer it. */
export const revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;

const modernFrom = "2026-07-28";
// MCP 2025-06-18, transports: without the header a server assumes this one.
const assumed = "2025-03-26";

export interface Revision {
  readonly revision: string;
  readonly era: Era;
}

/**
 * The revision that a request speaks, from its `MCP-Protocol-Version` header and what its `_meta` claims (null where it
 * claims none). An unknown claim passes as modern: whether it is supported is the upstream's answer (-32022).
 */
export function revisionOf(header: string | null, claim: string | null = null): Fault | Revision {
  const named = header === null ? null : trimSpace(header);
  if (claim !== null && eraOf(claim) !== "legacy") return claimed(named, claim);
  if (named === null) return { revision: assumed, era: "legacy" };
  const era = eraOf(named);
  if (!era) return fault("bad_revision", "The MCP-Protocol-Version header names no revision known here.");
  if (claim !== null && era === "modern") return mismatch;
  return { revision: named, era };
}

function claimed(header: string | null, claim: string): Fault | Revision {
  if (header === null) {
    return fault(
      "header_mismatch",
      "The body claims a revision and the MCP-Protocol-Version header is missing.",
    );
  }
  return header === claim ? { revision: claim, era: "modern" } : mismatch;
}

const mismatch = fault("header_mismatch", "The MCP-Protocol-Version header and the body's _meta disagree.");

/** The era of a known revision, or null for an unknown one. */
function eraOf(revision: string): Era | null {
  if (!revisions.some((known) => known === revision)) return null;
  return revision >= modernFrom ? "modern" : "legacy";
}

/** A field value without the optional white space around it (RFC 9110 §5.5). */
export const trimSpace = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");
