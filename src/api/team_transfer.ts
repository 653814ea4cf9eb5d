import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import { endInvitationsBy } from "../store/invitation.ts";
import { findMember, handOver, isRoleRefused } from "../store/member.ts";
import { commit, inForceShape, inForceStatus } from "./edit.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { type Reply, reply } from "./reply.ts";

const body = z.strictObject({
  to: z
    .string()
    .check(z.minLength(1), z.maxLength(254), z.describe("The id or e-mail address of a member of the team.")),
  stay: z
    ._default(z.enum(["viewer", "policy_manager"]), "viewer")
    .check(z.describe("What you are afterwards; leave with DELETE …/members/{user}.")),
});
const done = z.strictObject({ admin: z.string(), in_force: inForceShape });

/** Handing a team over. There is no owner beside the admins (docs/teams.md). */
export const teamTransferOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "transfer_team",
      method: "post",
      path: "/v1/teams/{team}/transfer",
      tag: "Teams",
      summary: "Make another member an admin and step back yourself, both at once",
      body,
      inPerson: true,
      answers: { 200: done, 202: done },
    },
    transfer,
  ),
];

async function transfer(call: TeamCall<z.output<typeof body>, unknown>): Promise<Reply | Fault> {
  const { db, team, user, nowMs } = call;
  const { stay } = call.body;
  const heir = await findMember(db, team.id, call.body.to);
  if (!heir) return nothingHere;
  if (heir.id === user.id) return toOneself;
  const changes = [
    ...handOver(db, team.id, { from: user.id, to: heir.id, stay }),
    endInvitationsBy(db, team.id, user.id, nowMs),
  ];
  const event = { action: "team.transferred", subject: heir.id, detail: { stay } };
  const inForce = await commit(call, { of: "team" }, changes, event).catch((error: unknown) => {
    if (isRoleRefused(error)) return nothingHere;
    throw error;
  });
  if (isFault(inForce)) return inForce;
  return reply(inForceStatus(inForce), { admin: heir.id, in_force: inForce });
}

const toOneself = fault("invalid", "The request has mistakes; `errors` says where.", [
  { pointer: "/to", message: "that is you: name another member" },
]);
