import { isFault } from "../fault.ts";
import type { GateStub } from "../gate/rpc.ts";
import type { ConnectionId, GrantId, Random, TeamId } from "../id.ts";
import type { ThrottleStub } from "../identity/throttle.ts";
import type { CounterStub } from "../limit/reservation.ts";
import type { AccountStub } from "../upstream/account.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import { type FetchDeps, platformFetch } from "../upstream/fetch.ts";
import { guardRules } from "../upstream/guard.ts";
import { parseMasterKeys } from "../upstream/vault.ts";
import type { GrantGate, SharedCounter, SignInThrottle, TeamLog, UpstreamAccount } from "./objects.ts";

/** The Worker's bindings. Only this folder names them: the rooms get what they need as arguments. */
export interface Env {
  readonly DB: D1Database;
  readonly GATES: DurableObjectNamespace<GrantGate>;
  readonly LOGS: DurableObjectNamespace<TeamLog>;
  readonly COUNTERS: DurableObjectNamespace<SharedCounter>;
  readonly ACCOUNTS: DurableObjectNamespace<UpstreamAccount>;
  readonly THROTTLES: DurableObjectNamespace<SignInThrottle>;
  /** `1:<32 bytes in base64url>[,2:…]`: seals credentials and sessions. Secret. */
  readonly MASTER_KEYS: string;
  /** A JSON array of private Ed25519 JWKs: signs every token. Secret. */
  readonly SIGNING_KEYS: string;
  /** Where people and agents reach this Worker, such as `https://gate.example.com`. */
  readonly PUBLIC_ORIGIN: string;
  /** `true` only in development: upstreams may be on this machine. */
  readonly ALLOW_LOOPBACK_UPSTREAMS?: string;
  /** Where mail is posted to, and the bearer token that goes with it (docs/teams.md). The token is secret. */
  readonly MAIL_URL?: string;
  readonly MAIL_TOKEN?: string;
}

export const now = (): number => Date.now();

export const random: Random = (count) => crypto.getRandomValues(new Uint8Array(count));

export const originOf = (env: Env): string => new URL(env.PUBLIC_ORIGIN).origin;

export const logOf = (env: Env, team: TeamId) => env.LOGS.get(env.LOGS.idFromName(team));

// The stub's own type wraps every answer for RPC; what it offers is exactly this.
export const gateOf = (env: Env, grant: GrantId): GateStub =>
  env.GATES.get(env.GATES.idFromName(grant)) as unknown as GateStub;

export const accountOf = (env: Env, connection: ConnectionId): AccountStub =>
  env.ACCOUNTS.get(env.ACCOUNTS.idFromName(connection)) as unknown as AccountStub;

export const counterOf = (env: Env, team: TeamId, series: string): CounterStub =>
  env.COUNTERS.get(env.COUNTERS.idFromName(`${team} ${series}`)) as unknown as CounterStub;

export const throttleOf = (env: Env, subject: string): ThrottleStub =>
  env.THROTTLES.get(env.THROTTLES.idFromName(subject)) as unknown as ThrottleStub;

/** The guarded way out. Throws where the settings contradict each other. */
export function wayOut(env: Env): FetchDeps {
  const rules = guardRules(originOf(env), env.ALLOW_LOOPBACK_UPSTREAMS);
  if (isFault(rules)) throw new Error(rules.detail);
  return { fetch: platformFetch, rules };
}

/** Throws where the secret is missing or malformed. */
export function masterKeys(env: Env): MasterKeys {
  const keys = parseMasterKeys(env.MASTER_KEYS ?? "");
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}
