import { base64url } from "jose";
import { newId } from "../id.ts";
import { addressOf, ration } from "../identity/attempt.ts";
import { authorizationUrl, codeIn, type SignInAtIssuer } from "../identity/sign_in_at_issuer.ts";
import { findIdentityAt, type Identity } from "../store/identity.ts";
import { openAttempt, type SsoAttempt, sealAttempt } from "../upstream/sso_attempt.ts";
import type { ApiDeps } from "./deps.ts";
import { redirectUri } from "./identity_sign_in.ts";
import { type Arrived, arrive } from "./sso_arrival.ts";
import { whoSignedIn } from "./sso_exchange.ts";

/** How coming back from a team's identity provider ended; `src/web/sso.ts` has the words for it. */
export type Ending = "busy" | "over" | "failed" | "refused" | "no_role" | "full";

const cookieName = "__Host-sso";
const attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
const attemptMs = 10 * 60_000;

/**
 * `/sso/{team}` sends a person to their team's identity provider, and `/sso/callback` takes them back. What is between
 * is in their browser's cookie, sealed: whoever knocks costs no row.
 */
export const sso =
  (deps: ApiDeps) =>
  async (request: Request): Promise<Response> => {
    if (request.method !== "GET") {
      return new Response("This address is read with GET.\n", { status: 405, headers: { Allow: "GET" } });
    }
    const url = new URL(request.url);
    const [, , team = "", rest] = url.pathname.split("/");
    if (team === "callback") return comeBack(request, deps, url);
    const identity = await findIdentityAt(deps.db, team);
    if (!identity?.signIn) return nothing();
    const signIn = JSON.parse(identity.signIn) as SignInAtIssuer;
    if (rest === "jwks.json")
      return signIn.publicKey ? Response.json({ keys: [signIn.publicKey] }) : nothing();
    return goThere(deps, url, team, identity, signIn);
  };

/** For a team without it and for none: one answer. */
const nothing = (): Response => new Response("There is nothing here.\n", { status: 404 });

async function goThere(
  deps: ApiDeps,
  url: URL,
  team: string,
  { revision }: Identity,
  signIn: SignInAtIssuer,
): Promise<Response> {
  const text = () => base64url.encode(deps.random(32));
  const attempt: SsoAttempt = {
    team,
    revision,
    state: text(),
    nonce: text(),
    verifier: text(),
    next: nextOf(url.searchParams.get("next"), deps.origin),
    expiresAtMs: deps.now() + attemptMs,
  };
  const sealed = await sealAttempt(deps.masterKeys, attempt, deps.random);
  const location = authorizationUrl(signIn, redirectUri(deps.origin), attempt);
  return leave(location, [`${cookieName}=${sealed}; Max-Age=${attemptMs / 1000}; ${attributes}`]);
}

/** A path of ours, and of nobody else's. */
function nextOf(given: string | null, origin: string): string {
  const url = given?.startsWith("/") ? URL.parse(given, origin) : null;
  return url?.origin === origin ? `${url.pathname}${url.search}` : "/";
}

const forgetAttempt = `${cookieName}=; Max-Age=0; ${attributes}`;

async function comeBack(request: Request, deps: ApiDeps, url: URL): Promise<Response> {
  const ended = await finish(request, deps, url);
  if (typeof ended === "string") return leave(`${deps.origin}/sso-ended/${ended}`, [forgetAttempt]);
  return leave(`${deps.origin}${ended.next}`, [forgetAttempt, ended.cookie]);
}

async function finish(
  request: Request,
  deps: ApiDeps,
  url: URL,
): Promise<Ending | (Arrived & { next: string })> {
  const address = addressOf((name) => request.headers.get(name), deps.origin);
  // Each way back has the issuer asked.
  if (address !== null && (await ration("sso", `address ${address}`, deps))) return "busy";
  const sealed = attemptIn(request.headers);
  const attempt = sealed === null ? null : await openAttempt(deps.masterKeys, sealed);
  if (!attempt || attempt.expiresAtMs <= deps.now()) return "over";
  const identity = await findIdentityAt(deps.db, attempt.team);
  // Whoever changes how people sign in changes it for those who are on their way, too.
  if (!identity?.signIn || identity.revision !== attempt.revision) return "over";
  const signIn = JSON.parse(identity.signIn) as SignInAtIssuer;
  const code = codeIn(url.searchParams, identity.issuer, signIn, attempt.state);
  const who =
    typeof code === "string" ? await whoSignedIn(deps, identity, signIn, { ...attempt, code }) : code;
  const requestId = newId("req", deps.random);
  const visit = { deps, identity, requestId, client: request.headers.get("User-Agent") };
  const arrived = await arrive(visit, who);
  return typeof arrived === "string" ? arrived : { ...arrived, next: attempt.next };
}

function attemptIn(headers: Headers): string | null {
  const pairs = (headers.get("Cookie") ?? "").split(";").map((pair) => pair.trim());
  const [only, ...more] = pairs.filter((pair) => pair.startsWith(`${cookieName}=`));
  return only === undefined || more.length > 0 ? null : only.slice(cookieName.length + 1);
}

function leave(location: string, cookies: readonly string[]): Response {
  const headers = new Headers({
    Location: location,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
  });
  for (const cookie of cookies) headers.append("Set-Cookie", cookie);
  return new Response(null, { status: 303, headers });
}
