import { newId, type Random, type TeamId, type UserId } from "../id.ts";
import { insertSession, type SessionKind } from "../store/session.ts";
import { sessionCookie } from "./cookie.ts";
import { mintSession, sessionLifetimeMs } from "./session.ts";
import type { SignInDeps } from "./sign_in.ts";

/** A session that stands once its statements have run. */
export interface StartedSession {
  readonly statements: readonly D1PreparedStatement[];
  /** Its bearer form, and the same as `Set-Cookie`: whoever is answered gets one of the two. */
  readonly token: string;
  readonly cookie: string;
  readonly expiresAtMs: number;
}

/** A new session of twelve hours for a person who has proved to be one. `client` is the User-Agent, hostile and of any length. */
export async function startSession(
  who: { readonly user: UserId; readonly team: TeamId | null; readonly kind: SessionKind },
  client: string | null,
  deps: SignInDeps & { readonly random: Random },
): Promise<StartedSession> {
  const nowMs = deps.now();
  const expiresAtMs = nowMs + sessionLifetimeMs;
  const session = { user: who.user, jti: newId("ses", deps.random), expiresAtMs };
  const token = await mintSession(session, deps.keys, deps.origin, nowMs);
  const stored = { ...session, team: who.team, kind: who.kind, client: legible(client ?? "") };
  return {
    statements: insertSession(deps.db, stored, nowMs),
    token,
    cookie: sessionCookie(token, sessionLifetimeMs / 1000),
    expiresAtMs,
  };
}

const clientCharsMax = 200;

/** Kept to tell sessions apart, never to act by: printable ASCII, which is what RFC 9110 §10.1.5 makes of a User-Agent. */
const legible = (client: string): string => client.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, clientCharsMax);
