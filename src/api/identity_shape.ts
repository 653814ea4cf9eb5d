import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { issuerAlgorithms } from "../identity/issuer.ts";
import type { ClaimTest, Mapped, MappedServer, Mapping, MappingRule } from "../identity/mapping.ts";
import { readIssuer } from "../identity/read_issuer.ts";
import { findSlugs, type Identity } from "../store/identity.ts";
import { attachmentsBody, resolveAttachments } from "./attachment.ts";
import { showSignIn, signInBody, signInShape } from "./identity_sign_in.ts";
import { standingShape } from "./member.ts";
import type { TeamCall } from "./operation.ts";
import { timestamp } from "./reply.ts";

const rulesMax = 50;
const tagsMax = 32;

const claim = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(200),
    z.describe("A claim's name, or a JSON pointer such as /realm_access/roles where it begins with a slash."),
  );
const word = z.string().check(z.minLength(1), z.maxLength(200));
const { role, approver, auditor } = standingShape;

const ruleShape = z
  .strictObject({
    claim: z.optional(claim).check(z.describe("Without it the rule is for every token.")),
    equals: z.optional(z.union([word, z.number(), z.boolean()])),
    contains: z.optional(word).check(z.describe("An item of the claim's list, or a word of its text.")),
    servers: z._default(attachmentsBody, []),
    tags: z._default(
      z.array(z.string().check(z.trim(), z.minLength(1), z.maxLength(64))).check(z.maxLength(tagsMax)),
      [],
    ),
    role: z._default(z.nullable(role), null).check(z.describe("null: whom it maps is no person of the team")),
    approver: z._default(approver, false),
    auditor: z._default(auditor, false),
  })
  .check(
    z.refine(
      ({ claim, equals, contains }) =>
        claim === undefined
          ? equals === undefined && contains === undefined
          : (equals === undefined) !== (contains === undefined),
      "a rule has a `claim` with either `equals` or `contains`, or none of the three",
    ),
  );

export const mappingShape = z.strictObject({
  label: z._default(claim, "sub").check(z.describe("The claim that grants are labelled with.")),
  rules: z.array(ruleShape).check(z.minLength(1), z.maxLength(rulesMax)),
});

const issuer = z.url().check(
  z.maxLength(500),
  z.refine((url) => !/[?#]/.test(url), "an issuer has no query and no fragment"),
  z.describe("Exactly as its tokens say it in `iss`."),
);

export const identityBody = z.strictObject({
  issuer,
  audience: z
    .optional(z.string().check(z.minLength(1), z.maxLength(300)))
    .check(z.describe("What its tokens must have in `aud`; the team's gateway URL by default.")),
  algorithms: z
    ._default(z.array(z.enum(issuerAlgorithms)).check(z.minLength(1), z.maxLength(issuerAlgorithms.length)), [
      "RS256",
      "ES256",
    ])
    .check(z.describe("What it may sign with: public keys only.")),
  mapping: mappingShape,
  sign_in: z
    ._default(z.nullable(signInBody), null)
    .check(z.describe("How people sign in to the team's pages by it; null: they do not.")),
});

export const identityShape = z
  .strictObject({
    issuer: z.string(),
    audience: z.string(),
    algorithms: z.array(z.enum(issuerAlgorithms)),
    mapping: mappingShape,
    sign_in: z.nullable(signInShape),
    jwks_uri: z.string(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Identity" });

export const mappedShape = z.strictObject({
  label: z.string(),
  role: z.nullable(role),
  approver,
  auditor,
  tags: z.array(z.string()),
  servers: attachmentsBody,
});

type Who = TeamCall<unknown, unknown>;

/** The mapping with the ids of what it names, or every name in it that is not one. */
export async function resolveMapping(
  call: Who,
  { label, rules }: z.output<typeof mappingShape>,
): Promise<Mapping | Fault> {
  const resolved: MappingRule[] = [];
  const errors: { pointer: string; message: string }[] = [];
  for (const [index, { claim, equals, contains, servers, ...rest }] of rules.entries()) {
    const found = await resolveAttachments(call, servers, `/mapping/rules/${index}/servers`);
    if (isFault(found)) errors.push(...(found.errors ?? []));
    else resolved.push({ when: testOf(claim, equals, contains), servers: found, ...rest });
  }
  return errors.length === 0
    ? { label, rules: resolved }
    : fault("invalid", "The request has mistakes; `errors` says where.", errors);
}

function testOf(
  claim: string | undefined,
  equals: string | number | boolean | undefined,
  contains: string | undefined,
): ClaimTest | null {
  if (claim === undefined) return null;
  if (equals !== undefined) return { claim, equals };
  return contains === undefined ? null : { claim, contains };
}

/** A team's identity provider as requests write it: what the team has removed since is left out of its mapping. */
export async function showIdentity(call: Who, identity: Identity) {
  const { db, team } = call;
  const { mapping, algorithms } = readIssuer(identity);
  const slugs = await findSlugs(
    db,
    team.id,
    mapping.rules.flatMap(({ servers }) => servers),
  );
  return {
    issuer: identity.issuer,
    audience: identity.audience,
    algorithms,
    mapping: { label: mapping.label, rules: mapping.rules.map((rule) => showRule(rule, slugs)) },
    sign_in: showSignIn(call, identity),
    jwks_uri: identity.jwksUri,
    created_at: timestamp(identity.createdAt),
    updated_at: timestamp(identity.updatedAt),
  };
}

const showRule = ({ when, servers, ...rest }: MappingRule, slugs: ReadonlyMap<string, string>) => ({
  ...when,
  ...rest,
  servers: showServers(servers, slugs),
});

const showServers = (servers: readonly MappedServer[], slugs: ReadonlyMap<string, string>) =>
  servers.flatMap(({ server, policy }) => {
    const slug = slugs.get(server);
    return slug === undefined ? [] : [{ server: slug, policy: (policy && slugs.get(policy)) ?? null }];
  });

/** What a token's claims come to, by the names of the team's things. */
export async function showMapped({ db, team }: Who, { servers, ...rest }: Mapped) {
  return { ...rest, servers: showServers(servers, await findSlugs(db, team.id, servers)) };
}
