import type { DecisionEntry, LogRow, Verdict } from "../audit/entry.ts";
import type { GrantId, ServerId } from "../id.ts";
import { Bounds } from "../limit/bounds.ts";
import { Calendar } from "../limit/calendar.ts";
import type { Charge } from "../limit/take.ts";
import { wallClock } from "../limit/zone.ts";
import type { Policy } from "../policy/document.ts";
import { evaluateUnread, type Refusal, type ToolFacts } from "../policy/evaluate.ts";
import { unreadArguments } from "../policy/unread.ts";
import { type Judged, questionOf, toJudged } from "./judge.ts";
import type { Snapshot } from "./snapshot.ts";

/** A draft of a server's policy, and all that its decisions depend on, as it is now. */
export interface Trial {
  readonly draft: Policy;
  readonly server: { readonly id: ServerId; readonly slug: string };
  readonly team: Policy | null;
  readonly zone: string;
  readonly tools: ReadonlyMap<string, ToolFacts>;
  readonly bearers: ReadonlyMap<GrantId, Bearer>;
}

/** Whose calls they were. */
export interface Bearer extends Pick<Snapshot["grant"], "label" | "tags" | "member"> {
  /** It also calls other servers, whose calls the team's limits count too. */
  readonly elsewhere: boolean;
}

/** What the draft makes of a recorded call; or, where that cannot be told, what it hangs on. */
export type Outcome =
  | { readonly verdict: Verdict; readonly rule: string }
  | { readonly open: readonly OpenPoint[] };

export interface OpenPoint {
  readonly rule: string;
  readonly reason: string;
}

export interface Replayed {
  readonly row: LogRow;
  readonly outcome: Outcome;
}

/**
 * Judges recorded calls of one server by the draft, oldest first. Only the arguments' top-level keys were recorded, so
 * whatever hangs on a value stays open, and counts as if it may have been let through. `earlier` says that there are calls
 * before the first one, which fill counters by an amount that nobody here knows.
 */
export function replay(trial: Trial, rows: readonly LogRow[], earlier: boolean): Replayed[] {
  const startMs = rows[0]?.decision.atMs ?? 0;
  const books = new Map<GrantId, Bounds>();
  return rows.map((row) => {
    const { gate } = row.decision;
    const book = books.get(gate) ?? newBook(trial, gate);
    if (!books.has(gate) && earlier) book.blur(startMs);
    books.set(gate, book);
    return { row, outcome: outcomeOf(trial, row.decision, book) };
  });
}

/** A grant's counters. Others add to the shared ones, and its own calls elsewhere to the team's limits (policy.md §5). */
function newBook(trial: Trial, gate: GrantId): Bounds {
  const elsewhere = trial.bearers.get(gate)?.elsewhere ?? false;
  const calendar = new Calendar(wallClock, [{ zone: trial.zone, sinceMs: 0 }]);
  return new Bounds(calendar, ({ rule, shared }) => shared || (elsewhere && isTeamRule(rule)));
}

const isTeamRule = (rule: string): boolean => rule.startsWith("/team/");

/** What was refused before any policy was asked, and would be again. */
const beforePolicies = new Set(["(unknown tool)", "(quarantined)"]);

function outcomeOf(trial: Trial, decision: DecisionEntry, book: Bounds): Outcome {
  const { gate, target, rule, verdict, atMs } = decision;
  if (beforePolicies.has(rule)) return { verdict, rule };
  if (rule === "(frozen)") return hangsOn(rule, "the team was frozen, so no policy was asked");
  const bearer = trial.bearers.get(gate);
  const pinned = target.kind !== "tool" || trial.tools.has(target.name);
  if (bearer && pinned) return judged(trial, bearer, decision, book);
  book.blur(atMs);
  return bearer
    ? hangsOn("(unknown tool)", "the tool has no accepted definition any more")
    : hangsOn("", "the grant is not there any more");
}

const hangsOn = (rule: string, reason: string): Outcome => ({ open: [{ rule, reason }] });

function judged(trial: Trial, bearer: Bearer, decision: DecisionEntry, book: Bounds): Outcome {
  const { found, open } = rejudge(trial, bearer, decision);
  const { verdict, rule } = found;
  // The round that it goes on from was counted.
  const charges = decision.continues === undefined ? found.charges : [];
  const { atMs } = decision;
  if (verdict === "denied" || verdict === "unknown") return { verdict, rule };
  const points = [...open.map(pointOf), ...manyNames(decision)];
  if (points.length > 0) {
    book.mayTake(charges, atMs);
    if (manyNames(decision).length > 0 || open.some(({ unread }) => unread === "calls")) book.blur(atMs);
    return { open: points };
  }
  const asksAgain = verdict === "approval_required" && wasApproved(decision);
  return verdict === "allowed" || asksAgain ? counted(book, charges, atMs) : { verdict, rule };
}

function rejudge(
  trial: Trial,
  grant: Bearer,
  decision: DecisionEntry,
): { readonly found: Judged; readonly open: readonly Refusal[] } {
  const { gate, method, client, target, argumentKeys, argumentHash, atMs } = decision;
  const ask = { method, ...(client === null ? {} : { clientName: client }) };
  const route = { policy: trial.draft, tools: trial.tools, route: { server: trial.server } };
  // A freeze is a switch and no policy: the draft is tried as if it were off.
  const bench = { team: trial.team, snapshot: { team: { zone: trial.zone, frozen: "off" }, grant } } as const;
  const args = argumentHash === null ? undefined : unreadArguments(argumentKeys);
  const again = evaluateUnread(questionOf(bench, route, ask, target, args, atMs));
  return {
    found: toJudged(again.decision, target, route, { id: gate, member: grant.member }),
    open: again.open,
  };
}

/** A person was asked and said yes: only then does an allowed call name a rule. Asked again, they would again. */
const wasApproved = ({ verdict, rule }: DecisionEntry): boolean => verdict === "allowed" && rule !== "";

const pointOf = ({ rule, reason, unread }: Refusal): OpenPoint => ({
  rule,
  reason: unread === "calls" ? "the calls inside the call are not stored" : reason,
});

/** Messages that may name several resources, of which the log keeps one. */
const manyNames = ({ method }: DecisionEntry): OpenPoint[] =>
  method === "subscriptions/listen"
    ? [{ rule: "", reason: "the message may name several resources, and one is stored" }]
    : [];

function counted(book: Bounds, charges: readonly Charge[], atMs: number): Outcome {
  const fit = book.test(charges, atMs);
  if (fit.fits) {
    book.take(charges, atMs);
    return { verdict: "allowed", rule: "" };
  }
  if (fit.certain) return { verdict: "limited", rule: fit.charge.rule };
  book.mayTake(charges, atMs);
  return hangsOn(fit.charge.rule, "whether there was room hangs on calls that are not replayed");
}
