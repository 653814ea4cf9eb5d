import type { UserId } from "../id.ts";
import type { Approval } from "./approval.ts";

/** A member of the team who would decide. */
export interface Decider {
  readonly id: UserId;
  readonly admin: boolean;
  readonly approver: boolean;
}

/** Whose grant it is: the person it acts for, and the one who made it. */
export interface Owners {
  readonly member: UserId | null;
  readonly creator: UserId;
}

/** Whether the rule lets somebody with this role decide; an admin always may. */
export const isEligible = ({ approvers }: Pick<Approval, "approvers">, who: Decider): boolean =>
  who.admin || (approvers === "approver" && who.approver);

/** Whether the grant is theirs. */
export const owns = ({ member, creator }: Owners, { id }: Pick<Decider, "id">): boolean =>
  id === member || id === creator;

/**
 * Why somebody may not approve, or null where they may: nobody approves a call of a grant that is theirs while somebody
 * else could (policy.md §6). `others` says whether there is an eligible person whose grant it is not.
 */
export function bar(
  approval: Pick<Approval, "approvers">,
  who: Decider,
  owners: Owners,
  others: boolean,
): "role" | "own" | null {
  if (!isEligible(approval, who)) return "role";
  return owns(owners, who) && others ? "own" : null;
}
