import type { Verdict } from "../audit/entry.ts";
import type { JsonObject } from "../json/value.ts";
import type { Charge } from "../limit/take.ts";
import { type Decision, evaluate, type Obligation, type Question } from "../policy/evaluate.ts";
import type { ApproveDuty } from "./approvals.ts";
import { localNow } from "./calendar.ts";
import { quotaCharge } from "./call_quota.ts";
import { type Count, type Subject, toCharge } from "./charge.ts";
import type { Ask, Target } from "./rpc.ts";
import type { Route, Snapshot } from "./snapshot.ts";
import { type Compiled, type CompiledRoute, teamUnreadable } from "./standing.ts";
import { keptBytesMax, valuesText } from "./values.ts";

/** What the policies say of a message, before its limits are tested and its approval is looked for. */
export interface Judged {
  readonly verdict: Exclude<Verdict, "limited">;
  readonly target: Target;
  readonly rule: string;
  readonly reason: string;
  readonly notes: readonly string[];
  /** What it would take from its limits; empty where it is refused. */
  readonly charges: readonly Charge[];
  /** What of the arguments the policies have hidden in a record of their values; null: none is kept. */
  readonly keeps: readonly string[] | null;
  /** The rules that put it before a person; empty unless the verdict is `approval_required`. */
  readonly asks: readonly ApproveDuty[];
}

/** What a refused message leaves to do. */
const nothingMore: Pick<Judged, "charges" | "asks" | "keeps"> = { charges: [], asks: [], keeps: null };

/** Judges every target of the message; the first that is refused speaks for all, else the first that needs a person. */
export function judge(
  compiled: Compiled,
  route: CompiledRoute,
  ask: Ask,
  args: JsonObject | undefined,
  nowMs: number,
): Judged {
  const verdicts = ask.targets.map((target) => judgeOne(compiled, route, ask, target, args, nowMs));
  const first = verdicts[0];
  if (!first) throw new Error("a message to admit names nothing");
  const refused = verdicts.find(({ verdict }) => verdict === "denied" || verdict === "unknown");
  if (refused) return refused;
  const speaker = verdicts.find(({ verdict }) => verdict === "approval_required") ?? first;
  const [charges, asks] = [verdicts.flatMap((one) => one.charges), verdicts.flatMap((one) => one.asks)];
  // Several targets share their arguments: all must agree to keep them, and what one hides is hidden.
  const asked = verdicts.map((one) => one.keeps);
  const keeps = asked.includes(null) ? null : asked.flatMap((paths) => paths ?? []);
  if (keeps && valuesText(args, keeps) === null) return { ...first, ...tooLarge, ...nothingMore };
  const quota = quotaCharge(compiled.snapshot.team.callsADay);
  return { ...speaker, charges: quota ? [...charges, quota] : charges, asks, keeps };
}

function judgeOne(
  compiled: Compiled,
  route: CompiledRoute,
  ask: Ask,
  target: Target,
  args: JsonObject | undefined,
  nowMs: number,
): Judged {
  if (compiled.teamBroken) {
    const { rule, reason } = teamUnreadable;
    return { verdict: "denied", target, rule, reason, notes: [], ...nothingMore };
  }
  const decision = evaluate(questionOf(compiled, route, ask, target, args, nowMs));
  return toJudged(decision, target, route, compiled.snapshot.grant);
}

/** What of a gate's state a decision depends on. */
export type Bench = Pick<Compiled, "team"> & {
  readonly snapshot: {
    readonly team: Pick<Snapshot["team"], "frozen" | "zone">;
    readonly grant: Pick<Snapshot["grant"], "label" | "tags" | "member">;
  };
};

/** What of a route a decision depends on. */
export type JudgedRoute = Pick<CompiledRoute, "policy" | "tools"> & {
  readonly route: { readonly server: Pick<Route["server"], "id" | "slug"> };
};

/** The question that the policies are asked about one target of a message at that moment. */
export function questionOf(
  { team: teamPolicy, snapshot: { team, grant } }: Bench,
  route: JudgedRoute,
  ask: Pick<Ask, "method" | "clientName">,
  target: Target,
  args: JsonObject | undefined,
  nowMs: number,
): Question {
  return {
    call: { method: ask.method, kind: target.kind, name: target.name, arguments: args },
    team: teamPolicy,
    server: route.policy,
    frozen: team.frozen,
    tools: route.tools,
    context: {
      server: { name: route.route.server.slug },
      grant: { label: grant.label, tags: grant.tags },
      member: grant.member,
      client: ask.clientName === undefined ? null : { name: ask.clientName },
      // A getter: most policies never ask for the time of day, and formatting it is the dearest part.
      get now() {
        return localNow(nowMs, team.zone);
      },
    },
  };
}

/** What the decision comes to at this gate: a duty that it cannot carry out denies. */
export function toJudged(decision: Decision, target: Target, { route }: JudgedRoute, grant: Subject): Judged {
  const verdict = verdictOf(decision);
  const base = { target, rule: decision.rule, reason: decision.reason, notes: decision.errors };
  if (verdict === "denied" || verdict === "unknown") return { ...base, verdict, ...nothingMore };
  const beyond = decision.obligations.find((duty) => !dischargeable(duty));
  if (beyond) return { ...base, ...cannotDischarge(beyond), ...nothingMore };
  const counts = decision.obligations.filter((duty): duty is Count => duty.type === "count");
  const asks = decision.obligations.filter((duty): duty is ApproveDuty => duty.type === "approve");
  const record = decision.obligations.find((duty) => duty.type === "record");
  const keeps = record?.values ? record.redact : null;
  return {
    ...base,
    verdict,
    charges: counts.map((duty) => toCharge(duty, route.server, grant)),
    asks,
    keeps,
  };
}

function verdictOf(decision: Decision): Judged["verdict"] {
  switch (decision.effect) {
    case "allow":
      return "allowed";
    case "approve":
      return "approval_required";
    default:
      return decision.unknown ? "unknown" : "denied";
  }
}

/** An obligation that this gate cannot carry out is a deny (architecture.md §1): the list of what it can. */
function dischargeable(duty: Obligation): boolean {
  switch (duty.type) {
    case "count":
      return true;
    case "record":
    case "approve":
      return true;
    default:
      return false;
  }
}

const tooLarge: Pick<Judged, "verdict" | "rule" | "reason"> = {
  verdict: "denied",
  rule: "",
  reason: `The policy has the arguments recorded, and these are larger than the record keeps (${keptBytesMax} bytes).`,
};

function cannotDischarge(duty: Obligation): Pick<Judged, "verdict" | "rule" | "reason"> {
  const rule = duty.type === "record" ? "" : duty.rule;
  return {
    verdict: "denied",
    rule,
    reason: `This gateway cannot carry out the duty "${duty.type}" yet, so it denies the call.`,
  };
}
