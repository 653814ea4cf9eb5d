import { type Fault, fault, isFault } from "../fault.ts";
import type { AccountCredential, Route } from "../gate/snapshot.ts";
import type { ConnectionId, ServerId, TeamId } from "../id.ts";
import type { Access, AccountStub } from "./account.ts";
import type { MasterKeys } from "./aead.ts";
import { type CredentialHeaders, openCredential } from "./credential.ts";

/** What it takes to sign in to servers. */
export interface SignInDeps {
  readonly master: MasterKeys;
  readonly account: (connection: ConnectionId) => Pick<AccountStub, "access">;
  readonly kept: AccessTokens;
  readonly now: () => number;
}

/** A server as it is signed in to. */
export interface SignInAt {
  readonly team: TeamId;
  readonly server: ServerId;
  readonly url: string;
}

const keptMax = 1_000;

/** Access tokens that an isolate has been given, each until shortly before its end. */
export class AccessTokens {
  readonly #kept = new Map<ConnectionId, Access>();

  find(connection: ConnectionId, nowMs: number): Access | null {
    const access = this.#kept.get(connection);
    if (access && nowMs < access.freshUntilMs) return access;
    this.#kept.delete(connection);
    return null;
  }

  keep(connection: ConnectionId, access: Access): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= keptMax && oldest) this.#kept.delete(oldest);
    this.#kept.set(connection, access);
  }

  drop(connection: ConnectionId): void {
    this.#kept.delete(connection);
  }
}

/**
 * The headers that sign in to a server; `needs_sign_in` where somebody has to connect an account first. `refused` are those
 * that the server has just refused: others are given, or none.
 */
export async function signIn(
  deps: SignInDeps,
  at: SignInAt,
  credential: Route["credential"],
  refused: CredentialHeaders | null = null,
): Promise<CredentialHeaders | Fault> {
  if (credential === null) return {};
  if ("value" in credential) {
    return openCredential(deps.master, credential.wrappedKey, at.team, at.server, credential.value);
  }
  const access = await accessOf(deps, at, credential, refused);
  return isFault(access) ? access : { [header]: `${scheme}${access.token}` };
}

const [header, scheme] = ["Authorization", "Bearer "];

async function accessOf(
  { account, kept, now }: SignInDeps,
  { url }: SignInAt,
  { wrappedKey, account: { per, connection } }: AccountCredential,
  refused: CredentialHeaders | null,
): Promise<Access | Fault> {
  if (connection === null) return unconnected[per];
  const known = refused === null ? kept.find(connection, now()) : null;
  if (known) return known;
  kept.drop(connection);
  const { origin } = new URL(url);
  const asked = { origin, wrappedKey, refused: refused?.[header]?.slice(scheme.length) ?? null };
  const access = await answered(() => account(connection).access(asked));
  if (!isFault(access)) kept.keep(connection, access);
  return access;
}

// An account waits for its authorization server for ten seconds.
const accountMs = 15_000;

/** What an account says; a fault where it fails, hangs, or says half of it: nothing was sent then. */
async function answered(ask: () => Promise<Access | Fault>): Promise<Access | Fault> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Fault>((done) => {
    timer = setTimeout(() => done(silent), accountMs);
  });
  try {
    const access = await Promise.race([ask(), late]);
    return isFault(access) || isAccess(access) ? access : silent;
  } catch (error) {
    console.error("an account does not answer", error);
    return silent;
  } finally {
    clearTimeout(timer);
  }
}

const isAccess = (access: Access | null): boolean =>
  typeof access?.token === "string" && access.token !== "" && typeof access.freshUntilMs === "number";

const silent = fault(
  "unavailable",
  "The account at this server does not answer, so nothing was sent. Try again shortly.",
);

const unconnected: Record<AccountCredential["account"]["per"], Fault> = {
  team: fault("needs_sign_in", "Nobody has connected the team's account at this server yet."),
  member: fault(
    "needs_sign_in",
    "At this server everybody uses an account of their own. Whoever this grant acts for has not connected theirs; a grant that acts for no member cannot be used here.",
  ),
};
