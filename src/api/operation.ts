import type * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { SignedIn } from "../identity/sign_in.ts";
import type { Json } from "../json/value.ts";
import { type Db, shardOf } from "../store/database.ts";
import { findMembership, type Membership, type Role } from "../store/team.ts";
import { checkBody, checkShape } from "./body.ts";
import type { ApiDeps } from "./deps.ts";
import { once } from "./idempotency.ts";
import type { Reply } from "./reply.ts";

/**
 * Who may call: anybody; whoever is signed in; the same, but not by a script's token; a person with an account, who is signed
 * in for all of their teams; or a member of the path's team with at least this role.
 */
export type Access = "public" | "user" | "session" | "person" | Role;

/** One line of the API: what the router serves and what the OpenAPI document says, from the same place. */
export interface Operation {
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** An OpenAPI path template. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: Access;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  /** Request headers that it takes. */
  readonly headers?: readonly string[];
  /** A script's token may not, whatever its role. */
  readonly inPerson?: boolean;
  /** A request without a body is read as `{}`. */
  readonly bodyOptional?: boolean;
  /** What a success is written in, where that is not JSON. */
  readonly media?: readonly string[];
  /** What it answers, status by status; null is no body. Faults are answered as problems and not listed. */
  readonly answers: Readonly<Record<number, z.ZodMiniType | null>>;
  readonly run: (visit: Visit) => Promise<Reply | Fault>;
}

/** A request that has reached its operation. */
export interface Visit {
  readonly deps: ApiDeps;
  readonly requestId: string;
  readonly nowMs: number;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly header: (name: string) => string | null;
  /** The network that it comes from; null on loopback. */
  readonly address: string | null;
  /** Reads the body; called once, and only after the caller proved to be allowed. */
  readonly body: () => Promise<Json | Fault>;
  /** Whom the request speaks for now; a stream asks again. */
  readonly signIn: () => Promise<SignedIn | Fault>;
}

/** What a handler is given: everything checked. */
export interface Call<Body, Query> extends Omit<Visit, "query" | "body"> {
  readonly body: Body;
  readonly query: Query;
  /** The body as a tree, for what must keep its exact text. */
  readonly tree: Json;
}

export interface UserCall<Body, Query> extends Call<Body, Query>, SignedIn {}

export interface TeamCall<Body, Query> extends UserCall<Body, Query> {
  readonly membership: Membership;
  readonly team: Membership["team"];
  /** The database that holds the team. */
  readonly db: Db;
}

interface Spec<B extends z.ZodMiniType, Q extends z.ZodMiniType>
  extends Omit<Operation, "access" | "run" | "body" | "query"> {
  readonly body?: B;
  readonly query?: Q;
}

type Handler<C> = (call: C) => Promise<Reply | Fault>;

/** An operation that needs no sign-in. */
export function publicOperation<B extends z.ZodMiniType, Q extends z.ZodMiniType>(
  spec: Spec<B, Q>,
  handle: Handler<Call<z.output<B>, z.output<Q>>>,
): Operation {
  const run = async (visit: Visit) => {
    const call = await checked(visit, spec);
    return isFault(call) ? call : handle(call);
  };
  return { ...spec, access: "public", run };
}

/** An operation outside any team, of those signed in whom `whyNot` does not refuse. */
const ofSignedIn =
  (access: Access, whyNot: (session: SignedIn["session"]) => Fault | null) =>
  <B extends z.ZodMiniType, Q extends z.ZodMiniType>(
    spec: Spec<B, Q>,
    handle: Handler<UserCall<z.output<B>, z.output<Q>>>,
  ): Operation => {
    const run = async (visit: Visit) => {
      const signedIn = await visit.signIn();
      if (isFault(signedIn)) return signedIn;
      const refused = whyNot(signedIn.session);
      if (refused) return refused;
      const call = await checked(visit, spec);
      if (isFault(call)) return call;
      return once(spec, call, signedIn.user.id, () => handle({ ...call, ...signedIn }));
    };
    return { ...spec, access, run };
  };

