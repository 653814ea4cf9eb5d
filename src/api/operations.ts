import { accountOperations } from "./account.ts";
import { approvalOperations } from "./approval.ts";
import { connectionOperations } from "./connection.ts";
import { emailOperations } from "./email_address.ts";
import { evaluateOperations } from "./evaluate.ts";
import { factorChangeOperations } from "./factor_change.ts";
import { grantOperations } from "./grant.ts";
import { hookOperations } from "./hook.ts";
import { identityOperations } from "./identity.ts";
import { importOperations } from "./import.ts";
import { invitationOperations } from "./invitation.ts";
import { logOperations } from "./log.ts";
import { exportOperations } from "./log_export.ts";
import { streamOperations } from "./log_stream.ts";
import { verifyOperations } from "./log_verify.ts";
import { loginFactorOperations } from "./login_factor.ts";
import { machineClientOperations } from "./machine_client.ts";
import { memberOperations } from "./member.ts";
import { offerOperations } from "./offer.ts";
import type { Operation } from "./operation.ts";
import { passkeyOperations } from "./passkey.ts";
import { passwordOperations } from "./password.ts";
import { policyOperations } from "./policy.ts";
import { quotaOperations } from "./quota.ts";
import { recommendationOperations } from "./recommendation.ts";
import { revisionOperations } from "./revision.ts";
import { scriptTokenOperations } from "./script_token.ts";
import { serverOperations } from "./server.ts";
import { sessionOperations } from "./session.ts";
import { simulateOperations } from "./simulate.ts";
import { statsOperations } from "./stats.ts";
import { subjectOperations } from "./subject.ts";
import { suggestOperations } from "./suggest.ts";
import { teamOperations } from "./team.ts";
import { teamDeletionOperations } from "./team_deletion.ts";
import { teamPolicyOperations } from "./team_policy.ts";
import { teamTransferOperations } from "./team_transfer.ts";
import { toolOperations } from "./tool.ts";
import { totpOperations } from "./totp.ts";
import { usageOperations } from "./usage.ts";
import { validateOperations } from "./validate.ts";

/** The whole API: the router serves these lines and the OpenAPI document lists them. */
export const operations: readonly Operation[] = [
  ...accountOperations,
  ...sessionOperations,
  ...loginFactorOperations,
  ...factorChangeOperations,
  ...totpOperations,
  ...passkeyOperations,
  ...scriptTokenOperations,
  ...emailOperations,
  ...passwordOperations,
  ...teamOperations,
  ...teamDeletionOperations,
  ...teamTransferOperations,
  ...quotaOperations,
  ...memberOperations,
  ...invitationOperations,
  ...teamPolicyOperations,
  ...serverOperations,
  ...connectionOperations,
  ...toolOperations,
  ...recommendationOperations,
  ...policyOperations,
  ...offerOperations,
  ...revisionOperations,
  ...validateOperations,
  ...importOperations,
  ...evaluateOperations,
  ...simulateOperations,
  ...grantOperations,
  ...machineClientOperations,
  ...usageOperations,
  ...identityOperations,
  ...subjectOperations,
  ...suggestOperations,
  ...approvalOperations,
  ...hookOperations,
  // Before the log's own, whose `{decision}` would take their paths.
  ...verifyOperations,
  ...exportOperations,
  ...streamOperations,
  ...logOperations,
  ...statsOperations,
];
