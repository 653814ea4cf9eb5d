import type { Approval } from "../approval/approval.ts";
import type { Checkpoint } from "../audit/checkpoint.ts";
import type { Entry, EventPage, LogPage, LogQuery, LogRow } from "../audit/entry.ts";
import type { InboxPage, InboxQuery } from "../audit/inbox_table.ts";
import type { Stored, Tail } from "../audit/log.ts";
import type { Cell, StatsQuery } from "../audit/rollup_table.ts";
import type { Verified } from "../audit/verify.ts";
import type { Fault } from "../fault.ts";
import type { GateStub } from "../gate/rpc.ts";
import type { Route } from "../gate/snapshot.ts";
import type { ConnectionId, GrantId, Random, TeamId } from "../id.ts";
import type { KeySet } from "../identity/keys.ts";
import type { MailPort } from "../identity/mail.ts";
import type { Refusals } from "../identity/refusals.ts";
import type { ThrottleStub } from "../identity/throttle.ts";
import type { Db } from "../store/database.ts";
import type { AccountStub } from "../upstream/account.ts";
import type { MasterKeys } from "../upstream/aead.ts";
import type { CredentialHeaders } from "../upstream/credential.ts";
import type { Look } from "../upstream/enrol.ts";
import type { FetchDeps } from "../upstream/fetch.ts";
import type { SignInAt } from "../upstream/sign_in.ts";

/** A team's log, as an RPC stub offers it; the methods are described in `audit/log.ts`. */
export interface LogStub {
  append(entries: readonly Entry[]): Promise<unknown>;
  forget(): Promise<void>;
  list(query: LogQuery): Promise<LogPage>;
  find(gate: GrantId, seq: number): Promise<LogRow | null>;
  events(before: number | null, limit: number): Promise<EventPage>;
  follow(after: number | null, limit: number): Promise<Tail>;
  read(after: number, limit: number): Promise<Stored>;
  hashAt(n: number): Promise<string | null>;
  checkpoints(after: number, limit: number): Promise<readonly Checkpoint[]>;
  verify(from: number | null): Promise<Verified>;
  stats(query: StatsQuery): Promise<readonly Cell[]>;
}

/** A team's inbox of approvals, as an RPC stub offers it. */
export interface InboxStub {
  inbox(query: InboxQuery): Promise<InboxPage>;
  filed(id: string): Promise<Approval | null>;
}

/** All that the control plane needs from outside; the composition root fills it in. */
export interface ApiDeps {
  readonly db: Db;
  readonly gate: (grant: GrantId) => Pick<GateStub, "apply" | "find" | "forget" | "usage">;
  readonly log: (team: TeamId) => LogStub;
  readonly approvals: (grant: GrantId) => Pick<GateStub, "approval" | "decide">;
  readonly inbox: (team: TeamId) => InboxStub;
  readonly keys: KeySet;
  /** PUBLIC_ORIGIN: the issuer of tokens and the start of every URL that is shown. No slash at its end. */
  readonly origin: string;
  /** What wraps the teams' data keys. */
  readonly masterKeys: MasterKeys;
  /** An account at a server, as an RPC stub offers it. */
  readonly account: (connection: ConnectionId) => AccountStub;
  /** The headers that sign in to a server; `needs_sign_in` where somebody has to connect an account first. */
  readonly signIn: (at: SignInAt, credential: Route["credential"]) => Promise<CredentialHeaders | Fault>;
  /** The way to what servers name when somebody connects an account. */
  readonly fetch: FetchDeps;
  /** Connects to an upstream and lists its tools; a Fault where the guard refuses the URL. */
  readonly look: (url: string, headers: CredentialHeaders) => Promise<Look | Fault>;
  /** Goes on with work behind the answer, and writes down what fails. */
  readonly behind: (work: Promise<unknown>) => void;
  /** How mail is sent, or why none can be. */
  readonly mail: MailPort | Fault;
  readonly refusals: Pick<Refusals, "unknown">;
  /** Counts tries at a subject (`identity/attempt.ts`). */
  readonly throttle: (subject: string) => ThrottleStub;
  /** Why the gateway may not connect to an address, or null where it may. */
  readonly judgeUrl: (url: string) => Fault | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: Random;
}
