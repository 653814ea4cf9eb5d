import * as z from "zod/mini";
import { type Fault, type Finding, fault } from "../fault.ts";
import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Policy as Compiled, normalised, readPolicy } from "../policy/document.ts";
import { findPolicy, type Policy, type Revision } from "../store/policy.ts";
import type { Server } from "../store/server.ts";
import { nothingHere, type TeamCall } from "./operation.ts";
import { testsShape } from "./policy_tests.ts";
import { Exact, timestamp } from "./reply.ts";

/** A policy document in a request. Its own reader judges it, so that all its mistakes come back together. */
export const documentBody = z.unknown().register(z.globalRegistry, { id: "PolicyDocument" });
export const note = z.optional(z.string().check(z.maxLength(500))).check(z.describe("Why, for the history."));

export const findingShape = z
  .strictObject({
    pointer: z.string().check(z.describe("RFC 6901")),
    message: z.string(),
  })
  .register(z.globalRegistry, { id: "Finding" });

export const policyShape = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    revision: z.int(),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Policy" });

export const revisionShape = z
  .strictObject({
    revision: z.int(),
    note: z.nullable(z.string()),
    author: z.string(),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Revision" });

export const documentShapes = {
  document: documentBody.check(z.describe("As it was written.")),
  normalised: z
    .unknown()
    .check(z.describe("What it means: short forms written out. Null where it can no longer be read.")),
  tests: testsShape.check(z.describe("As they were written.")),
};

/** A document that can be saved: its exact text, what it comes to, and what there is to say about it. */
export interface Draft {
  readonly text: string;
  readonly policy: Compiled;
  readonly warnings: readonly Finding[];
}

/** Reads the request's `document`; every mistake comes back at its place in the request. */
export const draftOf = (tree: Json): Draft | Fault => draft(documentText(tree));

/** The exact text of a request's `document`, which its schema has required. */
export function documentText(tree: Json): string {
  const document = tree instanceof Map ? tree.get("document") : undefined;
  if (document === undefined) throw new Error("a body without its document passed its schema");
  return compactJson(document);
}

/** Checks a document's text as `draftOf` does. */
export function draft(text: string): Draft | Fault {
  const read = readPolicy(text);
  if (read.ok) {
    const { policy, warnings } = read;
    return { text, policy, warnings };
  }
  const errors = read.errors.map((error) => ({ ...error, pointer: `/document${error.pointer}` }));
  return fault("invalid", "The policy has mistakes; `errors` says where and what to write instead.", errors);
}

/** The path's policy of this server, if there is one. */
export async function policyOf(call: TeamCall<unknown, unknown>, server: Server): Promise<Policy | Fault> {
  const found = await findPolicy(call.db, call.team.id, server.id, call.params["policy"] ?? "");
  return found ?? nothingHere;
}

export const showPolicy = (policy: Policy) => ({
  id: policy.id,
  slug: policy.slug,
  name: policy.name,
  revision: policy.revision,
  created_at: timestamp(policy.createdAt),
});

export const showRevision = (revision: Revision) => ({
  revision: revision.revision,
  note: revision.note,
  author: revision.author,
  created_at: timestamp(revision.createdAt),
});

/** A document as it was written and as it is understood, and the tests beside it. */
export function showDocument({ document, tests }: Revision) {
  const read = readPolicy(document);
  return {
    document: new Exact(document),
    normalised: read.ok ? new Exact(compactJson(normalised(read.policy))) : null,
    tests: new Exact(tests ?? "[]"),
  };
}
