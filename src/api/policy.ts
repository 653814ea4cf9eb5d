import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { isTaken } from "../store/database.ts";
import {
  countAttachments,
  deletePolicy,
  findRevision,
  insertPolicy,
  isStale,
  listPolicies,
  type Policy,
} from "../store/policy.ts";
import type { Server } from "../store/server.ts";
import { commit, inForceShape, inForceStatus, save } from "./edit.ts";
import { liveWarnings } from "./live_review.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { ifMatch, savedShape, saveRevision, somebodyFaster } from "./policy_save.ts";
import { failingTests, refusedByTests, testsBody, testsText } from "./policy_tests.ts";
import {
  documentBody,
  documentShapes,
  draftOf,
  findingShape,
  note,
  policyOf,
  policyShape,
  showDocument,
  showPolicy,
} from "./policy_view.ts";
import { withinQuota } from "./quota.ts";
import { type Reply, reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";
import { slugOf } from "./slug.ts";

const all = "/v1/teams/{team}/servers/{server}/policies";
const one = `${all}/{policy}`;
const tag = "Policies";

const createBody = z.strictObject({
  name: z.string().check(z.trim(), z.minLength(1), z.maxLength(80)),
  document: documentBody,
  tests: testsBody,
  note,
});
const created = z.extend(policyShape, { warnings: z.array(findingShape) });
const deleted = z.strictObject({ in_force: inForceShape });

/** A server's named policies. */
export const policyOperations: readonly Operation[] = [
  teamOperation(
    "policy_manager",
    {
      id: "create_policy",
      method: "post",
      path: all,
      tag,
      summary: "Save a new named policy; attach it to grants to put it in force",
      body: createBody,
      answers: { 201: created },
    },
    create,
  ),
  teamOperation(
    "viewer",
    {
      id: "list_policies",
      method: "get",
      path: all,
      tag,
      summary: "The server's policies by name",
      query: pageQuery,
      answers: { 200: pageOf(policyShape) },
    },
    async (call) => {
      const server = await serverOf(call);
      if (isFault(server)) return server;
      const { limit, cursor } = call.query;
      const rows = await listPolicies(call.db, call.team.id, server.id, cursor, limit + 1);
      return reply(200, page(rows, limit, ageCursor, showPolicy));
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "get_policy",
      method: "get",
      path: one,
      tag,
      summary: "A policy with its current document",
      answers: { 200: z.extend(policyShape, documentShapes) },
    },
    async (call) => {
      const policy = await found(call);
      if (isFault(policy)) return policy;
      const current = await findRevision(call.db, call.team.id, policy.id, policy.revision);
      if (!current) return nothingHere;
      const body = { ...showPolicy(policy), ...showDocument(current) };
      return reply(200, body, { ETag: `"${policy.revision}"` });
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "save_policy",
      headers: ["If-Match"],
      method: "put",
      path: one,
      tag,
      summary: "Save a new revision; after 200 it is in force at the next call",
      body: z.strictObject({ document: documentBody, tests: testsBody, note }),
      answers: { 200: savedShape, 202: savedShape },
    },
    async (call) => {
      const policy = await found(call);
      if (isFault(policy)) return policy;
      const draft = draftOf(call.tree);
      if (isFault(draft)) return draft;
      const tests = testsText(call.tree);
      const note = call.body.note ?? null;
      return saveRevision(call, policy, { draft, tests, note, action: "policy.saved" });
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "delete_policy",
      headers: ["If-Match"],
      method: "delete",
      path: one,
      tag,
      summary: "Remove a policy and its history; refused while a grant has it attached",
      answers: { 200: deleted, 202: deleted },
    },
    remove,
  ),
];

async function found(call: TeamCall<unknown, unknown>): Promise<Policy | Fault> {
  const server = await serverOf(call);
  return isFault(server) ? server : policyOf(call, server);
}

async function create(call: TeamCall<z.output<typeof createBody>, unknown>): Promise<Reply | Fault> {
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const draft = draftOf(call.tree);
  if (isFault(draft)) return draft;
  const tests = testsText(call.tree) ?? null;
  const failing = failingTests(tests, { policy: draft.policy, layer: "server", server: server.slug });
  if (failing.length > 0) return refusedByTests(failing);
  const policy = newPolicy(call, server);
  const first = {
    revision: policy.revision,
    document: draft.text,
    tests,
    note: call.body.note ?? null,
    author: call.user.id,
    createdAt: call.nowMs,
  };
  const detail = { server: server.slug, name: policy.name, revision: policy.revision };
  const event = { action: "policy.created", subject: policy.id, detail };
  const changes = insertPolicy(call.db, policy, first);
  try {
    const over = await withinQuota(
      call,
      ["policies_of_a_server"],
      (held) => save(call, [...changes, ...held], event),
      server.id,
    );
    if (over) return over;
  } catch (error) {
    if (isTaken(error)) return nameTaken(policy.slug);
    throw error;
  }
  const live = await liveWarnings(call, server.id, draft.policy);
  return reply(201, { ...showPolicy(policy), warnings: [...draft.warnings, ...live] });
}

function newPolicy(call: TeamCall<z.output<typeof createBody>, unknown>, server: Server): Policy {
  const id = newId("pol", call.deps.random);
  const { name } = call.body;
  const slug = slugOf(name) ?? `policy-${id.slice(-6)}`;
  return { id, team: call.team.id, server: server.id, slug, name, revision: 1, createdAt: call.nowMs };
}

const nameTaken = (slug: string): Fault =>
  fault("conflict", `The server has a policy of this name, or with the slug ${slug}.`, [
    {
      pointer: "/name",
      message: `a policy with the slug ${slug} exists: choose another name, or save to that one`,
    },
  ]);

async function remove(call: TeamCall<unknown, unknown>): Promise<Reply | Fault> {
  const policy = await found(call);
  if (isFault(policy)) return policy;
  const expected = ifMatch(call.header("If-Match"));
  if (expected !== null && expected !== policy.revision) return somebodyFaster(policy.revision);
  const attached = await countAttachments(call.db, call.team.id, policy.id);
  if (attached > 0)
    return fault("conflict", `The policy is attached to ${attached} grants: detach it first.`);
  const changes = deletePolicy(call.db, call.team.id, policy.id, expected);
  const event = { action: "policy.deleted", subject: policy.id, detail: { name: policy.name } };
  const concern = { of: "policy", policy: policy.id } as const;
  const inForce = await commit(call, concern, changes, event).catch((error: unknown) => {
    if (isStale(error)) return somebodyFaster(policy.revision + 1);
    throw error;
  });
  if (isFault(inForce)) return inForce;
  return reply(inForceStatus(inForce), { in_force: inForce });
}
