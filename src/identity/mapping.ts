import { createHash } from "node:crypto";
import type { PolicyId, ServerId } from "../id.ts";
import type { Role } from "../store/team.ts";

/** What a rule gives: all of it is added, and what an earlier rule gave of one server, or of the role, stays. */
export interface MappingRule {
  /** Null: every token. */
  readonly when: ClaimTest | null;
  readonly servers: readonly MappedServer[];
  readonly tags: readonly string[];
  readonly role: Role | null;
  readonly approver: boolean;
  readonly auditor: boolean;
}

/** `claim` is a name, or an RFC 6901 pointer where it begins with a slash. */
export type ClaimTest =
  | { readonly claim: string; readonly equals: string | number | boolean }
  /** A list that has the text, or a text that has it among its words (RFC 8693 §4.2, `scope`). */
  | { readonly claim: string; readonly contains: string };

/** A server that a rule opens, and the policy there; null permits nothing. */
export interface MappedServer {
  readonly server: ServerId;
  readonly policy: PolicyId | null;
}

/** How a team reads its issuer's claims. */
export interface Mapping {
  /** The claim that names a grant to people; `sub` where the token lacks it. */
  readonly label: string;
  readonly rules: readonly MappingRule[];
}

/** What a token's claims come to in its team. */
export interface Mapped {
  readonly label: string;
  readonly servers: readonly MappedServer[];
  readonly tags: readonly string[];
  readonly role: Role | null;
  readonly approver: boolean;
  readonly auditor: boolean;
}

/** Claims of a token whose signature held. */
export type IssuerClaims = Readonly<Record<string, unknown>>;

const labelCharsMax = 100;

/** Applies every rule whose test holds, in their order. Claims are hostile in size and type: what does not fit a test fails it. */
export function mapClaims({ label, rules }: Mapping, subject: string, claims: IssuerClaims): Mapped {
  const holding = rules.filter(({ when }) => when === null || holds(when, claims));
  const servers = new Map<ServerId, MappedServer>();
  for (const one of holding.flatMap((rule) => rule.servers)) {
    if (!servers.has(one.server)) servers.set(one.server, one);
  }
  return {
    label: labelOf(claimAt(label, claims)) || labelOf(subject),
    servers: [...servers.values()],
    tags: [...new Set(holding.flatMap(({ tags }) => tags))],
    role: holding.find(({ role }) => role !== null)?.role ?? null,
    approver: holding.some(({ approver }) => approver),
    auditor: holding.some(({ auditor }) => auditor),
  };
}

/** One text for two mappings that come to the same. */
export const fingerprintOf = ({ label, servers, tags, role, approver, auditor }: Mapped): string =>
  createHash("sha256")
    .update(
      JSON.stringify([label, servers.map((one) => [one.server, one.policy]), tags, role, approver, auditor]),
    )
    .digest("hex");

function holds(test: ClaimTest, claims: IssuerClaims): boolean {
  const value = claimAt(test.claim, claims);
  if ("equals" in test) return value === test.equals;
  if (Array.isArray(value)) return value.includes(test.contains);
  return typeof value === "string" && value.split(" ").includes(test.contains);
}

function claimAt(claim: string, claims: IssuerClaims): unknown {
  if (!claim.startsWith("/")) return own(claims, claim);
  const steps = claim.slice(1).split("/");
  return steps.reduce<unknown>(
    (value, step) => own(value, step.replaceAll("~1", "/").replaceAll("~0", "~")),
    claims,
  );
}

const own = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

/** A text that people read in lists: one line of it, and nothing that is not seen. */
function labelOf(value: unknown): string {
  if (typeof value !== "string") return "";
  return [...value.replaceAll(/[\p{C}\p{Z}]+/gu, " ").trim()].slice(0, labelCharsMax).join("").trim();
}
