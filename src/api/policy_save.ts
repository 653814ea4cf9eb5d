import * as z from "zod/mini";
import { type Fault, fault } from "../fault.ts";
import { isTaken } from "../store/database.ts";
import type { Concern } from "../store/edit.ts";
import { findPolicy, findRevision, insertRevision, isGone, type Policy } from "../store/policy.ts";
import { findServer } from "../store/server.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import { liveWarnings } from "./live_review.ts";
import { nothingHere, type TeamCall } from "./operation.ts";
import { failingTests, refusedByTests, type Subject } from "./policy_tests.ts";
import { type Draft, findingShape } from "./policy_view.ts";
import { type Reply, reply } from "./reply.ts";

export const savedShape = z.strictObject({
  revision: z.int(),
  in_force: inForceShape,
  warnings: z.array(findingShape),
});

const triesMax = 5;

/** What is to be saved. `tests` undefined keeps those of the revision before. */
export interface Change {
  readonly draft: Draft;
  readonly tests: string | null | undefined;
  readonly note: string | null;
  readonly action: string;
  /** A way back must always stand open: what fails then is only told. */
  readonly whateverTestsSay?: boolean;
}

/**
 * Saves a change as the policy's next revision. With `If-Match`, only on top of the revision that it names; without, on
 * top of whatever is there: the last write wins.
 */
export async function saveRevision(
  call: TeamCall<unknown, unknown>,
  policy: Policy,
  change: Change,
): Promise<Reply | Fault> {
  const expected = ifMatch(call.header("If-Match"));
  const { draft } = change;
  const live = await liveWarnings(call, policy.server, draft.policy);
  let current: Policy = policy;
  for (let tries = 1; ; tries++) {
    if (expected !== null && expected !== current.revision) return somebodyFaster(current.revision);
    const revision = current.revision + 1;
    const tests = change.tests === undefined ? await testsBefore(call, current) : change.tests;
    const failing = failingTests(tests, await subjectOf(call, policy, draft));
    if (failing.length > 0 && !change.whateverTestsSay) return refusedByTests(failing);
    try {
      const inForce = await commitRevision(call, current, change, tests);
      const body = { revision, in_force: inForce, warnings: [...draft.warnings, ...live, ...failing] };
      return reply(inForceStatus(inForce), body, { ETag: `"${revision}"` });
    } catch (error) {
      if (isGone(error)) return nothingHere;
      if (!isTaken(error)) throw error;
      if (tries === triesMax) return crowded;
    }
    const again = await findPolicy(call.db, policy.team, policy.server, policy.id);
    if (!again) return nothingHere;
    current = again;
  }
}

const crowded = fault(
  "conflict",
  "Others save this policy faster than it can be saved on top of what they saved. Try again.",
);

async function testsBefore(
  call: TeamCall<unknown, unknown>,
  { id, revision }: Policy,
): Promise<string | null> {
  return (await findRevision(call.db, call.team.id, id, revision))?.tests ?? null;
}

async function subjectOf(
  { db, team }: TeamCall<unknown, unknown>,
  { server }: Policy,
  { policy }: Draft,
): Promise<Subject> {
  if (server === null) return { policy, layer: "team", server: "" };
  return { policy, layer: "server", server: (await findServer(db, team.id, server))?.slug ?? "" };
}

function commitRevision(
  call: TeamCall<unknown, unknown>,
  policy: Policy,
  { draft, note, action }: Change,
  tests: string | null,
) {
  const revision = policy.revision + 1;
  const next = { revision, document: draft.text, tests, note, author: call.user.id, createdAt: call.nowMs };
  const concern: Concern = policy.server === null ? { of: "team" } : { of: "policy", policy: policy.id };
  const event = { action, subject: policy.id, detail: { name: policy.name, revision } };
  return commit(call, concern, insertRevision(call.db, call.team.id, policy.id, next), event);
}

/** The revision that an `If-Match` names (`"3"`, `W/"3"` or 3); null where there is none or it is `*`. */
export function ifMatch(header: string | null): number | null {
  if (header === null || header.trim() === "*") return null;
  const found = /^(?:W\/)?"?([0-9]{1,9})"?$/.exec(header.trim())?.[1];
  return found === undefined ? Number.NaN : Number(found);
}

export const somebodyFaster = (revision: number): Fault =>
  fault("stale", `The policy is at revision ${revision} now; read it, then send your change on top of that.`);
