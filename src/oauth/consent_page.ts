import { html, raw } from "hono/html";
import type { Choice } from "../store/offer.ts";
import type { AuthorizationRequest } from "./authorization_request.ts";
import { legibleName } from "./client_name.ts";
import { describeRedirect } from "./redirect_uri.ts";
import type { Refusal } from "./refusal.ts";

/** What the page needs: what is asked, of whom, and the ticket that makes the answer count. */
interface Asked {
  readonly request: AuthorizationRequest;
  readonly person: string;
  readonly ticket: string;
}

/** The page where a person lets a client act for them, or not. What the client says of itself is text and nothing else. */
export function consentPage(
  asked: Asked & { readonly choices: readonly Choice[]; readonly chosen: string | null },
): Promise<Response> {
  const { request, person, ticket, choices, chosen } = asked;
  const byServer = [...Map.groupBy(choices, ({ server }) => server.id).values()];
  return page(
    "Let a program use your team's tools?",
    html`
${whoAsks(request, person)}
<form method="post" action="/authorize">
<input type="hidden" name="ticket" value="${ticket}">
${byServer.map((policies) => policiesOf(policies, choices.length === 1 ? (policies[0]?.policy.id ?? null) : chosen))}
<p class="hint">Every call is judged by the policy and recorded under your name. It lasts 90 days; your team's admins see it among the grants, and can change or end it at any time.</p>
<p class="buttons"><button name="answer" value="allow">Allow</button>
<button name="answer" value="deny" formnovalidate>Do not allow</button></p>
</form>`,
    { redirectUri: request.redirectUri },
  );
}

/** The same where there is nothing to allow: no such gateway among the person's, or no policy that they may choose. */
export const nothingToChoosePage = ({ request, person, ticket }: Asked): Promise<Response> =>
  page(
    "Nothing to allow here",
    html`
${whoAsks(request, person)}
<p>There is no such server in a team of yours, or no policy of it that you may choose. Ask an admin of the team to offer you one, or sign in with another account.</p>
<form method="post" action="/authorize">
<input type="hidden" name="ticket" value="${ticket}">
<p class="buttons"><button name="answer" value="deny">Go back</button></p>
</form>`,
    { redirectUri: request.redirectUri, status: 403 },
  );

/** Why nothing can be asked. `back` leads to the client, for whoever chooses to go there. */
export const refusalPage = ({ description }: Refusal, back: string | null): Promise<Response> =>
  page(
    "This did not work",
    html`
<p>${description}</p>
${back === null ? "" : html`<p><a href="${back}" rel="noreferrer">Tell the program at ${describeRedirect(back)}</a></p>`}`,
    { redirectUri: null, status: 400 },
  );

function whoAsks({ client, redirectUri, gateway }: AuthorizationRequest, person: string) {
  const known =
    client.from === "document"
      ? html`It is the program of <strong>${new URL(client.id).host}</strong>, says <code>${client.id}</code>.`
      : html`The name is what the program calls itself; nobody has checked it.`;
  return html`
<p><bdi class="name">${legibleName(client)}</bdi> asks to act for you, ${person}.</p>
<dl>
<dt>Who it is</dt><dd>${known}</dd>
<dt>The answer goes to</dt><dd><code>${describeRedirect(redirectUri)}</code></dd>
${gateway ? html`<dt>It asks for</dt><dd><code>${`/mcp/${gateway.teamSlug}/${gateway.serverSlug}`}</code></dd>` : ""}
</dl>
<p>Go on only if you have just started this yourself.</p>`;
}

function policiesOf(policies: readonly Choice[], chosen: string | null) {
  const [first] = policies;
  if (!first) return "";
  return html`
<fieldset>
<legend>Server <bdi>${first.server.name}</bdi> of the team <bdi>${first.team.name}</bdi>, by the policy</legend>
${policies.map(
  ({ policy }) => html`
<label><input type="radio" name="policy" value="${policy.id}" required${raw(policy.id === chosen ? " checked" : "")}> <bdi>${policy.name}</bdi></label>`,
)}
</fieldset>`;
}

/** A page of ours: it runs nothing, nobody frames it, and its form goes to us and, by our answer, to the client alone. */
async function page(
  title: string,
  body: ReturnType<typeof html>,
  { redirectUri, status = 200 }: { readonly redirectUri: string | null; readonly status?: number },
): Promise<Response> {
  const text = await html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Portcullis</title>
<link rel="stylesheet" href="/assets/page.css">
<main>
<h1>${title}</h1>
${body}
</main>
</html>
`;
  return new Response(String(text), { status, headers: headersFor(redirectUri) });
}

function headersFor(redirectUri: string | null): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    // Browsers hold the redirect that follows a form to this too.
    `form-action 'self'${redirectUri === null ? "" : ` ${sourceOf(redirectUri)}`}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": policy,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    // With no-referrer browsers would send `Origin: null` with the form (Fetch §3.1), which says nothing.
    "Referrer-Policy": redirectUri === null ? "no-referrer" : "same-origin",
  };
}

/** A CSP source for where the answer goes; the address was checked to hold nothing that ends one. */
function sourceOf(redirectUri: string): string {
  const { protocol, host } = new URL(redirectUri);
  return protocol === "https:" || protocol === "http:" ? `${protocol}//${host}` : protocol;
}
