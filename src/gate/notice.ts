import type { Approval } from "../approval/approval.ts";
import type { Burst } from "../audit/burst.ts";
import { type Happening, happening } from "../store/hook_delivery.ts";
import type { Server } from "../store/server.ts";

/** What of an approval is told to webhooks, and when it came to be so. */
export interface Notice {
  readonly event: "approval.requested" | "approval.approved" | "approval.refused";
  readonly atMs: number;
  readonly approval: Approval;
}

/** The notice as it is sent: never the call's arguments, which are for those who may decide. */
export function happeningOf(origin: string, { event, atMs, approval }: Notice): Happening {
  const { id, grant, server, method, targets, rule, reason, state, approvers, quorum } = approval;
  const data = {
    approval: {
      id,
      state,
      url: `${origin}/approvals/${id}`,
      grant,
      server,
      method,
      targets,
      rule,
      reason,
      approvers,
      quorum,
      approvals: approval.votes.length,
      expires_at: new Date(approval.expiresAtMs).toISOString(),
    },
  };
  return happening(`${id}.${approval.version}`, event, atMs, data);
}

const hourMs = 3_600_000;

/** The burst as it is sent; of one grant at most one an hour is. */
export const burstHappening = ({ grant, refusals, atMs }: Burst): Happening =>
  happening(`${grant}.burst.${Math.floor(atMs / hourMs)}`, "grant.denied_burst", atMs, {
    grant: { id: grant },
    refusals,
    within_seconds: 60,
  });

/** Definitions that are held back until somebody accepts them, as they are sent. */
export const driftHappening = (
  { id, slug }: Pick<Server, "id" | "slug">,
  { changed, added }: { readonly changed: readonly string[]; readonly added: readonly string[] },
  atMs: number,
): Happening =>
  happening(`${id}.drift.${atMs}`, "server.definition_changed", atMs, {
    server: { id, slug },
    changed,
    added,
  });
