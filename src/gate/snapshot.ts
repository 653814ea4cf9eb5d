import type { ConnectionId, FamilyId, GrantId, PolicyId, ServerId, TeamId, UserId } from "../id.ts";
import type { Category, Level } from "../risk/classify.ts";

/** A value sealed by `upstream/vault.ts`; only the Worker that forwards opens it. */
export type Sealed = string;

/** One saved policy as the gate judges by it: the exact text that was saved, and which revision it is. */
export interface PolicyText {
  readonly id: PolicyId;
  readonly name: string;
  readonly revision: number;
  /** The document as written (dialect A or B), compact JSON. */
  readonly text: string;
}

/** A tool whose definition a person (or the first look at a new server) accepted. */
export interface Pin {
  readonly name: string;
  /** SHA-256 in hex over the canonical definition (`upstream/definition.ts`). */
  readonly hash: string;
  readonly category: Category;
  readonly level: Level;
}

/** Headers that sign in for everybody: what `upstream/vault.ts` needs to open them. */
export interface HeaderCredential {
  readonly wrappedKey: Sealed;
  readonly value: Sealed;
}

/** An account that somebody has connected: whose it has to be, and which it is. */
export interface AccountCredential {
  readonly wrappedKey: Sealed;
  readonly account: {
    readonly per: "team" | "member";
    /** null: nobody has connected it, or it had to be a member's and the grant acts for none. */
    readonly connection: ConnectionId | null;
  };
}

/** One server that a grant may reach: where it is, how to sign in to it, and what the grant may do there. */
export interface Route {
  readonly server: {
    readonly id: ServerId;
    readonly slug: string;
    readonly name: string;
    readonly url: string;
  };
  /** How the server is signed in to; null where it takes nothing. */
  readonly credential: HeaderCredential | AccountCredential | null;
  /** null = none attached: everything is denied as `(no policy)`. */
  readonly policy: PolicyText | null;
  readonly pins: readonly Pin[];
  /** Hashes of the definitions that are held back; absent in what a gate kept of an earlier version. */
  readonly held?: readonly string[];
  /** No look at this server's tools has succeeded yet: the first list pins them. */
  readonly unpinned: boolean;
}

/** A subject, and what its grant was made of: claims, hashed, by a revision of the team's identity. */
export interface SubjectState {
  readonly issuer: string;
  readonly sub: string;
  readonly fingerprint: string;
  readonly mappedRevision: number;
  /** When the token was issued that they were in, in seconds. */
  readonly mappedIat: number;
  /** The revision of the team's identity now. */
  readonly revision: number;
}

/** All that a gate must know to decide, read from D1's primary in one batch with the team's epoch. */
export interface Snapshot {
  readonly epoch: number;
  readonly team: {
    readonly id: TeamId;
    readonly slug: string;
    readonly zone: string;
    readonly frozen: "off" | "writes" | "all";
    /** Wrapped (`upstream/vault.ts`); absent in what a gate kept of an earlier version. */
    readonly dataKey?: Sealed;
    /** What the operator lets the team call in 24 hours; absent where there is no such quota. */
    readonly callsADay?: number;
    readonly policy: PolicyText | null;
  };
  readonly grant: {
    readonly id: GrantId;
    readonly label: string;
    readonly tags: readonly string[];
    readonly revoked: boolean;
    readonly expiresAtMs: number;
    /** The bearer forms that stand: a token whose `jti` is not here, or past its time, is refused. */
    readonly tokens: readonly { readonly jti: string; readonly notAfterMs: number }[];
    /** The OAuth sign-ins whose access tokens stand, in the same way; absent where there are none. */
    readonly families?: readonly { readonly id: FamilyId; readonly notAfterMs: number }[];
    /** Whose grant it is, where the team's own issuer named them; absent where nobody's token but its own is taken. */
    readonly subject?: SubjectState;
    /** Who comes through the team's own identity provider has no address. */
    readonly member: { readonly id: UserId; readonly email: string | null; readonly role: string } | null;
  };
  readonly routes: readonly Route[];
}
