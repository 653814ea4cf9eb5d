import * as z from "zod/mini";
import { isFault } from "../fault.ts";
import { findRevision, listRevisions } from "../store/policy.ts";
import { difference, differenceShape } from "./difference.ts";
import { nothingHere, type Operation, teamOperation } from "./operation.ts";
import { page, pageLimit, pageOf } from "./page.ts";
import { savedShape, saveRevision } from "./policy_save.ts";
import {
  documentShapes,
  draft,
  note,
  policyOf,
  revisionShape,
  showDocument,
  showRevision,
} from "./policy_view.ts";
import { reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";

const policy = "/v1/teams/{team}/servers/{server}/policies/{policy}";
const tag = "Policies";
const revisionNumber = z.coerce.number().check(z.int(), z.minimum(1), z.maximum(1_000_000_000));

/** A policy's history: who saved what and why, what changed, and the way back. */
export const revisionOperations: readonly Operation[] = [
  teamOperation(
    "policy_manager",
    {
      id: "list_revisions",
      method: "get",
      path: `${policy}/revisions`,
      tag,
      summary: "A policy's revisions, newest first",
      query: z.strictObject({
        limit: pageLimit,
        cursor: z.optional(revisionNumber).check(z.describe("`next_cursor` of the page before.")),
      }),
      answers: { 200: pageOf(revisionShape) },
    },
    async (call) => {
      const server = await serverOf(call);
      const found = isFault(server) ? server : await policyOf(call, server);
      if (isFault(found)) return found;
      const { limit, cursor = Number.MAX_SAFE_INTEGER } = call.query;
      const rows = await listRevisions(call.db, call.team.id, found.id, cursor, limit + 1);
      return reply(
        200,
        page(rows, limit, (row) => String(row.revision), showRevision),
      );
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "get_revision",
      method: "get",
      path: `${policy}/revisions/{revision}`,
      tag,
      summary: "One revision; with `against`, also what changed from that one",
      query: z.strictObject({ against: z.optional(revisionNumber) }),
      answers: {
        200: z.extend(revisionShape, { ...documentShapes, diff: z.optional(z.array(differenceShape)) }),
      },
    },
    async (call) => {
      const server = await serverOf(call);
      const found = isFault(server) ? server : await policyOf(call, server);
      if (isFault(found)) return found;
      const number = revisionNumber.safeParse(call.params["revision"]);
      if (!number.success) return nothingHere;
      const revision = await findRevision(call.db, call.team.id, found.id, number.data);
      if (!revision) return nothingHere;
      const body = { ...showRevision(revision), ...showDocument(revision) };
      if (call.query.against === undefined) return reply(200, body);
      const other = await findRevision(call.db, call.team.id, found.id, call.query.against);
      return other
        ? reply(200, { ...body, diff: difference(other.document, revision.document) })
        : nothingHere;
    },
  ),
  teamOperation(
    "policy_manager",
    {
      id: "rollback_policy",
      headers: ["If-Match"],
      method: "post",
      path: `${policy}/rollback`,
      tag,
      summary: "Save an old revision as the next one; after 200 it is in force at the next call",
      body: z.strictObject({ revision: z.int().check(z.minimum(1)), note }),
      answers: { 200: savedShape, 202: savedShape },
    },
    async (call) => {
      const server = await serverOf(call);
      const found = isFault(server) ? server : await policyOf(call, server);
      if (isFault(found)) return found;
      const old = await findRevision(call.db, call.team.id, found.id, call.body.revision);
      if (!old) return nothingHere;
      const again = draft(old.document);
      if (isFault(again)) return again;
      const note = call.body.note ?? `Back to revision ${old.revision}`;
      const change = { draft: again, tests: undefined, note, action: "policy.rolled_back" };
      return saveRevision(call, found, { ...change, whateverTestsSay: true });
    },
  ),
];
