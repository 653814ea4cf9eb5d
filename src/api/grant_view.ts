import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { type GrantId, newId } from "../id.ts";
import { type GrantBearer, mintGrantToken } from "../identity/grant_token.ts";
import { type Attachment, findGrant, listAttachments, type StoredGrant } from "../store/grant.ts";
import { nothingHere, type TeamCall } from "./operation.ts";
import { timestamp } from "./reply.ts";

export const grantShape = z
  .strictObject({
    id: z.string(),
    label: z.string(),
    tags: z.array(z.string()),
    member: z.nullable(z.string()).check(z.describe("The user it acts for; null is a machine.")),
    subject: z
      .nullable(z.strictObject({ issuer: z.string(), sub: z.string() }))
      .check(
        z.describe(
          "Whose it is, where the team's identity provider named them: what it may follows their claims.",
        ),
      ),
    state: z.enum(["active", "expired", "revoked"]),
    servers: z.array(
      z.strictObject({
        server: z.strictObject({ id: z.string(), slug: z.string() }),
        policy: z.nullable(z.strictObject({ id: z.string(), slug: z.string(), name: z.string() })),
        gateway_url: z.url(),
        key_url: z.url(),
      }),
    ),
    expires_at: z.iso.datetime(),
    revoked_at: z.nullable(z.iso.datetime()),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Grant" });

type Who = TeamCall<unknown, unknown>;

/** The path's grant, if it is the team's. */
export async function grantOf(call: Who): Promise<StoredGrant | Fault> {
  return (await findGrant(call.db, call.team.id, call.params["grant"] ?? "")) ?? nothingHere;
}

/** As `grantOf`, if it has not been revoked: a revoked grant is only to be read. */
export async function standingGrantOf(call: Who): Promise<StoredGrant | Fault> {
  const grant = await grantOf(call);
  return isFault(grant) || grant.revokedAt === null ? grant : nothingHere;
}

/** As `standingGrantOf`, if it is the team's own to change: a subject's follows its claims. */
export async function ownGrantOf(call: Who): Promise<StoredGrant | Fault> {
  const grant = await standingGrantOf(call);
  return isFault(grant) || grant.subject === null ? grant : followsClaims;
}

const followsClaims = fault(
  "conflict",
  "This grant follows the claims of the team's identity provider: change the identity's mapping, or revoke the grant.",
);

/** Grants as answers show them, with what is attached to each; never a token. */
export async function showGrants(call: Who, grants: readonly StoredGrant[]) {
  const ids = grants.map((grant) => grant.id);
  const attached = await listAttachments(call.db, call.team.id, ids);
  return grants.map((grant) => showGrant(call, grant, attached.get(grant.id) ?? []));
}

/** One grant, read again: what a write left behind. */
export async function showSaved(call: Who, id: GrantId) {
  const grant = await findGrant(call.db, call.team.id, id);
  if (!grant) throw new Error(`grant ${id} went away`);
  const attached = await listAttachments(call.db, call.team.id, [id]);
  return showGrant(call, grant, attached.get(id) ?? []);
}

function showGrant({ deps, team, nowMs }: Who, grant: StoredGrant, attached: readonly Attachment[]) {
  const active = nowMs < grant.expiresAt ? "active" : "expired";
  return {
    id: grant.id,
    label: grant.label,
    tags: grant.tags,
    member: grant.member,
    subject: grant.subject,
    state: grant.revokedAt === null ? active : "revoked",
    servers: attached.map(({ server, policy }) => ({
      server,
      policy,
      gateway_url: `${deps.origin}/mcp/${team.slug}/${server.slug}`,
      key_url: `${deps.origin}/key/${team.slug}/${server.slug}`,
    })),
    expires_at: timestamp(grant.expiresAt),
    revoked_at: grant.revokedAt === null ? null : timestamp(grant.revokedAt),
    created_at: timestamp(grant.createdAt),
  };
}

/** A new bearer form of a grant, to be stored by its `jti` and shown once. */
export async function newToken(call: Who, grant: GrantId, expiresAtMs: number) {
  const { deps, team, nowMs } = call;
  const bearer: GrantBearer = { grant, team: team.id, jti: newId("jti", deps.random), expiresAtMs };
  const token = await mintGrantToken(bearer, deps.keys, deps.origin, nowMs);
  return { token, jti: bearer.jti, notAfter: expiresAtMs };
}
