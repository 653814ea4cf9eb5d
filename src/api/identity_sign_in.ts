import { exportJWK, generateKeyPair } from "jose";
import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { IssuerMetadata } from "../identity/discovery.ts";
import type { SignInAtIssuer } from "../identity/sign_in_at_issuer.ts";
import { hasSecondFactor, type Identity } from "../store/identity.ts";
import { openClientSecret, sealClientSecret } from "../upstream/client_secret.ts";
import type { TeamCall } from "./operation.ts";

const clientAuth = z.enum(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
const scope = z.string().check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/));

export const signInBody = z.strictObject({
  client_id: z.string().check(z.regex(/^[\x20-\x7e]{1,300}$/)),
  client_auth: z._default(clientAuth, "client_secret_basic"),
  client_secret: z
    .optional(z.string().check(z.minLength(1), z.maxLength(2_000)))
    .check(
      z.describe("Write-only. Without it the one before is kept, at the same issuer and of the same client."),
    ),
  scopes: z
    ._default(z.array(scope).check(z.maxLength(20)), ["openid"])
    .check(z.describe("What is asked of the issuer; `openid` always is.")),
  required: z
    ._default(z.boolean(), false)
    .check(
      z.describe(
        "true: members with an account of their own stay out, but for the admin who turns this on, with a second factor.",
      ),
    ),
});

export const signInShape = z.strictObject({
  client_id: z.string(),
  client_auth: clientAuth,
  scopes: z.array(z.string()),
  required: z.boolean(),
  break_glass: z.nullable(z.string()).check(z.describe("The admin who gets in when the issuer fails.")),
  sign_in_url: z.url(),
  redirect_uri: z.url().check(z.describe("To be registered with the client at the issuer.")),
  jwks_uri: z.nullable(z.url()).check(z.describe("Where the client's public key is, for `private_key_jwt`.")),
});

/** Where people come back to from any team's issuer: the sealed cookie says which. */
export const redirectUri = (origin: string): string => `${origin}/sso/callback`;

type Kept = Pick<Identity, "signIn" | "clientSecret" | "required" | "breakGlass">;
const nobody: Kept = { signIn: null, clientSecret: null, required: 0, breakGlass: null };

type Call = TeamCall<unknown, unknown>;

/** What is stored of how people sign in, or what the request must say besides. */
export async function resolveSignIn(
  call: Call,
  given: z.output<typeof signInBody> | null,
  at: { readonly issuer: string; readonly before: Identity | null; readonly metadata: IssuerMetadata },
): Promise<Kept | Fault> {
  if (!given) return nobody;
  const { authorizationEndpoint, tokenEndpoint, namesItself } = at.metadata;
  if (authorizationEndpoint === null || tokenEndpoint === null) {
    return mistake("", "the issuer's metadata has no endpoints to sign in by");
  }
  const unusable = [authorizationEndpoint, tokenEndpoint].find((url) => call.deps.judgeUrl(url) !== null);
  if (unusable) return mistake("", `the issuer's endpoint ${unusable.slice(0, 200)} cannot be used`);
  const breakGlass = given.required ? await breakGlassOf(call, at.before) : null;
  if (isFault(breakGlass)) return breakGlass;
  const proof = await proofOf(call, given, at);
  if (isFault(proof)) return proof;
  const signIn: SignInAtIssuer = {
    clientId: given.client_id,
    auth: given.client_auth,
    scopes: [...new Set(["openid", ...given.scopes])],
    authorizationEndpoint,
    tokenEndpoint,
    namesItself,
    publicKey: proof.publicKey,
  };
  return {
    signIn: JSON.stringify(signIn),
    clientSecret: proof.sealed,
    required: given.required ? 1 : 0,
    breakGlass,
  };
}

/** Whoever requires it can still get in without it; an admin who comes by the issuer leaves in place who was that before. */
async function breakGlassOf(
  { db, user, session }: Call,
  before: Identity | null,
): Promise<Identity["breakGlass"] | Fault> {
  const inPerson = user.email !== null && session.kind !== "token";
  if (inPerson && (await hasSecondFactor(db, user.id))) return user.id;
  if (before?.required === 1 && before.breakGlass !== null) return before.breakGlass;
  return mistake(
    "/required",
    "an admin with an account and a second factor must turn this on: they are the one who gets in when the issuer fails",
  );
}

interface Proof {
  readonly sealed: string;
  readonly publicKey: SignInAtIssuer["publicKey"];
}

async function proofOf(
  { deps, team }: Call,
  { client_id: clientId, client_auth: auth, client_secret: secret }: z.output<typeof signInBody>,
  { issuer, before }: { readonly issuer: string; readonly before: Identity | null },
): Promise<Proof | Fault> {
  const at = { team: team.id, issuer, clientId };
  const was = before?.signIn ? (JSON.parse(before.signIn) as SignInAtIssuer) : null;
  const kept = was !== null && (was.auth === "private_key_jwt") === (auth === "private_key_jwt");
  const sealed = kept ? (before?.clientSecret ?? null) : null;
  // It opens only for the issuer and the client that it was given for.
  if (
    secret === undefined &&
    sealed !== null &&
    (await openClientSecret(deps.masterKeys, at, sealed)) !== null
  ) {
    return { sealed, publicKey: was?.publicKey ?? null };
  }
  if (auth === "private_key_jwt") return newKey(deps, at);
  if (secret === undefined) return mistake("/client_secret", "give the client's secret");
  return { sealed: await sealClientSecret(deps.masterKeys, at, secret, deps.random), publicKey: null };
}

/** A key of this team's client alone: one for all would let a team speak as another's client. */
async function newKey(deps: Call["deps"], at: Parameters<typeof sealClientSecret>[1]): Promise<Proof> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const secret = JSON.stringify(await exportJWK(privateKey));
  const published = { ...(await exportJWK(publicKey)), alg: "ES256", use: "sig" };
  return { sealed: await sealClientSecret(deps.masterKeys, at, secret, deps.random), publicKey: published };
}

const mistake = (pointer: string, message: string): Fault =>
  fault("invalid", "The request has mistakes; `errors` says where.", [
    { pointer: `/sign_in${pointer}`, message },
  ]);

/** How people sign in, as answers show it: never the secret. */
export function showSignIn({ deps, team }: Call, { signIn, required, breakGlass }: Identity) {
  if (signIn === null) return null;
  const { clientId, auth, scopes, publicKey } = JSON.parse(signIn) as SignInAtIssuer;
  const url = `${deps.origin}/sso/${team.slug}`;
  return {
    client_id: clientId,
    client_auth: auth,
    scopes,
    required: required === 1,
    break_glass: breakGlass,
    sign_in_url: url,
    redirect_uri: redirectUri(deps.origin),
    jwks_uri: publicKey ? `${url}/jwks.json` : null,
  };
}
