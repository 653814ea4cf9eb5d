import type { Obligation } from "./decision.ts";
import type { ApprovalTerms, Limit } from "./rule.ts";
import type { Charged, Findings } from "./scene.ts";

/** What a permitted call owes: its counts, then its approvals, then how it may be recorded. */
export const obligationsOf = (findings: Findings): Obligation[] => [
  ...countsOf(findings.charges),
  ...approvalsOf(findings),
  ...recordOf(findings.records),
];

/** Limits with the same key count in one series per subject. */
const seriesOf = ({ layer, shadow, limit }: Charged): string =>
  `${layer} ${shadow ? "shadow" : "enforce"} ${limit.scope} ${limit.counter}`;

/**
 * One count a limit. Each call, inner ones too, adds to a series once however many limits name it; every limit on that
 * series is tested against all that the message adds (policy.md §5, §7).
 */
function countsOf(charges: readonly Charged[]): Obligation[] {
  if (charges.length === 0) return [];
  const totals = new Map<string, bigint>();
  const added = new Map<string, Set<object>>();
  for (const charge of charges) {
    const series = seriesOf(charge);
    const scenes = added.get(series) ?? new Set();
    added.set(series, scenes);
    if (scenes.has(charge.scene)) continue;
    scenes.add(charge.scene);
    totals.set(series, (totals.get(series) ?? 0n) + charge.amount);
  }
  return onePerLimit(charges).map((charge) => countOf(charge, totals.get(seriesOf(charge)) ?? charge.amount));
}

function onePerLimit(charges: readonly Charged[]): Charged[] {
  const seen = new Set<Limit>();
  return charges.filter(({ limit }) => {
    const fresh = !seen.has(limit);
    seen.add(limit);
    return fresh;
  });
}

function countOf({ limit, layer, shadow, rule, scene }: Charged, amount: bigint): Obligation {
  const { counter, windowMs, algorithm, window, max, maxMicros, scope, incrementFrom, text } = limit;
  return {
    type: "count",
    rule,
    layer,
    shadow,
    counter,
    windowMs,
    algorithm,
    window,
    max,
    maxMicros,
    scope,
    incrementFrom: incrementFrom?.text ?? null,
    amount,
    tool: scene.call.name,
    text,
  };
}

// policy.md §6: any approver or admin, a quarter of an hour, one of them, not held open.
const usualTerms: ApprovalTerms = { approvers: "approver", expires: 900, quorum: 1, hold: 0 };

function approvalsOf({ asks }: Findings): Obligation[] {
  return asks.map(({ refusal, rule }) => ({
    type: "approve",
    rule: refusal.rule,
    reason: refusal.reason,
    ...(rule?.approve ?? usualTerms),
  }));
}

/** Values are kept only where some policy asks for it and none refuses; what any of them redacts is redacted. */
function recordOf(records: Findings["records"]): Obligation[] {
  if (records.length === 0) return [];
  const modes = records.map(({ mode }) => mode);
  const values = modes.includes("values") && !modes.includes("keys");
  const redact = [...new Set(records.flatMap((record) => record.redact))];
  return values || redact.length > 0 ? [{ type: "record", values, redact }] : [];
}
