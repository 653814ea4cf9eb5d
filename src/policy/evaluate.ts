import type { Decision, Layer, Obligation, Question, Refusal, Verdict } from "./decision.ts";
import { type Inner, innerCalls } from "./nested.ts";
import { obligationsOf } from "./obligations.ts";
import { type Findings, noFindings, outerScene, type Scene } from "./scene.ts";
import { stagesOf } from "./stages.ts";

export type { Call, Context, Decision, Obligation, Question, Refusal, ToolFacts } from "./decision.ts";

/**
 * Judges one call by the team's and the server's policy (policy.md §3). Pure: what a permitted call still owes (counting,
 * a person's approval, care with the record) comes back as obligations. Anything that goes wrong in here denies.
 */
export const evaluate = (question: Question): Decision => decide(question, (findings) => findings);

/** A recorded call judged again: what is certain of it, and the refusals that hang on what was not kept. */
export interface Rejudged {
  /** As if none of `open` refused, so a denial is certain, and no permission is while there are any. */
  readonly decision: Decision;
  readonly open: readonly Refusal[];
}

/** As `evaluate`, for a call whose arguments hold values that were not kept (`unread.ts`). */
export function evaluateUnread(question: Question): Rejudged {
  const open: Refusal[] = [];
  const decision = decide(question, (findings) => {
    open.push(...findings.refusals.filter(({ unread, shadow }) => unread && !shadow));
    return { ...findings, refusals: findings.refusals.filter(({ unread }) => !unread) };
  });
  return { decision, open };
}

function decide(question: Question, settled: (findings: Findings) => Findings): Decision {
  const findings = noFindings();
  try {
    judge(outerScene(question, findings));
    return conclude(question, settled(findings));
  } catch (error) {
    findings.errors.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    const broken = "(error)";
    const reason = `Denied by rule ${broken}.`;
    const refusal: Refusal = {
      effect: "deny",
      layer: null,
      rule: broken,
      reason,
      shadow: false,
      unknown: false,
    };
    return conclude(question, { ...noFindings(), errors: findings.errors, refusals: [refusal] });
  }
}

/** All stages of a call, then the calls inside it, each as if it came alone (policy.md §7). */
function judge(scene: Scene): void {
  for (const { run } of stagesOf(scene)) run(scene);
  noteRecord(scene);
  for (const inner of innerCalls(scene)) {
    if ("scene" in inner) judge(inner.scene);
    else refuseUnfolding(scene.findings, inner);
  }
}

function refuseUnfolding(
  findings: Findings,
  { rule, why, unread, layer }: Extract<Inner, { why: string }>,
): void {
  findings.errors.push(why);
  findings.refusals.push({
    effect: "deny",
    layer: layer.layer,
    rule,
    reason: `Denied by rule ${rule}.`,
    // Not even a shadow rule says anything of the calls inside, and those are judged in earnest.
    shadow: layer.ruleShadow && !unread,
    unknown: false,
    ...(unread ? { unread: "calls" } : {}),
  });
}

function noteRecord({ layers, argsAt, findings }: Scene): void {
  for (const { policy, rule } of layers) {
    const redact = rule?.redact.map((path) => argsAt + path.slice("args".length)) ?? [];
    const mode = rule?.record ?? policy?.record ?? null;
    if (mode !== null || redact.length > 0) findings.records.push({ mode, redact });
  }
}

const allowed: Verdict = { effect: "allow", rule: "", reason: "" };

/** The one place that says allow: nothing has refused, nothing asks for a person. */
function verdictOf(refusals: readonly Refusal[]): Verdict & { readonly unknown: boolean } {
  const first = refusals.find(({ effect }) => effect !== "approve") ?? refusals[0];
  if (!first) return { ...allowed, unknown: false };
  return { effect: first.effect, rule: first.rule, reason: first.reason, unknown: first.unknown };
}

function conclude({ team }: Question, findings: Findings): Decision {
  const { refusals, errors } = findings;
  const enforced = refusals.every(({ shadow }) => !shadow)
    ? refusals
    : refusals.filter(({ shadow }) => !shadow);
  const verdict = verdictOf(enforced);
  const layerVerdict = (layer: Layer) => {
    const { effect, rule, reason } = verdictOf(enforced.filter((refusal) => refusal.layer === layer));
    return { layer, effect, rule, reason };
  };
  const layers = team ? [layerVerdict("team"), layerVerdict("server")] : [layerVerdict("server")];
  const obligations: readonly Obligation[] = verdict.effect === "deny" ? [] : obligationsOf(findings);
  return { ...verdict, layers, obligations, errors, refusals, shadow: shadowOf(refusals, enforced, verdict) };
}

/** The would-be decision, where a shadow rule makes a difference. */
function shadowOf(all: readonly Refusal[], enforced: readonly Refusal[], verdict: Verdict): Verdict | null {
  if (all === enforced) return null;
  const { effect, rule, reason } = verdictOf(all);
  return effect === verdict.effect && rule === verdict.rule ? null : { effect, rule, reason };
}
