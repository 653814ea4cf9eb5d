import type { PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Db } from "./database.ts";
import { closedTo } from "./identity.ts";

/** To whom a policy can be offered; who may edit policies may choose any. */
export type OfferRole = "viewer" | "approver" | "auditor";

/** One policy that a person may choose at the consent page. */
export interface Choice {
  readonly team: { readonly id: TeamId; readonly slug: string; readonly name: string };
  readonly server: { readonly id: ServerId; readonly slug: string; readonly name: string };
  readonly policy: { readonly id: PolicyId; readonly slug: string; readonly name: string };
}

/** What the choice is confined to: a session's one team, the gateway that a client asked for; null is all of them. */
export interface Within {
  readonly team: TeamId | null;
  readonly gateway: { readonly teamSlug: string; readonly serverSlug: string } | null;
}

interface Row {
  team_id: TeamId;
  team_slug: string;
  team_name: string;
  server_id: ServerId;
  server_slug: string;
  server_name: string;
  policy_id: PolicyId;
  policy_slug: string;
  policy_name: string;
}

const choice = (row: Row): Choice => ({
  team: { id: row.team_id, slug: row.team_slug, name: row.team_name },
  server: { id: row.server_id, slug: row.server_slug, name: row.server_name },
  policy: { id: row.policy_id, slug: row.policy_slug, name: row.policy_name },
});

/**
 * What this person may choose: any policy for who may edit them, and for the others those that were offered to them. A
 * team that takes only those who come by its identity provider offers nothing to others.
 */
export async function listChoices(
  db: Db,
  user: UserId,
  { team, gateway }: Within,
  limit: number,
): Promise<Choice[]> {
  const { results } = await db
    .prepare(
      `SELECT t.id AS team_id, t.slug AS team_slug, t.name AS team_name,
              s.id AS server_id, s.slug AS server_slug, s.name AS server_name,
              p.id AS policy_id, p.slug AS policy_slug, p.name AS policy_name
         FROM member m
         JOIN team t ON t.id = m.team_id
         JOIN server s ON s.team_id = t.id
         JOIN policy p ON p.team_id = t.id AND p.server_id = s.id
         LEFT JOIN identity i ON i.team_id = t.id
        WHERE m.user_id = ?1 AND ${closedTo("m.user_id")} IS NULL
          AND (?2 IS NULL OR t.id = ?2) AND (?3 IS NULL OR (t.slug = ?3 AND s.slug = ?4))
          AND (m.role IN ('policy_manager', 'admin') OR EXISTS (
                SELECT 1 FROM policy_offer o WHERE o.policy_id = p.id
                   AND (o.role = 'viewer' OR (o.role = 'approver' AND m.approver = 1)
                                          OR (o.role = 'auditor' AND m.auditor = 1))))
        ORDER BY t.name, t.id, s.name, s.id, p.name, p.id LIMIT ?5`,
    )
    .bind(user, team, gateway?.teamSlug ?? null, gateway?.serverSlug ?? null, limit)
    .all<Row>();
  return results.map(choice);
}

/** Offers a policy of the team's to exactly these roles. */
export const setOffer = (
  db: Db,
  team: TeamId,
  policy: PolicyId,
  roles: readonly OfferRole[],
): D1PreparedStatement[] => [
  db
    .prepare(
      `DELETE FROM policy_offer WHERE policy_id IN (SELECT id FROM policy WHERE team_id = ?1 AND id = ?2)`,
    )
    .bind(team, policy),
  db
    .prepare(
      `INSERT INTO policy_offer (policy_id, role)
       SELECT p.id, v.value FROM policy p, json_each(?3) v WHERE p.team_id = ?1 AND p.id = ?2`,
    )
    .bind(team, policy, JSON.stringify(roles)),
];

/** To whom a policy of the team's is offered. */
export async function findOffer(db: Db, team: TeamId, policy: PolicyId): Promise<OfferRole[]> {
  const { results } = await db
    .prepare(
      `SELECT o.role FROM policy_offer o JOIN policy p ON p.id = o.policy_id
        WHERE p.team_id = ?1 AND p.id = ?2 ORDER BY o.role`,
    )
    .bind(team, policy)
    .all<{ role: OfferRole }>();
  return results.map(({ role }) => role);
}
