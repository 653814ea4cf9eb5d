import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { UserId } from "../id.ts";
import type { Mail, Posted } from "../identity/mail.ts";
import { hashSecret, newSecret } from "../identity/secret.ts";
import { findMailLink, type MailLink, type MailPurpose, replaceMailLink } from "../store/mail_link.ts";
import type { Call } from "./operation.ts";

const hourMs = 3_600_000;

/** What a link is for: the page that it leads to, how long it works, and what its mail says around it. */
interface Letter {
  readonly page: string;
  readonly lifetimeMs: number;
  readonly subject: string;
  readonly before: string;
  readonly after: string;
}

const letters: Readonly<Record<"signed_up" | "new_email" | "reset_password", Letter>> = {
  signed_up: {
    page: "/confirm-email",
    lifetimeMs: 24 * hourMs,
    subject: "Confirm your e-mail address",
    before: "Somebody signed up with this address. If it was you, follow this link within a day:",
    after: "If it was not, do nothing: without the link, the address cannot join a team.",
  },
  new_email: {
    page: "/confirm-email",
    lifetimeMs: 24 * hourMs,
    subject: "Confirm your new e-mail address",
    before:
      "Somebody wants to sign in with this address from now on. If it is you, follow this link within a day:",
    after: "If it is not, do nothing: without the link, nothing changes.",
  },
  reset_password: {
    page: "/reset-password",
    lifetimeMs: hourMs,
    subject: "Choose a new password",
    before:
      "Somebody asked for a new password for this address. If it was you, follow this link within an hour:",
    after: "If it was not, do nothing: without the link, nothing changes.",
  },
};

const purposes: Readonly<Record<keyof typeof letters, MailPurpose>> = {
  signed_up: "confirm_email",
  new_email: "confirm_email",
  reset_password: "reset_password",
};

/** What became of a mail with a link, as an answer says it. */
export const mailedShape = z.strictObject({
  mail: z.enum(["sent", "printed", "failed"]).check(z.describe("`failed`: the mailer did not take it.")),
  link: z
    .optional(z.url())
    .check(z.describe("In development alone, where no mail is sent and the link stands in the log.")),
});

export const linkToken = z
  .string()
  .check(z.maxLength(200), z.describe("What stands behind the # of the link."));

type Caller = Pick<Call<unknown, unknown>, "deps" | "nowMs">;

/** Mails a person a link in the place of their earlier one, to `email`. */
export async function mailLink(
  { deps, nowMs }: Caller,
  kind: keyof typeof letters,
  to: { readonly user: UserId; readonly email: string },
): Promise<z.output<typeof mailedShape> | Fault> {
  if (isFault(deps.mail)) return deps.mail;
  const { page, lifetimeMs, subject, before, after } = letters[kind];
  const secret = newSecret(deps.random);
  const link: MailLink = { ...to, purpose: purposes[kind], expiresAtMs: nowMs + lifetimeMs };
  await deps.db.batch(replaceMailLink(deps.db, link, hashSecret(secret), nowMs));
  const url = `${deps.origin}${page}#${secret}`;
  const text = `${before}\n\n${url}\n\nIt is for ${deps.origin}, and works once.\n\n${after}\n`;
  const mail: Posted = await deps.mail.send({ to: to.email, subject, text });
  return mail === "printed" ? { mail, link: url } : { mail };
}

/** Tells a person something behind the answer; where no mail can be sent, they are not told. */
export function notify({ deps }: Pick<Caller, "deps">, mail: Mail): void {
  if (!isFault(deps.mail)) deps.behind(deps.mail.send(mail));
}

/** Whose link this is and where it was sent, and what it goes by; or why there is none. */
export async function linkOf({ deps, nowMs }: Caller, token: string, purpose: MailPurpose) {
  const hash = hashSecret(token);
  const found = await findMailLink(deps.db, hash, purpose, nowMs);
  return found ? { ...found, hash } : noLink;
}

/** One answer for every reason: used, replaced, expired, or never was. */
export const noLink = fault(
  "not_found",
  "Nothing stands behind this link: it may have been used, replaced or expired. Ask for a new one.",
);
