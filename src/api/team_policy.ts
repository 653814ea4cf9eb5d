import * as z from "zod/mini";
import { type Fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { isTaken } from "../store/database.ts";
import { findPolicy, findRevision, insertPolicy, type Policy } from "../store/policy.ts";
import { commit, inForceStatus } from "./edit.ts";
import { liveWarnings } from "./live_review.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { type Change, savedShape, saveRevision } from "./policy_save.ts";
import { failingTests, refusedByTests, testsBody, testsText } from "./policy_tests.ts";
import {
  documentBody,
  documentShapes,
  draftOf,
  note,
  policyShape,
  showDocument,
  showPolicy,
} from "./policy_view.ts";
import { type Reply, reply } from "./reply.ts";

const path = "/v1/teams/{team}/policy";
const tag = "Teams";
/** The team has at most one policy of its own; this is what rules and the log call it. */
const slug = "team";

/** The team policy: guardrails over every grant and server of the team. */
export const teamPolicyOperations: readonly Operation[] = [
  teamOperation(
    "policy_manager",
    {
      id: "get_team_policy",
      method: "get",
      path,
      tag,
      summary: "The team's policy; 404 while there is none",
      answers: { 200: z.extend(policyShape, documentShapes) },
    },
    async (call) => {
      const policy = await findPolicy(call.db, call.team.id, null, slug);
      const current = policy && (await findRevision(call.db, call.team.id, policy.id, policy.revision));
      if (!current) return nothingHere;
      const body = { ...showPolicy(policy), ...showDocument(current) };
      return reply(200, body, { ETag: `"${policy.revision}"` });
    },
  ),
  teamOperation(
    "admin",
    {
      id: "save_team_policy",
      headers: ["If-Match"],
      method: "put",
      path,
      tag,
      summary: "Save the team's policy, which every server policy can only tighten",
      body: z.strictObject({ document: documentBody, tests: testsBody, note }),
      answers: { 200: savedShape, 202: savedShape },
    },
    async (call) => {
      const draft = draftOf(call.tree);
      if (isFault(draft)) return draft;
      const [tests, note] = [testsText(call.tree), call.body.note ?? null];
      const change: Change = { draft, tests, note, action: "team_policy.saved" };
      const policy = await findPolicy(call.db, call.team.id, null, slug);
      if (policy) return saveRevision(call, policy, change);
      const first = await saveFirst(call, change);
      if (first) return first;
      const faster = await findPolicy(call.db, call.team.id, null, slug);
      return faster ? saveRevision(call, faster, change) : nothingHere;
    },
  ),
];

/** Saves the first revision, or null where somebody else just did. */
async function saveFirst(
  call: TeamCall<unknown, unknown>,
  { draft, tests = null, note, action }: Change,
): Promise<Reply | Fault | null> {
  const failing = failingTests(tests, { policy: draft.policy, layer: "team", server: "" });
  if (failing.length > 0) return refusedByTests(failing);
  const policy: Policy = {
    id: newId("pol", call.deps.random),
    team: call.team.id,
    server: null,
    slug,
    name: slug,
    revision: 1,
    createdAt: call.nowMs,
  };
  const first = {
    revision: 1,
    document: draft.text,
    tests,
    note,
    author: call.user.id,
    createdAt: call.nowMs,
  };
  const event = { action, subject: policy.id, detail: { revision: 1 } };
  try {
    const inForce = await commit(call, { of: "team" }, insertPolicy(call.db, policy, first), event);
    const live = await liveWarnings(call, null, draft.policy);
    const body = { revision: 1, in_force: inForce, warnings: [...draft.warnings, ...live] };
    return reply(inForceStatus(inForce), body, { ETag: '"1"' });
  } catch (error) {
    if (isTaken(error)) return null;
    throw error;
  }
}
