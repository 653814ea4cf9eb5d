import { form } from "./form.ts";
import { html } from "./html.ts";
import { page } from "./page.ts";

// What these links hold stands behind the #, which browsers send to nobody: each page is the same for all.

/** `/invitations#…` */
export const invitationPage = (): Response =>
  page(
    "You are invited to a team",
    html`
<p>Join it with the e-mail address that was invited. <a href="/sign-in?next=/invitations" data-keep-secret>Sign in</a> or
<a href="/sign-up?next=/invitations" data-keep-secret>sign up</a> with it first, and follow the link that confirms it.</p>
${form({
  id: "invitation",
  post: "/v1/invitations/accept",
  fields: [],
  secret: "token",
  button: "Join the team",
  done: "You are a member now.",
})}
<p>The link works once, and for seven days. A script does the same with <code>POST /v1/invitations/accept</code>.</p>`,
  );

/** `/confirm-email#…` */
export const confirmEmailPage = (): Response =>
  page(
    "Confirm your e-mail address",
    form({
      id: "confirm-email",
      post: "/v1/email/confirm",
      fields: [],
      secret: "token",
      button: "Confirm it",
      done: "Your e-mail address is confirmed.",
    }),
  );

/** `/forgot-password` */
export const forgotPasswordPage = (): Response =>
  page(
    "Forgot your password?",
    form({
      id: "forgot-password",
      post: "/v1/password/forgotten",
      fields: [{ name: "email", label: "E-mail address", type: "email", autocomplete: "username" }],
      button: "Send a link",
      done: "If somebody signed up with this address, a link is on its way there. It works for an hour.",
    }),
  );

/** `/reset-password#…` */
export const resetPasswordPage = (): Response =>
  page(
    "Choose a new password",
    html`
${form({
  id: "reset-password",
  post: "/v1/password/reset",
  fields: [
    {
      name: "password",
      label: "New password",
      type: "password",
      autocomplete: "new-password",
      hint: "At least 12 characters; a sentence is good.",
    },
  ],
  secret: "token",
  button: "Set it",
  done: "Your password is changed, and every sign-in with the old one has ended.",
})}
<p><a href="/sign-in">Sign in</a></p>`,
  );