/** What a script is told where a person must act. */
export const noToken = fault("forbidden", "A script's token may not do this. Sign in with POST /v1/login.");
const oneTeamOnly = fault(
  "forbidden",
  "This sign-in is good for one team only. Sign in with an account of your own.",
);

/** An operation of whoever is signed in. */
export const userOperation = ofSignedIn("user", () => null);

/** An operation on how somebody signs in: their scripts may not. */
export const sessionOperation = ofSignedIn("session", ({ kind }) => (kind === "token" ? noToken : null));

/** An operation on a person's account, or on more than one team: nor may a session that is good for one team only. */
export const personOperation = ofSignedIn("person", ({ kind, team }) => {
  if (kind === "token") return noToken;
  return team === null ? null : oneTeamOnly;
});

/**
 * An operation below `/v1/teams/{team}`: the team is looked up among the user's own, so that another's and none are one
 * answer, and the role is checked before anything of the request is read.
 */
export function teamOperation<B extends z.ZodMiniType, Q extends z.ZodMiniType>(
  role: Role,
  spec: Spec<B, Q>,
  handle: Handler<TeamCall<z.output<B>, z.output<Q>>>,
): Operation {
  const run = async (visit: Visit) => {
    const signedIn = await visit.signIn();
    if (isFault(signedIn)) return signedIn;
    const membership = await membershipOf(visit, signedIn);
    if (!membership) return nothingHere;
    if (membership.closed) return whyClosed(visit.deps.origin, membership);
    if (spec.inPerson && signedIn.session.kind === "token") return noToken;
    if (!atLeast(membership.role, role)) return needsRole(role);
    const call = await checked(visit, spec);
    if (isFault(call)) return call;
    const { team } = membership;
    const within = { ...call, ...signedIn, membership, team, db: shardOf(team.id, visit.deps.db) };
    return once(spec, call, signedIn.user.id, () => handle(within));
  };
  return { ...spec, access: role, run };
}

/** The path's team, if it is the person's and their session opens it; with no more than that may do. */
async function membershipOf({ deps, params }: Visit, signedIn: SignedIn): Promise<Membership | null> {
  const { user, session } = signedIn;
  const found = await findMembership(deps.db, user.id, params["team"] ?? "", session.team);
  return found && within(session, found);
}

/** What a member is told whose team does not take them as they are. */
export const whyClosed = (origin: string, { team, closed }: Membership): Fault =>
  fault(
    "forbidden",
    closed === "second_factor"
      ? `This team takes members only with a second factor, and you have none. Set one up at ${origin}/second-factor`
      : `This team is signed in to by its own identity provider only. Go to ${origin}/sso/${team.slug}`,
  );

/** A membership as far as a session reaches: a script has a role at most, and decides and reads nothing in person. */
export function within({ role }: SignedIn["session"], membership: Membership): Membership {
  if (role === null) return membership;
  const least = atLeast(membership.role, role) ? role : membership.role;
  return { ...membership, role: least, approver: false, auditor: false };
}

/** The one answer for what is not there and for what is somebody else's (security.md §1.4). */
export const nothingHere = fault("not_found", "There is no such thing, or it is not yours to see.");

export const needsRole = (role: Role): Fault =>
  fault("forbidden", `This needs the role ${role} in the team.`);

const rank: Record<Role, number> = { viewer: 1, policy_manager: 2, admin: 3 };

/** Whether a role includes another: viewer < policy_manager < admin. */
export const atLeast = (role: Role, needed: Role): boolean => rank[role] >= rank[needed];

async function checked<B extends z.ZodMiniType, Q extends z.ZodMiniType>(
  visit: Visit,
  spec: Spec<B, Q>,
): Promise<Call<z.output<B>, z.output<Q>> | Fault> {
  const { body: read, query: given, ...rest } = visit;
  const query = spec.query ? checkShape(spec.query, given) : ({} as z.output<Q>);
  if (isFault(query)) return query;
  if (!spec.body) return { ...rest, query, tree: null, body: undefined as z.output<B> };
  const tree = await read();
  if (isFault(tree)) return tree;
  const body = checkBody(spec.body, tree);
  return isFault(body) ? body : { ...rest, query, tree, body };
}
