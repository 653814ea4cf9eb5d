import { approvalPage } from "./approval.ts";
import { connectionPage } from "./connection.ts";
import { html } from "./html.ts";
import { confirmEmailPage, forgotPasswordPage, invitationPage, resetPasswordPage } from "./mail_link.ts";
import { page } from "./page.ts";
import { secondFactorPage } from "./second_factor.ts";
import { signInPage, signUpPage } from "./sign_in.ts";
import { ssoEndedPage } from "./sso.ts";

const byPath: Readonly<Record<string, (url: URL, origin: string) => Response>> = {
  "/sign-in": signInPage,
  "/sign-up": signUpPage,
  "/invitations": invitationPage,
  "/confirm-email": confirmEmailPage,
  "/forgot-password": forgotPasswordPage,
  "/reset-password": resetPasswordPage,
  "/second-factor": secondFactorPage,
};

const approvals = "/approvals/";
const connections = "/connections/";
const ssoEnded = "/sso-ended/";

/** A page for people. None knows who asks: what needs a sign-in, its script asks of the API. */
export function servePage(request: Request, origin: string): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("This page is read with GET.\n", { status: 405, headers: { Allow: "GET, HEAD" } });
  }
  const url = new URL(request.url);
  if (url.pathname.startsWith(approvals)) return approvalPage(url.pathname.slice(approvals.length), origin);
  if (url.pathname.startsWith(connections)) return connectionPage(url.pathname.slice(connections.length));
  if (url.pathname.startsWith(ssoEnded)) return ssoEndedPage(url.pathname.slice(ssoEnded.length));
  return (
    byPath[url.pathname]?.(url, origin) ??
    page("There is nothing here", html`<p>The address is not a page's.</p>`, 404)
  );
}
