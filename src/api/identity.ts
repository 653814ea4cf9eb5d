import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { discover, type IssuerMetadata } from "../identity/discovery.ts";
import { isUsable, readIssuerKeys } from "../identity/issuer_keys.ts";
import { bearerTypes, isUnfit, tokenCharsMax, verifyIssuerToken } from "../identity/issuer_token.ts";
import { mapClaims } from "../identity/mapping.ts";
import { readIssuer } from "../identity/read_issuer.ts";
import { deleteIdentity, findIdentity, type Identity, putIdentity } from "../store/identity.ts";
import { endPeople, endSubjects, findSubject } from "../store/subject.ts";
import { readDocument } from "../upstream/document.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import {
  identityBody,
  identityShape,
  mappedShape,
  mappingShape,
  resolveMapping,
  showIdentity,
  showMapped,
} from "./identity_shape.ts";
import { resolveSignIn } from "./identity_sign_in.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

export const identityPath = "/v1/teams/{team}/identity";
export const tag = "Identity";

const testBody = z.strictObject({
  token: z.string().check(z.minLength(1), z.maxLength(tokenCharsMax)),
  mapping: z.optional(mappingShape),
});

const changed = z.extend(identityShape, { in_force: inForceShape });
const removed = z.strictObject({ in_force: inForceShape });
const tested = z.union([
  z.strictObject({ valid: z.literal(false), why: z.string() }),
  z.strictObject({
    valid: z.literal(true),
    sub: z.string(),
    state: z
      .enum(["new", "known", "refused"])
      .check(z.describe("new: its first call makes its grant; refused: it was revoked here.")),
    mapped: mappedShape,
  }),
]);

/** The team's own identity provider, whose tokens act as grants. */
export const identityOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "get_identity",
      method: "get",
      path: identityPath,
      tag,
      summary: "The team's own identity provider",
      answers: { 200: identityShape },
    },
    async (call) => {
      const identity = await findIdentity(call.db, call.team.id);
      return identity ? reply(200, await showIdentity(call, identity)) : noIdentity;
    },
  ),
  teamOperation(
    "admin",
    {
      id: "put_identity",
      method: "put",
      path: identityPath,
      tag,
      summary:
        "Let an OpenID Connect issuer's tokens act as grants; a new issuer ends the grants of the one before",
      inPerson: true,
      body: identityBody,
      answers: { 200: changed, 202: changed },
    },
    put,
  ),
  teamOperation(
    "admin",
    {
      id: "delete_identity",
      method: "delete",
      path: identityPath,
      tag,
      summary: "Take the issuer's tokens no more: the grants of its subjects are revoked",
      inPerson: true,
      answers: { 200: removed, 202: removed },
    },
    remove,
  ),
  teamOperation(
    "admin",
    {
      id: "test_identity",
      method: "post",
      path: `${identityPath}/test`,
      tag,
      summary:
        "Whether a token counts, and what it maps to, by the saved mapping or the one given; nothing is stored, and no grant is made",
      body: testBody,
      answers: { 200: tested },
    },
    test,
  ),
];

export const noIdentity = fault(
  "not_found",
  "The team has no identity provider. Register one with PUT on this address.",
);

type Put = TeamCall<z.output<typeof identityBody>, unknown>;

