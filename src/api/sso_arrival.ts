import { newId, type TeamId, type UserId } from "../id.ts";
import { Bounded } from "../identity/bounded.ts";
import { isUnfit, type Unfit, type Verified } from "../identity/issuer_token.ts";
import { type Mapped, mapClaims } from "../identity/mapping.ts";
import { readIssuer } from "../identity/read_issuer.ts";
import { startSession } from "../identity/start_session.ts";
import { isTaken, shardOf } from "../store/database.ts";
import type { Identity } from "../store/identity.ts";
import { deleteMember, findMember, insertPerson, type Member, updateMember } from "../store/member.ts";
import { holdTo, isOverQuota } from "../store/quota.ts";
import { deleteScriptTokensIn } from "../store/script_token.ts";
import { deleteSessionsIn } from "../store/session.ts";
import { findSubject, insertSubject, type SubjectName } from "../store/subject.ts";
import type { ApiDeps } from "./deps.ts";
import { commit, save } from "./edit.ts";
import type { Ending } from "./sso.ts";

/** Somebody who came back from a team's identity provider. */
interface Visit {
  readonly deps: ApiDeps;
  readonly identity: Identity;
  readonly requestId: string;
  /** The User-Agent. */
  readonly client: string | null;
}

export interface Arrived {
  /** `Set-Cookie` of a session that opens this team alone. */
  readonly cookie: string;
}

const triesMax = 3;

/**
 * Lets a person in who is who their team's issuer says, with just what the mapping gives them now. They exist in this
 * team alone and are nobody's account, whatever address they claim. `none` says why nobody signed in.
 */
export async function arrive(visit: Visit, who: Verified | Unfit): Promise<Arrived | Ending> {
  if (isUnfit(who)) return fail(visit, who.why);
  const { team, issuer } = visit.identity;
  const name: SubjectName = { team, issuer, sub: who.sub };
  const mapped = mapClaims(readIssuer(visit.identity).mapping, who.sub, who.claims);
  for (let tries = 1; ; tries++) {
    try {
      return await enter(visit, name, mapped);
    } catch (error) {
      if (isOverQuota(error)) return "full";
      // The same person in two windows.
      if (!isTaken(error) || tries === triesMax) throw error;
    }
  }
}

const noted = new Bounded<number>(5_000);
const betweenNotesMs = 60_000;

/** The person is told that it failed, and the team's admins why: once a minute, as nobody is known who tries. */
async function fail(visit: Visit, why: string): Promise<Ending> {
  const { team } = visit.identity;
  const nowMs = visit.deps.now();
  visit.deps.refusals.unknown("login");
  if (nowMs - (noted.get(team) ?? 0) < betweenNotesMs) return "failed";
  noted.set(team, nowMs);
  await save(actor(visit, "system"), [], { action: "sso.failed", subject: team, detail: { why } });
  return "failed";
}

const actor = ({ deps, identity: { team }, requestId }: Visit, id: UserId | "system") => ({
  deps,
  db: shardOf(team, deps.db),
  nowMs: deps.now(),
  requestId,
  team: { id: team },
  user: { id },
});

async function enter(visit: Visit, name: SubjectName, mapped: Mapped): Promise<Arrived | Ending> {
  const { deps } = visit;
  const db = shardOf(name.team, deps.db);
  const subject = await findSubject(db, name);
  if (subject?.refused) return "refused";
  const user = subject?.user ?? newId("usr", deps.random);
  const member = subject ? await findMember(db, name.team, user) : null;
  if (mapped.role === null) {
    if (member) await leave(visit, name.team, member);
    return "no_role";
  }
  const standing = { role: mapped.role, approver: mapped.approver, auditor: mapped.auditor };
  const session = await startSession({ user, team: name.team, kind: "sso" }, visit.client, deps);
  const nowMs = deps.now();
  const changes = [
    ...(subject ? [] : insertSubject(db, name, user, nowMs)),
    ...(member
      ? [updateMember(db, name.team, user, standing)]
      : [
          insertPerson(db, name.team, user, standing, nowMs),
          holdTo(db, "members", { team: name.team, nowMs }),
        ]),
    ...session.statements,
  ];
  const event = { action: "sso.signed_in", subject: user, detail: { ...standing } };
  const same =
    member &&
    member.role === standing.role &&
    member.approver === standing.approver &&
    member.auditor === standing.auditor;
  if (same) await save(actor(visit, user), changes, event);
  // The gates of grants that act for them judge by their role.
  else await commit(actor(visit, user), { of: "member", member: user }, changes, event);
  return { cookie: session.cookie };
}

/** Whose claims give no role any more is no member any more, and signed out everywhere. */
async function leave(visit: Visit, team: TeamId, { id, role }: Member): Promise<void> {
  const db = shardOf(team, visit.deps.db);
  const changes = [
    ...deleteMember(db, team, id),
    deleteSessionsIn(db, team, id),
    deleteScriptTokensIn(db, team, id),
  ];
  const event = { action: "member.left", subject: id, detail: { role, by: "identity" } };
  await commit(actor(visit, id), { of: "member", member: id }, changes, event);
}
