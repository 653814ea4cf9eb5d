import type { Category, Flag } from "./classify.ts";

const split = (text: string): string[] => text.trim().split(/\s+/);

/** Words that are verbs and hardly anything else in a tool's name. */
const firm: readonly (readonly [Category, string])[] = [
  [
    "Read",
    `get list read describe show search find fetch retrieve lookup view inspect browse count check validate verify analyze
     analyse compare explain summarize summarise preview estimate detect diagnose discover download enumerate explore
     calculate compute examine extract resolve suggest recommend predict classify profile wait monitor ping peek`,
  ],
  [
    "Write",
    `create add update set put edit save write insert append rename modify patch upsert assign unassign upload register
     configure enable disable attach detach unlink merge pin unpin subscribe unsubscribe follow unfollow invite approve
     reject archive unarchive publish unpublish duplicate convert replace apply import store remember organize mark
     annotate react upvote reorder migrate provision allocate generate change mute unmute join leave draft clone`,
  ],
  [
    "Execute",
    `execute exec invoke eval evaluate restart reboot resume pause deploy redeploy launch send submit click tap press type
     fill navigate goto scroll drag hover select switch focus open close minimize maximize resize recover restore rollback
     install upgrade scale failover kill stop cancel abort connect disconnect simulate interact perform dispatch emulate
     take capture handle login logout authenticate enter split move swipe`,
  ],
  [
    "Destructive",
    "delete remove drop destroy purge wipe truncate erase uninstall revoke reset clear flush prune terminate discard evict overwrite",
  ],
  [
    "Financial",
    "pay charge refund payout purchase buy sell withdraw deposit finalize checkout reimburse disburse donate",
  ],
];

/** Words that are as often nouns: they count as verbs where the name has no firm one. */
const soft: readonly (readonly [Category, string])[] = [
  ["Read", "query watch trace diff scan lint audit review"],
  [
    "Write",
    "post comment reply label tag link star fork copy sync commit record log schedule share index cache format bookmark note",
  ],
  ["Execute", "run start call trigger build test push release batch script shell command process sign"],
  ["Destructive", "force"],
  ["Financial", "transfer trade order swap bid invest"],
];

const lexicon = (table: typeof firm): ReadonlyMap<string, Category> =>
  new Map(table.flatMap(([category, words]) => split(words).map((word) => [word, category] as const)));

export const firmVerbs = lexicon(firm);
export const softVerbs = lexicon(soft);

/** A name without a verb that ends in one of these names something to look at. */
export const viewNouns: ReadonlySet<string> = new Set(
  split(`snapshot status info information detail details summary overview stats statistics metrics history logs version
         versions schema health usage help docs documentation about whoami state capabilities`),
);

/** Between two verbs: the tool does both. */
export const connectors: ReadonlySet<string> = new Set(["and", "or", "then"]);

/** Objects that make a change a payment. */
export const moneyNouns: ReadonlySet<string> = new Set(
  split(`payment payments invoice invoices refund refunds charge charges payout payouts payroll transfer transfers
         subscription subscriptions billing coupon price wallet purchase checkout order trade dispute`),
);

/** Verbs that end what they are applied to; with "all" they lose things. */
export const endingVerbs: ReadonlySet<string> = new Set(
  split("close stop kill cancel abort disconnect unpublish archive"),
);

/** Words of a name that say what kind of data or way out is touched. */
export const flagWords: readonly (readonly [Flag, ReadonlySet<string>])[] = [
  [
    "private_data",
    new Set(
      split(`email emails mail inbox message messages contact contacts calendar customer customers patient patients
             employee employees personal profile drive memory memories note notes chat dm conversation conversations`),
    ),
  ],
  [
    "untrusted_content",
    new Set(
      split(`web website url urls page html http internet scrape crawl browse rss feed tweet tweets inbox email emails
             comment comments issue issues review reviews forum`),
    ),
  ],
  [
    "secret",
    new Set(
      split(`secret secrets credential credentials password passwords token tokens apikey keychain vault certificate
             certificates env`),
    ),
  ],
  ["code_exec", new Set(split("exec eval shell bash script sql cypher javascript python code powershell"))],
  ["bulk", new Set(split("all bulk batch mass every everything many"))],
];

/** Verbs through which data can leave the team. */
export const sinkVerbs: ReadonlySet<string> = new Set(
  split("send post publish share upload push tweet comment reply submit dispatch"),
);

/** What a parameter carries, by a word of its name. */
export const parameterWords: readonly (readonly [Role, ReadonlySet<string>])[] = [
  [
    "shell",
    new Set(
      split("command commands cmd shell script code expression javascript js python keystrokes stdin argv"),
    ),
  ],
  ["sql", new Set(split("sql cypher statement statements"))],
  ["url", new Set(split("url urls uri href webhook endpoint"))],
  ["path", new Set(split("path paths file filename filepath directory dir folder"))],
  ["amount", new Set(split("amount total price"))],
  ["currency", new Set(split("currency"))],
  ["recipient", new Set(split("recipient recipients to cc bcc channel"))],
  ["id", new Set(split("id ids uuid key"))],
  ["free_text", new Set(split("text body content message prompt input description title"))],
];

export type Role =
  | "url"
  | "path"
  | "sql"
  | "shell"
  | "recipient"
  | "amount"
  | "currency"
  | "id"
  | "free_text";

/** The words of a name in any case style, lower case: `getHTTPUrl` and `get-http_url` are one. */
export const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
