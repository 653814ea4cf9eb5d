import type { ApprovalId, GrantId, ServerId, UserId } from "../id.ts";
import type { ApprovalTerms } from "../policy/rule.ts";

/** pending → approved → used, or from either of the first two → refused or expired. The last three never change. */
export type State = "pending" | "approved" | "used" | "refused" | "expired";

/** A person's word on an approval. */
export interface Vote {
  readonly by: UserId;
  readonly atMs: number;
  readonly note: string | null;
}

/** Why an approval is over: its call ran, a person said no, or it was voided before either. */
export type Ending = "used" | "refused" | "time" | "edited" | "frozen" | "revoked";

/** What exactly is put before a person; its arguments are kept apart, sealed. */
export interface Asked {
  readonly id: ApprovalId;
  readonly grant: GrantId;
  readonly server: { readonly id: ServerId; readonly slug: string };
  readonly method: string;
  readonly targets: readonly { readonly kind: "tool" | "resource" | "prompt"; readonly name: string }[];
  /** `fingerprint.ts`: what may run once it is approved, and under which rules. */
  readonly fingerprint: string;
  readonly rule: string;
  readonly reason: string;
  readonly client: string | null;
  readonly atMs: number;
}

/** One request for a person's approval, as it stands. */
export interface Approval extends Asked {
  readonly approvers: ApprovalTerms["approvers"];
  readonly quorum: number;
  /** From here on it is expired, whatever became of it before. */
  readonly expiresAtMs: number;
  readonly state: State;
  /** Who approved, in order; as many as `quorum` make it approved. */
  readonly votes: readonly Vote[];
  readonly ended: { readonly why: Ending; readonly atMs: number; readonly vote: Vote | null } | null;
  /** One more with every change, so that whoever hears of two knows the later. */
  readonly version: number;
}

/** A request that nobody has answered yet. */
export function ask(asked: Asked, terms: ApprovalTerms): Approval {
  return {
    ...asked,
    approvers: terms.approvers,
    quorum: terms.quorum,
    expiresAtMs: asked.atMs + terms.expires * 1000,
    state: "pending",
    votes: [],
    ended: null,
    version: 1,
  };
}

/** Whether it may still come to something. */
export const isLive = ({ state }: Pick<Approval, "state">): boolean =>
  state === "pending" || state === "approved";

/** The approval as it is at that time: past its expiry a live one is expired. */
export const asOf = (approval: Approval, nowMs: number): Approval =>
  isLive(approval) && nowMs >= approval.expiresAtMs
    ? end(approval, "expired", "time", approval.expiresAtMs, null)
    : approval;

/** What a person's word did; `over` where an end state had come before, `again` where they had approved already. */
export type Decided =
  | { readonly ok: true; readonly approval: Approval }
  | { readonly ok: false; readonly why: "over" | "again" };

/** Adds one approval. One person counts once, and one that is approved already needs no more. */
export function approve(approval: Approval, vote: Vote): Decided {
  const now = asOf(approval, vote.atMs);
  if (!isLive(now)) return { ok: false, why: "over" };
  if (now.state === "approved" || now.votes.some(({ by }) => by === vote.by))
    return { ok: false, why: "again" };
  const votes = [...now.votes, vote];
  const state = votes.length >= now.quorum ? "approved" : "pending";
  return { ok: true, approval: { ...now, votes, state, version: now.version + 1 } };
}

/** Refuses, also what was approved and has not been used: one no outweighs every yes. */
export function refuse(approval: Approval, vote: Vote): Decided {
  const now = asOf(approval, vote.atMs);
  if (!isLive(now)) return { ok: false, why: "over" };
  return { ok: true, approval: end(now, "refused", "refused", vote.atMs, vote) };
}

/** Uses it up, once. Throws for one that is not approved at that time: the gate asks first. */
export function use(approval: Approval, nowMs: number): Approval {
  const now = asOf(approval, nowMs);
  if (now.state !== "approved") throw new Error(`an approval that is ${now.state} cannot be used`);
  return end(now, "used", "used", nowMs, null);
}

/** Ends what may no longer come to anything; an end state stays as it is. */
export const annul = (approval: Approval, why: "edited" | "frozen" | "revoked", nowMs: number): Approval => {
  const now = asOf(approval, nowMs);
  return isLive(now) ? end(now, "expired", why, nowMs, null) : now;
};

const end = (approval: Approval, state: State, why: Ending, atMs: number, vote: Vote | null): Approval => ({
  ...approval,
  state,
  ended: { why, atMs, vote },
  version: approval.version + 1,
});

/** Terms that satisfy all: every rule that asks has its way where they differ, and the longest hold is offered. */
export function strictest(first: ApprovalTerms, ...others: readonly ApprovalTerms[]): ApprovalTerms {
  const all = [first, ...others];
  return {
    approvers: all.some(({ approvers }) => approvers === "admin") ? "admin" : "approver",
    expires: Math.min(...all.map(({ expires }) => expires)),
    quorum: Math.max(...all.map(({ quorum }) => quorum)),
    hold: Math.max(...all.map(({ hold }) => hold)),
  };
}
