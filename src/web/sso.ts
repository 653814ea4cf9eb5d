import { type Html, html } from "./html.ts";
import { page } from "./page.ts";

/** How signing in by a team's identity provider ends where nobody gets in (`src/api/sso.ts`), in words. */
const endings: Readonly<Record<string, readonly [title: string, body: Html, status: number]>> = {
  busy: [
    "You are not signed in",
    html`<p>There were too many tries from your network. Wait a minute.</p>`,
    429,
  ],
  over: [
    "You are not signed in",
    html`<p>This way back works once, for ten minutes, in the browser that set out. Go to your team's sign-in address again.</p>`,
    400,
  ],
  failed: [
    "You are not signed in",
    html`<p>Your team's identity provider did not say who you are. The team's log says why: <code>sso.failed</code>.</p>`,
    502,
  ],
  refused: [
    "You are not signed in",
    html`<p>An admin of the team has closed it to you. Only an admin can change that.</p>`,
    403,
  ],
  no_role: [
    "You are not signed in",
    html`<p>Your identity provider knows you, and the team gives you no role. Ask an admin of the team to map your claims to one.</p>`,
    403,
  ],
  full: [
    "You are not signed in",
    html`<p>The team has as many members as it may have. Ask an admin of the team.</p>`,
    403,
  ],
};

/** `/sso-ended/{why}` */
export function ssoEndedPage(why: string): Response {
  const ending = Object.hasOwn(endings, why) ? endings[why] : undefined;
  return ending
    ? page(...ending)
    : page("There is nothing here", html`<p>The address is not a page's.</p>`, 404);
}
