import { type Fault, fault, isFault } from "../fault.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import { findPolicy, findRevision, type Policy as Saved } from "../store/policy.ts";
import { nothingHere, type TeamCall } from "./operation.ts";

/** A saved policy as its current revision says, compiled. */
export async function readSaved(call: TeamCall<unknown, unknown>, saved: Saved): Promise<Policy | Fault> {
  const current = await findRevision(call.db, call.team.id, saved.id, saved.revision);
  if (!current) return nothingHere;
  const read = readPolicy(current.document);
  return read.ok
    ? read.policy
    : fault("conflict", `The saved policy ${saved.name} cannot be read by this version of the gateway.`);
}

/** The team's own policy, or null where it has none. */
export async function readTeamPolicy(
  call: TeamCall<unknown, unknown>,
): Promise<{ readonly team: Policy | null } | Fault> {
  const saved = await findPolicy(call.db, call.team.id, null, "team");
  if (!saved) return { team: null };
  const team = await readSaved(call, saved);
  return isFault(team) ? team : { team };
}
