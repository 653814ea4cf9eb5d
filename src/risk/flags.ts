import type { Category, Evidence, Flag } from "./category.ts";
import type { Parameter } from "./parameters.ts";
import type { Shape } from "./shape.ts";
import { runsCode } from "./verbs.ts";
import { wordSet } from "./words.ts";

export interface Flagged {
  readonly flag: Flag;
  readonly evidence: Evidence;
}

/** Words of a name that say what kind of data or way out is touched. */
const flagWords: readonly (readonly [Flag, ReadonlySet<string>])[] = [
  [
    "private_data",
    wordSet(
      `email emails mail mails inbox mailbox message messages contact contacts calendar calendars customer customers patient
       patients employee employees personal profile profiles drive memory memories note notes chat chats dm dms conversation
       conversations transcript transcripts candidate candidates applicant applicants payslip payslips salary diagnosis
       diagnoses prescription prescriptions medical health vitals photo photos location address addresses phone
       voicemail voicemails recording recordings resume student students grades lead leads user users member members
       invoice invoices transaction transactions passport ssn attendee attendees diary journal
       clipboard history crm hr`,
    ),
  ],
  [
    "untrusted_content",
    wordSet(
      `web website websites webpage url urls page pages html http internet scrape crawl browse rss feed feeds tweet tweets
       inbox email emails mail comment comments issue issues review reviews forum thread threads post posts reply replies
       news article articles message messages ticket tickets pullrequest pullrequests mergerequest mergerequests
       transcript transcripts readme reddit attachment attachments`,
    ),
  ],
  [
    "secret",
    wordSet(
      `secret secrets credential credentials password passwords passphrase token tokens apikey apikeys accesskey privatekey
       sshkey sshkeys deploykey deploykeys signingkey keychain vault certificate certificates cert certs env mnemonic otp
       totp recoverycode keystore kms`,
    ),
  ],
  ["code_exec", wordSet("exec shell bash script sql cypher javascript python code powershell repl lambda")],
  ["bulk", wordSet("all bulk batch every everything many multiple")],
];

/** What makes a token a coin or a unit of text, and no key to anything. */
const otherTokens = wordSet(
  "count price prices balance balances holder holders supply usage erc20 swap market chain swapped limit limits metadata mint",
);

/** Verbs through which data can leave the team, and those of them that are things where they are not the verb. */
const sinkVerbs = wordSet(
  "send resend publish share upload push tweet dispatch broadcast forward notify invite submit",
);
const softSinks = wordSet("post comment reply email message text sms fax mail say");

/** A tool that is called so, with no word of what: where it may take a list, it may be one of calls. */
const batches = wordSet("batch multicall macro");

const mayCarryCalls = (parameters: readonly Parameter[] | null): boolean =>
  parameters === null || parameters.some(({ type }) => type === "array");

const secretParameter =
  /^(?:password|passphrase|secret|api_?key|private_?key|access_token|auth_token|bearer_token|client_secret|mnemonic|seed_phrase|credentials?|cvv|cvc)$/;

/** The flags with what raised each; they say what a call touches, whatever its category. */
export function flagsOf(verb: string, category: Category, { words, parameters, nested }: Shape): Flagged[] {
  const isCoin = words.some((word) => otherTokens.has(word));
  const flagged = flagWords.flatMap(([flag, known]) =>
    words
      .filter((word) => known.has(word) && !(flag === "secret" && isCoin && word.startsWith("token")))
      .map((word) => flagFrom(flag, "name", word)),
  );
  if (verb === "eval" && words.includes(verb)) flagged.push(flagFrom("code_exec", "name", verb));
  if (category !== "Read") {
    flagged.push(
      ...words
        .filter((word) => sinkVerbs.has(word) || (word === verb && softSinks.has(word)))
        .map((word) => flagFrom("public_sink", "name", word)),
    );
  }
  flagged.push(...(parameters ?? []).flatMap((parameter) => flagsFrom(verb, category, parameter)));
  if (nested) {
    const evidence: Evidence = { source: "parameter", token: nested.each, says: "nested_calls", nested };
    flagged.push({ flag: "nested_calls", evidence });
  } else if (words.at(-1) === verb && batches.has(verb) && mayCarryCalls(parameters)) {
    flagged.push(flagFrom("nested_calls", "name", verb));
  }
  return flagged;
}

function flagsFrom(verb: string, category: Category, { name, words, role, type }: Parameter): Flagged[] {
  const says = (flag: Flag): Flagged => flagFrom(flag, "parameter", name);
  const found: Flagged[] = [];
  if (runsCode(verb, role)) found.push(says("code_exec"));
  if (role === "url") found.push(says(category === "Read" ? "untrusted_content" : "public_sink"));
  if (role === "recipient" && category !== "Read") found.push(says("public_sink"));
  if (type === "array" && role === "id" && category !== "Read") found.push(says("bulk"));
  if (secretParameter.test(words.join("_"))) found.push(says("secret"));
  return found;
}

const flagFrom = (flag: Flag, source: Evidence["source"], token: string): Flagged => ({
  flag,
  evidence: { source, token, says: flag },
});
