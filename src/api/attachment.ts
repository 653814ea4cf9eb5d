import * as z from "zod/mini";
import { type Fault, type Finding, fault } from "../fault.ts";
import type { PolicyId, ServerId } from "../id.ts";
import { findPolicy } from "../store/policy.ts";
import { findServer } from "../store/server.ts";
import type { TeamCall } from "./operation.ts";

const reference = z.string().check(z.minLength(1), z.maxLength(80));

/** Which servers a grant may reach, and by which policy; by slug or id. */
export const attachmentsBody = z
  .array(
    z.strictObject({
      server: reference,
      policy: z.nullable(reference).check(z.describe("null: nothing is permitted there")),
    }),
  )
  .check(z.maxLength(100));

export interface Resolved {
  readonly server: ServerId;
  readonly policy: PolicyId | null;
}

/** The team's servers and policies that a request names, or every name that is not one. `at` points to the list. */
export async function resolveAttachments(
  call: TeamCall<unknown, unknown>,
  named: z.output<typeof attachmentsBody>,
  at = "/servers",
): Promise<Resolved[] | Fault> {
  const found = await Promise.all(named.map((one, index) => resolve(call, one, `${at}/${index}`)));
  const resolved = found.filter((one) => "server" in one);
  const errors = [...found.filter((one) => "pointer" in one), ...repeats(found, at)];
  return errors.length === 0
    ? resolved
    : fault("invalid", "The request has mistakes; `errors` says where.", errors);
}

async function resolve(
  { db, team }: TeamCall<unknown, unknown>,
  named: { server: string; policy: string | null },
  at: string,
): Promise<Resolved | Finding> {
  const server = await findServer(db, team.id, named.server);
  if (!server) return { pointer: `${at}/server`, message: "the team has no such server" };
  if (named.policy === null) return { server: server.id, policy: null };
  const policy = await findPolicy(db, team.id, server.id, named.policy);
  if (!policy) return { pointer: `${at}/policy`, message: "the server has no such policy" };
  return { server: server.id, policy: policy.id };
}

function repeats(found: readonly (Resolved | Finding)[], at: string): Finding[] {
  const seen = new Set<string>();
  return found.flatMap((one, index) => {
    if (!("server" in one)) return [];
    if (seen.has(one.server)) return [{ pointer: `${at}/${index}/server`, message: "named twice" }];
    seen.add(one.server);
    return [];
  });
}
