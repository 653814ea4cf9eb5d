import { approvalParts } from "../id.ts";
import { html } from "./html.ts";
import { page } from "./page.ts";

/**
 * What somebody reads who follows an approval's URL. It is the same whether there is such an approval or not: what waits is
 * shown to signed-in members of its team alone.
 */
export function approvalPage(id: string, origin: string): Response {
  if (!approvalParts(id))
    return page("There is nothing here", html`<p>The address is not an approval's.</p>`, 404);
  const path = `${origin}/v1/teams/{team}/approvals/${id}`;
  return page(
    "An agent's call waits for a person",
    html`
<p>If your team has made you an approver or an admin, look at <code>${id}</code> and decide:</p>
<pre>
GET  ${path}
POST ${path}/approve   {"note": "why"}
POST ${path}/refuse    {"note": "why"}
</pre>
<p>Each with <code>Authorization: Bearer</code> and the token that <code>POST ${origin}/v1/login</code> gives you. Once it
is approved, the agent makes the same call again; it goes through once.</p>`,
  );
}
