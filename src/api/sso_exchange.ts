import { importJWK, type JWK, SignJWT } from "jose";
import { isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { readIssuerKeys } from "../identity/issuer_keys.ts";
import type { Unfit, Verified } from "../identity/issuer_token.ts";
import { readIssuer } from "../identity/read_issuer.ts";
import { type SignInAtIssuer, verifyIdToken } from "../identity/sign_in_at_issuer.ts";
import type { Identity } from "../store/identity.ts";
import { openClientSecret } from "../upstream/client_secret.ts";
import { readDocument } from "../upstream/document.ts";
import { fetchJson, legible, textAt } from "../upstream/json_fetch.ts";
import type { SsoAttempt } from "../upstream/sso_attempt.ts";
import { basicAuthorization } from "../upstream/token_request.ts";
import type { ApiDeps } from "./deps.ts";
import { redirectUri } from "./identity_sign_in.ts";

type Back = Pick<SsoAttempt, "nonce" | "verifier"> & { readonly code: string };

/** Exchanges a code, and reads from the ID token who signed in; or says why nobody did. */
export async function whoSignedIn(
  deps: ApiDeps,
  identity: Identity,
  signIn: SignInAtIssuer,
  { code, nonce, verifier }: Back,
): Promise<Verified | Unfit> {
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri(deps.origin),
    code_verifier: verifier,
  });
  const headers = new Headers({ "Content-Type": "application/x-www-form-urlencoded" });
  const unproved = await prove(deps, identity, signIn, form, headers);
  if (unproved) return unproved;
  const init = { method: "POST", headers, body: form.toString() };
  const answer = await fetchJson(deps.fetch, signIn.tokenEndpoint, init);
  if (isFault(answer)) return { why: `The issuer's token endpoint: ${answer.detail}` };
  const token = textAt(answer.body, "id_token");
  if (answer.status !== 200 || token === null) {
    const error = legible(textAt(answer.body, "error") ?? "no ID token");
    return { why: `The issuer's token endpoint answered ${answer.status}: ${error}` };
  }
  const document = await readDocument(deps.fetch, identity.jwksUri);
  const keys = isFault(document) ? null : readIssuerKeys(document);
  if (!keys) return { why: `The issuer's keys at ${identity.jwksUri} cannot be read.` };
  const accessToken = textAt(answer.body, "access_token");
  return verifyIdToken(token, readIssuer(identity), signIn, { nonce, accessToken, keys, nowMs: deps.now() });
}

/** Puts into the request what proves that it comes from the team's client; what is wrong where that is lost. */
async function prove(
  deps: ApiDeps,
  { team, issuer, clientSecret }: Identity,
  { clientId, auth }: SignInAtIssuer,
  form: URLSearchParams,
  headers: Headers,
): Promise<Unfit | null> {
  const secret = await openClientSecret(deps.masterKeys, { team, issuer, clientId }, clientSecret ?? "");
  if (secret === null) return { why: "The client's secret cannot be opened. Give it again." };
  switch (auth) {
    case "client_secret_basic":
      headers.set("Authorization", basicAuthorization(clientId, secret));
      return null;
    case "client_secret_post":
      form.set("client_id", clientId);
      form.set("client_secret", secret);
      return null;
    case "private_key_jwt":
      form.set("client_id", clientId);
      form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
      form.set("client_assertion", await assertionOf(deps, issuer, clientId, JSON.parse(secret) as JWK));
      return null;
  }
}

/** RFC 7523 §3. For the issuer itself and no endpoint that it names, so that it is good nowhere else. */
async function assertionOf(deps: ApiDeps, issuer: string, clientId: string, jwk: JWK): Promise<string> {
  const nowS = Math.floor(deps.now() / 1000);
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: newId("jti", deps.random),
    iat: nowS,
    exp: nowS + 60,
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "JWT" })
    .sign(await importJWK(jwk, "ES256"));
}
