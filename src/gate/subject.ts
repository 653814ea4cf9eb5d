import type { ControlEntry } from "../audit/entry.ts";
import { type GrantId, newId, type Random, type UserId } from "../id.ts";
import type { Issuer } from "../identity/issuer.ts";
import type { Mapped } from "../identity/mapping.ts";
import { isTaken } from "../store/database.ts";
import { commitEdit } from "../store/edit.ts";
import { insertEvent } from "../store/event.ts";
import { type Grant, insertGrant } from "../store/grant.ts";
import { holdTo, isOverQuota } from "../store/quota.ts";
import {
  attachMapped,
  findSubject,
  insertSubject,
  isMapStale,
  type MappedBy,
  mapSubject,
  type Subject,
  type SubjectName,
  updateSubjectGrant,
} from "../store/subject.ts";
import { type PushDeps, pushEdit } from "./push.ts";

/** What a verified token says of its subject, and what that comes to in the team. */
export interface Presented {
  readonly sub: string;
  /** When the token was issued, in seconds. */
  readonly iat: number;
  readonly mapped: Mapped;
  readonly fingerprint: string;
}

/**
 * The subject's grant, which stands and is mapped by the newest claims, or why there is none: it was refused; nothing of
 * the team's is for it; a newer token has taken this one's place; the team is full; its identity was changed meanwhile;
 * its gate does not answer.
 */
export type Seen =
  | { readonly grant: GrantId; readonly mapped: MappedBy }
  | { readonly none: "refused" | "nothing" | "superseded" | "full" | "stale" | "away" };

export interface SubjectDeps extends PushDeps {
  readonly random: Random;
  readonly now: () => number;
}

type Judged = Pick<Issuer, "team" | "issuer" | "revision">;

const triesMax = 3;
const dayMs = 86_400_000;
// A grant ends a year after its subject's claims were last written down, so that whoever stays away leaves the count.
const lastsMs = 365 * dayMs;
const renewBeforeMs = 30 * dayMs;

/**
 * Sees to it that a subject's grant is there and says what its claims say, before anything is asked of its gate. Writes
 * only where something is new, and then the gate has heard of it.
 */
export async function seeSubject(deps: SubjectDeps, issuer: Judged, presented: Presented): Promise<Seen> {
  const name: SubjectName = { team: issuer.team, issuer: issuer.issuer, sub: presented.sub };
  for (let tries = 0; tries < triesMax; tries++) {
    const subject = await findSubject(deps.db, name);
    const seen = known(subject, issuer, presented, deps.now());
    if (seen) return seen;
    try {
      return await write(deps, name, subject, issuer, presented);
    } catch (error) {
      if (isOverQuota(error)) return { none: "full" };
      // Another isolate was faster, or somebody changed something: look again.
      if (!isTaken(error) && !isMapStale(error)) throw error;
    }
  }
  return { none: "stale" };
}

/** What needs no writing; null where something is new. */
function known(
  subject: Subject | null,
  { revision }: Judged,
  { iat, mapped, fingerprint }: Presented,
  nowMs: number,
): Seen | null {
  if (subject?.refused) return { none: "refused" };
  if (subject && iat < subject.newestIat && subject.mapped?.revision !== revision)
    return { none: "superseded" };
  if (!subject?.grant || !subject.mapped) return mapped.servers.length === 0 ? { none: "nothing" } : null;
  const older = iat < subject.newestIat;
  const same = fingerprint === subject.mapped.fingerprint && subject.mapped.revision === revision;
  const renewed = (subject.grantExpiresAt ?? 0) - nowMs > renewBeforeMs;
  return older || (same && renewed) ? { grant: subject.grant, mapped: subject.mapped } : null;
}

async function write(
  deps: SubjectDeps,
  name: SubjectName,
  subject: Subject | null,
  { revision }: Judged,
  { iat, mapped, fingerprint }: Presented,
): Promise<Seen> {
  const { db, random } = deps;
  const nowMs = deps.now();
  const user = subject?.user ?? newId("usr", random);
  const grant = grantOf(subject?.grant ?? newId("grt", random), name, user, mapped, nowMs);
  const by: MappedBy = { fingerprint, revision, iat };
  const event: ControlEntry = {
    kind: "control",
    id: newId("evt", random),
    atMs: nowMs,
    requestId: "",
    actor: user,
    action: subject?.grant ? "subject.mapped" : "subject.seen",
    subject: grant.id,
    // Without the label, which may be a name or an address: the log's chain could never forget it.
    detail: { servers: mapped.servers.length, tags: mapped.tags.join(" "), role: mapped.role ?? "" },
  };
  const changes = [
    ...(subject ? [] : insertSubject(db, name, user, nowMs)),
    subject?.grant ? updateSubjectGrant(db, grant) : insertGrant(db, grant),
    ...attachMapped(db, name.team, grant.id, mapped.servers),
    mapSubject(db, name, { ...by, grant: grant.id, role: mapped.role }),
    holdTo(db, "subjects", { team: name.team, nowMs }),
    insertEvent(db, name.team, event),
  ];
  const edit = await commitEdit(db, name.team, { of: "grant", grant: grant.id }, nowMs, changes);
  const { pending } = await pushEdit(deps, edit);
  return pending === 0 ? { grant: grant.id, mapped: by } : { none: "away" };
}

const grantOf = (
  id: GrantId,
  { team }: SubjectName,
  user: UserId,
  { label, tags, role }: Mapped,
  nowMs: number,
): Grant => ({
  id,
  team,
  label,
  tags,
  member: role === null ? null : user,
  // Their own: whoever signs in as this subject approves nothing that its agents ask for.
  creator: user,
  expiresAt: Math.floor((nowMs + lastsMs) / 1000) * 1000,
  revokedAt: null,
  createdAt: nowMs,
});
