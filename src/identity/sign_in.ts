import { type Fault, fault } from "../fault.ts";
import type { TeamId } from "../id.ts";
import type { Db } from "../store/database.ts";
import { findSession, type SessionKind, type SessionUser, touchSession } from "../store/session.ts";
import { sessionInCookie } from "./cookie.ts";
import type { KeySet } from "./keys.ts";
import { type Session, verifySession } from "./session.ts";

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
  readonly session: Session & {
    readonly kind: SessionKind;
    /** The one team that it opens; null is all of the person's. */
    readonly team: TeamId | null;
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
    return (token ? await standing(token, deps) : null) ?? unauthenticated;
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

/** What a token opens now: it is asked at every request, so that an ended session is over at once. */
async function standing(token: string, deps: SignInDeps): Promise<SignedIn | null> {
  const nowMs = deps.now();
  const session = await verifySession(token, deps.keys, deps.origin, nowMs);
  const found = session && (await findSession(deps.db, session.jti, nowMs));
  if (!found || found.user.id !== session.user) return null;
  if (nowMs - found.lastUsedAtMs >= touchEveryMs) await touchSession(deps.db, session.jti, nowMs);
  return { user: found.user, session: { ...session, kind: found.kind, team: found.team } };
}

const unauthenticated = fault(
  "unauthenticated",
  "Sign in with POST /v1/login and send its token as `Authorization: Bearer …`. It may be missing, damaged, expired or signed out.",
);

const notOurPage = fault(
  "bad_origin",
  "The cookie counts only for requests of this gateway's own pages, with a body of `Content-Type: application/json` where something changes. Send a token as `Authorization: Bearer …` instead.",
);
