import * as z from "zod/mini";
import { isFault } from "../fault.ts";
import { findOffer, type OfferRole, setOffer } from "../store/offer.ts";
import { save } from "./edit.ts";
import { type Operation, teamOperation } from "./operation.ts";
import { policyOf } from "./policy_view.ts";
import { reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";

const path = "/v1/teams/{team}/servers/{server}/policies/{policy}/offer";
const tag = "Policies";
const roles = z
  .array(z.enum(["viewer", "approver", "auditor"] satisfies OfferRole[]))
  .check(
    z.maxLength(3),
    z.describe("`viewer` is every member. Who may edit policies may choose any, whatever is offered."),
  );
const shape = z.strictObject({ roles });

/** Which policies people may choose for a program of their own when it signs in by OAuth. */
export const offerOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "get_offer",
      method: "get",
      path,
      tag,
      summary: "To whom the policy is offered at the consent page; to nobody unless somebody says so",
      answers: { 200: shape },
    },
    async (call) => {
      const server = await serverOf(call);
      const policy = isFault(server) ? server : await policyOf(call, server);
      if (isFault(policy)) return policy;
      return reply(200, { roles: await findOffer(call.db, call.team.id, policy.id) });
    },
  ),
  teamOperation(
    "admin",
    {
      id: "set_offer",
      method: "put",
      path,
      tag,
      summary: "Offer the policy to these roles; grants that were given by it stay as they are",
      body: shape,
      answers: { 200: shape },
    },
    async (call) => {
      const server = await serverOf(call);
      const policy = isFault(server) ? server : await policyOf(call, server);
      if (isFault(policy)) return policy;
      const offered = [...new Set(call.body.roles)].sort();
      await save(call, setOffer(call.db, call.team.id, policy.id, offered), {
        action: "policy.offered",
        subject: policy.id,
        detail: { roles: offered.join(" ") },
      });
      return reply(200, { roles: offered });
    },
  ),
];