async function put(call: Put): Promise<Reply | Fault> {
  const { deps, db, team, body, nowMs } = call;
  const refused = deps.judgeUrl(body.issuer);
  if (refused) return at("/issuer", refused.detail);
  const mapping = await resolveMapping(call, body.mapping);
  if (isFault(mapping)) return mapping;
  const metadata = await metadataOf(call);
  if (isFault(metadata)) return metadata;
  const before = await findIdentity(db, team.id);
  const signIn = await resolveSignIn(call, body.sign_in, { issuer: body.issuer, before, metadata });
  if (isFault(signIn)) return signIn;
  const to: Identity = {
    team: team.id,
    // The time, so that no revision comes twice however often an identity is removed and registered again.
    revision: nowMs,
    issuer: body.issuer,
    audience: body.audience ?? `${deps.origin}/mcp/${team.slug}`,
    algorithms: JSON.stringify([...new Set(body.algorithms)]),
    jwksUri: metadata.jwksUri,
    mapping: JSON.stringify(mapping),
    ...signIn,
    createdAt: nowMs,
    updatedAt: nowMs,
  };
  const changes = [...endOf(call, before, to), putIdentity(db, to)];
  const inForce = await commit(call, { of: "team" }, changes, {
    action: before ? "identity.changed" : "identity.registered",
    subject: team.id,
    detail: {
      issuer: to.issuer,
      audience: to.audience,
      rules: mapping.rules.length,
      sign_in: to.signIn !== null,
      required: to.required === 1,
      break_glass: to.breakGlass ?? "",
    },
  });
  const saved = await findIdentity(db, team.id);
  if (!saved) return noIdentity;
  return reply(inForceStatus(inForce), { ...(await showIdentity(call, saved)), in_force: inForce });
}

/** What the one before gave and this one does not: another issuer's subjects, or people who could sign in. */
function endOf({ db, team, nowMs }: Put, before: Identity | null, to: Identity): D1PreparedStatement[] {
  if (before === null) return [];
  if (before.issuer !== to.issuer) return endSubjects(db, team.id, nowMs);
  return to.signIn === null ? endPeople(db, team.id) : [];
}

/** What the issuer says of itself, once one of its keys was seen to fit what it may sign with. */
async function metadataOf({ deps, body }: Put): Promise<IssuerMetadata | Fault> {
  const metadata = await discover(body.issuer, (url) => readDocument(deps.fetch, url));
  if (isFault(metadata)) return metadata;
  const document = await readDocument(deps.fetch, metadata.jwksUri);
  if (isFault(document))
    return at("/issuer", `its keys at ${metadata.jwksUri} cannot be read: ${document.detail}`);
  const keys = readIssuerKeys(document);
  if (!keys) return at("/issuer", `${metadata.jwksUri} is not a JWKS document`);
  if (isUsable(keys, body.algorithms)) return metadata;
  return at(
    "/algorithms",
    `the issuer publishes no key for ${body.algorithms.join(", ")}; list what it signs with`,
  );
}

const at = (pointer: string, message: string): Fault =>
  fault("invalid", "The request has mistakes; `errors` says where.", [{ pointer, message }]);

async function remove(call: TeamCall<unknown, unknown>): Promise<Reply | Fault> {
  const { db, team, nowMs } = call;
  const identity = await findIdentity(db, team.id);
  if (!identity) return noIdentity;
  const changes = [...endSubjects(db, team.id, nowMs), deleteIdentity(db, team.id)];
  const inForce = await commit(call, { of: "team" }, changes, {
    action: "identity.removed",
    subject: team.id,
    detail: { issuer: identity.issuer },
  });
  return reply(inForceStatus(inForce), { in_force: inForce });
}

async function test(call: TeamCall<z.output<typeof testBody>, unknown>): Promise<Reply | Fault> {
  const { deps, db, team, body, nowMs } = call;
  const identity = await findIdentity(db, team.id);
  if (!identity) return noIdentity;
  const issuer = readIssuer(identity);
  const mapping = body.mapping ? await resolveMapping(call, body.mapping) : issuer.mapping;
  if (isFault(mapping)) return mapping;
  const document = await readDocument(deps.fetch, issuer.jwksUri);
  const keys = isFault(document) ? null : readIssuerKeys(document);
  if (!keys)
    return reply(200, { valid: false, why: `The issuer's keys at ${issuer.jwksUri} cannot be read.` });
  const verified = await verifyIssuerToken(body.token, { ...issuer, types: bearerTypes }, keys, nowMs);
  if (isUnfit(verified)) return reply(200, { valid: false, why: verified.why });
  const subject = await findSubject(db, { team: team.id, issuer: issuer.issuer, sub: verified.sub });
  const known = subject?.refused ? "refused" : "known";
  const mapped = mapClaims(mapping, verified.sub, verified.claims);
  return reply(200, {
    valid: true,
    sub: verified.sub,
    state: subject ? known : "new",
    mapped: await showMapped(call, mapped),
  });
}
