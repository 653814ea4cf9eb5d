import { type Field, form } from "./form.ts";
import { Html, html } from "./html.ts";
import { nextOf } from "./next.ts";
import { page } from "./page.ts";

const email: Field = { name: "email", label: "E-mail address", type: "email", autocomplete: "username" };
const code: Field = {
  name: "code",
  label: "Code",
  type: "text",
  autocomplete: "one-time-code",
  hint: "From your authenticator app, or one of your recovery codes.",
};

const script = new Html('<script type="module" src="/assets/sign_in.js"></script>');

/** `/sign-in?next=/…`: password first, then the second factor of who has one. */
export function signInPage({ searchParams }: URL, origin: string): Response {
  const next = nextOf(searchParams.get("next"), origin);
  const password: Field = {
    name: "password",
    label: "Password",
    type: "password",
    autocomplete: "current-password",
  };
  return page(
    "Sign in",
    html`
${form({ id: "sign-in", post: "/v1/login", fields: [email, password], button: "Sign in", next })}
${form({
  id: "second-factor",
  post: "/v1/login/second-factor",
  fields: [code],
  button: "Sign in",
  next,
  hidden: true,
})}
${byPasskey("second-by-passkey", "Use a passkey")}
${byPasskey("by-passkey", "Sign in with a passkey")}
${script}
<p><a href="/forgot-password">Forgot your password?</a></p>
<p>No account yet? <a href="/sign-up?${new URLSearchParams({ next: pathOf(next) }).toString()}" data-keep-secret>Sign up</a></p>`,
  );
}

/** Shown by the script where the browser can. */
const byPasskey = (id: string, text: string): Html => html`
<div id="${id}" hidden><p class="problem" role="alert"></p><p><button type="button">${text}</button></p></div>`;

/** `/sign-up?next=/…` */
export function signUpPage({ searchParams }: URL, origin: string): Response {
  const next = nextOf(searchParams.get("next"), origin);
  const password: Field = {
    name: "password",
    label: "Password",
    type: "password",
    autocomplete: "new-password",
    hint: "At least 12 characters; a sentence is good.",
  };
  const team: Field = {
    name: "team",
    label: "Your team's name",
    type: "text",
    autocomplete: "organization",
    hint: "You administer it. You can be in other teams, too.",
  };
  return page(
    "Sign up",
    html`
${form({ id: "sign-up", post: "/v1/signup", fields: [email, password, team], button: "Sign up", next })}
<p>Already signed up? <a href="/sign-in?${new URLSearchParams({ next: pathOf(next) }).toString()}" data-keep-secret>Sign in</a></p>`,
  );
}

function pathOf(next: string): string {
  const { pathname, search, hash } = new URL(next);
  return `${pathname}${search}${hash}`;
}
