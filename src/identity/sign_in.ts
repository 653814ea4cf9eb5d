import { type Fault, fault } from "../fault.ts";
import type { TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import { findScriptToken, touchScriptToken } from "../store/script_token.ts";
import { findSession, type SessionKind, type SessionUser, touchSession } from "../store/session.ts";
import type { Role } from "../store/team.ts";
import { sessionInCookie } from "./cookie.ts";
import type { KeySet } from "./keys.ts";
import { verifyScriptToken } from "./script_token.ts";
import { verifySession } from "./session.ts";

export interface SignInDeps {
  readonly db: Db;
  readonly keys: KeySet;
  /** PUBLIC_ORIGIN, without a slash at its end. */
  readonly origin: string;
  readonly now: () => number;
}

/** Whom a request speaks for, and how far what it showed reaches. */
export interface SignedIn {
  readonly user: SessionUser;
  readonly session: {
    /** The session's or the token's. */
    readonly jti: string;
    readonly expiresAtMs: number;
    readonly kind: SessionKind | "token";
    /** The one team that it opens; null is all of the person's. */
    readonly team: TeamId | null;
    /** The most that it may do there; null is all that the person may. */
    readonly role: Role | null;
  };
}

/**
 * Whom a request to `/v1` speaks for. A bearer token needs nothing else, because nobody sends it unawares. The cookie goes
 * along by itself, so it counts only from our own pages: by `Sec-Fetch-Site`, and where something may change by `Origin`
 * and JSON too, which no foreign page can send without asking first.
 */
export async function signedIn(request: Request, deps: SignInDeps): Promise<SignedIn | Fault> {
  const authorization = request.headers.get("Authorization");
  if (authorization !== null) {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (!token) return unauthenticated;
    return (await standing(token, deps)) ?? (await script(token, deps)) ?? unauthenticated;
  }
  const cookie = sessionInCookie(request.headers);
  if (cookie === null) return unauthenticated;
  if (!byOurPage(request, deps.origin) || !(isSafe(request.method) || isJson(request))) return notOurPage;
  return (await standing(cookie, deps)) ?? unauthenticated;
}

/**
 * Who looks at a page of ours, or sends its form: the cookie's person, or null. Following a link from elsewhere is
 * looking; a form counts only from our own origin.
 */
export async function visitor(request: Request, deps: SignInDeps): Promise<SignedIn | null> {
  const cookie = sessionInCookie(request.headers);
  if (cookie === null || !(isSafe(request.method) || byOurPage(request, deps.origin))) return null;
  return standing(cookie, deps);
}

/** Whether a page of ours sends this: it gets the cookie in the place of a token, which a script could lose. */
export function fromOurPages(
  method: string,
  header: (name: string) => string | null,
  origin: string,
): boolean {
  const from = header("Origin");
  // Browsers send no Origin with a GET to the page's own; with anything else they do (Fetch §3.1).
  const ours = from === origin || (from === null && isSafe(method));
  return ours && header("Sec-Fetch-Site") === "same-origin";
}

const byOurPage = ({ method, headers }: Request, origin: string): boolean =>
  fromOurPages(method, (name) => headers.get(name), origin);

const isSafe = (method: string): boolean => method === "GET" || method === "HEAD";

const isJson = ({ headers }: Pick<Request, "headers">): boolean =>
  /^application\/json(?:;|$)/i.test(headers.get("Content-Type") ?? "");

// Rarely enough that reading costs no write, often enough that a list of sessions tells which is in use.
const touchEveryMs = 5 * 60_000;

/** What a session's token opens now: it is asked at every request, so that an ended session is over at once. */
async function standing(token: string, deps: SignInDeps): Promise<SignedIn | null> {
  const nowMs = deps.now();
  const session = await verifySession(token, deps.keys, deps.origin, nowMs);
  const found = session && (await findSession(deps.db, session.jti, nowMs));
  if (!found || found.user.id !== session.user) return null;
  if (nowMs - found.lastUsedAtMs >= touchEveryMs) await touchSession(deps.db, session.jti, nowMs);
  const { user, kind, team } = found;
  return { user, session: { jti: session.jti, expiresAtMs: session.expiresAtMs, kind, team, role: null } };
}

/** The same of a script's token; never of one in a cookie. */
async function script(token: string, deps: SignInDeps): Promise<SignedIn | null> {
  const nowMs = deps.now();
  const bearer = await verifyScriptToken(token, deps.keys, deps.origin, nowMs);
  const found = bearer && (await findScriptToken(deps.db, bearer.jti, nowMs));
  if (!found || found.user.id !== bearer.user) return null;
  const { team, role, lastUsedAt } = found.token;
  if (nowMs - (lastUsedAt ?? 0) >= touchEveryMs) await touchScriptToken(deps.db, bearer.jti, nowMs);
  const { jti, expiresAtMs } = bearer;
  return { user: found.user, session: { jti, expiresAtMs, kind: "token", team, role } };
}

const unauthenticated = fault(
  "unauthenticated",
  "Sign in with POST /v1/login and send its token as `Authorization: Bearer …`. It may be missing, damaged, expired or signed out.",
);

const notOurPage = fault(
  "bad_origin",
  "The cookie counts only for requests of this gateway's own pages, with a body of `Content-Type: application/json` where something changes. Send a token as `Authorization: Bearer …` instead.",
);
