import { form } from "./form.ts";
import { type Html, html } from "./html.ts";
import { page } from "./page.ts";

/** How coming back from an authorization server ends (`src/api/connect_callback.ts`), in words. */
const endings: Readonly<Record<string, readonly [title: string, body: Html, status: number]>> = {
  connected: ["The account is connected", html`<p>You can close this page. Agents can go on.</p>`, 200],
  over: [
    "Nothing was connected",
    html`<p>This way back works once, for ten minutes, and while whoever began is signed in and may do it. Begin again.</p>`,
    400,
  ],
  other_person: [
    "Nothing was connected",
    html`<p>Whoever began this is not signed in in this browser. <a href="/sign-in">Sign in</a> and begin again.</p>`,
    403,
  ],
  failed: [
    "Nothing was connected",
    html`<p>The authorization server gave no access. The team's log says why: <code>connection.failed</code>.</p>`,
    502,
  ],
};

const place = /^([a-z0-9-]{1,80})\/([a-z0-9-]{1,80})$/;

/** `/connections/{team}/{server}`, where people are sent to connect an account; the same whether there is such a server or not. */
export function connectionPage(rest: string): Response {
  const ending = Object.hasOwn(endings, rest) ? endings[rest] : undefined;
  if (ending) return page(...ending);
  const [, team, server] = place.exec(rest) ?? [];
  if (team === undefined || server === undefined) {
    return page("There is nothing here", html`<p>The address is not a server's.</p>`, 404);
  }
  const path = `/v1/teams/${team}/servers/${server}/connect`;
  return page(
    "Connect an account",
    html`
<p>Agents of the team <code>${team}</code> use the server <code>${server}</code> with an account there. You are taken to its sign-in,
and then back here. <a href="/sign-in?next=/connections/${rest}" data-signed-in>Sign in</a> to this gateway first.</p>
${form({ id: "connect", post: path, fields: [], button: "Go to the server's sign-in" })}
<p>A script begins with <code>POST ${path}</code>; whoever follows the answer's address must be signed in in the same browser.</p>`,
  );
}
