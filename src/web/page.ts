import { Html, html } from "./html.ts";

// Nothing but our own script, style and API; nobody frames it, and no form goes elsewhere (security.md §2).
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": policy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** A page for people, nothing of which is kept by anybody. */
export const page = (title: string, body: Html, status = 200): Response =>
  new Response(whole(title, body).text, { status, headers });

const script = new Html('<script type="module" src="/assets/form.js"></script>');

const whole = (title: string, body: Html): Html => html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Portcullis</title>
<link rel="stylesheet" href="/assets/page.css">
${script}
<main>
<h1>${title}</h1>
${body}
</main>
</html>
`;
