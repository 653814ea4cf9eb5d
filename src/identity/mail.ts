import { type Fault, fault } from "../fault.ts";
import type { FetchDeps } from "../upstream/fetch.ts";

type Fetch = FetchDeps["fetch"];

/** A message to one person, in plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** What became of a message: the mailer took it, it stands in this machine's log alone, or nobody has it. */
export type Posted = "sent" | "printed" | "failed";

export interface MailPort {
  send(mail: Mail): Promise<Posted>;
}

/** MAIL_URL and MAIL_TOKEN, as the operator set them. */
export interface MailSettings {
  readonly url: string | undefined;
  readonly token: string | undefined;
}

const unset = fault(
  "misconfigured",
  "This gateway sends no mail yet: its operator must set MAIL_URL and MAIL_TOKEN.",
);
const malformed = fault("misconfigured", "MAIL_URL must be an https address, and MAIL_TOKEN set with it.");

/**
 * How this deployment sends mail, or why it cannot. `local` is the development switch: without a mailer it prints what
 * would be sent, and a mailer may be on this machine.
 */
export function mailPort(
  { url, token }: MailSettings,
  local: boolean,
  out: { readonly fetch: Fetch; readonly print: (text: string) => void },
): MailPort | Fault {
  if (!url && !token) return local ? printed(out.print) : unset;
  const protocol = URL.parse(url ?? "")?.protocol;
  const safe = protocol === "https:" || (local && protocol === "http:");
  return url && token && safe ? mailer(url, token, out.fetch) : malformed;
}

const printed = (print: (text: string) => void): MailPort => ({
  send: async ({ to, subject, text }) => {
    print(`No mail is sent from here. To ${to}: ${subject}\n\n${text}`);
    return "printed";
  },
});

const mailerMs = 10_000;

function mailer(url: string, token: string, fetch: Fetch): MailPort {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
  return {
    async send(mail) {
      const signal = AbortSignal.timeout(mailerMs);
      try {
        // Not through the guard: the operator named this address, no tenant did, and it may well be a private one.
        const answer = await fetch(url, {
          method: "POST",
          headers,
          body: JSON.stringify(mail),
          redirect: "manual",
          signal,
        });
        await answer.body?.cancel();
        if (answer.ok) return "sent";
        console.error("the mailer refused a message", { status: answer.status });
      } catch (error) {
        console.error("the mailer cannot be reached", { error });
      }
      return "failed";
    },
  };
}
