import { approvalParts } from "../id.ts";
import { plainPage } from "./plain_page.ts";

/**
 * What somebody reads who follows an approval's URL. It is the same whether there is such an approval or not: what waits is
 * shown to signed-in members of its team alone.
 */
export function approvalPage(id: string, origin: string): Response {
  if (!approvalParts(id)) return plainPage("There is nothing here.\n", 404);
  return plainPage(text(id, new URL(origin).origin));
}

const text = (id: string, origin: string): string => `An agent's call waits for a person: ${id}

If your team has made you an approver or an admin, look at it and decide:

  GET  ${origin}/v1/teams/{team}/approvals/${id}
  POST ${origin}/v1/teams/{team}/approvals/${id}/approve   {"note": "why"}
  POST ${origin}/v1/teams/{team}/approvals/${id}/refuse    {"note": "why"}

Each with \`Authorization: Bearer\` and the token that ${origin}/v1/login gives you.
Once it is approved, the agent makes the same call again; it goes through once.
`;
