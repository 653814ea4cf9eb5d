import type { GroupKind } from "./compile-groups.ts";
import type { Group, Quantifier } from "./condition.ts";
import type { Decision, Layer, Question, Refusal } from "./decision.ts";
import { evaluate } from "./evaluate.ts";
import { type ExplainedCondition, explainCondition } from "./explain-condition.ts";
import { innerCalls } from "./nested.ts";
import { Redaction } from "./redaction.ts";
import { type Findings, type LayerView, noFindings, outerScene, type Scene } from "./scene.ts";
import { eachChecks, type Stage, type StageName, stagesOf } from "./stages.ts";

/** One thing that was looked at on the way to a decision. */
export interface Step {
  readonly stage: StageName | "nested" | "error";
  /** Where the judged call stands: empty for the message itself, `/tools/batch/nested/2` for a call inside it. */
  readonly call: string;
  readonly name: string;
  readonly layer: Layer | null;
  readonly rule: string;
  readonly outcome: "passed" | "refused" | "approval" | "cannot_evaluate";
  /** What the agent would read; null where it passed. */
  readonly reason: string | null;
  /** Only recorded: it refuses nothing. */
  readonly shadow: boolean;
  /** This one is what the decision says. */
  readonly decides: boolean;
  readonly conditions: readonly ExplainedCondition[];
  /** What a limit would count: `adds 1 to calls, 10 per minute`. */
  readonly note: string | null;
}

export interface Explained {
  readonly decision: Decision;
  readonly steps: readonly Step[];
}

/**
 * The decision on a call, and everything that was considered for it in the order of evaluation. The stages are the
 * engine's own, run once more, so the two cannot disagree. What `redact` names is not shown.
 */
export function explain(question: Question): Explained {
  const decision = evaluate(question);
  if (decision.rule === brokenRule) return { decision, steps: [brokenStep(question, decision)] };
  const findings = noFindings();
  const trail = new Trail(findings, decidingOf(decision));
  retrace(outerScene(question, findings), trail, Redaction.none);
  return { decision, steps: trail.steps };
}

const brokenRule = "(error)";

function brokenStep({ call }: Question, { rule, reason }: Decision): Step {
  const where = { stage: "error", call: "", name: call.name, layer: null, rule } as const;
  return { ...where, outcome: "refused", reason, shadow: false, decides: true, conditions: [], note: null };
}

/** Which of the decision's refusals, by position, is the one that it tells; -1 where the call may pass. */
const decidingOf = ({ effect, refusals }: Decision): number =>
  refusals.findIndex((refusal) => !refusal.shadow && refusal.effect === effect);

function retrace(scene: Scene, trail: Trail, outer: Redaction): void {
  const redaction = outer.and(scene);
  for (const stage of stagesOf(scene)) retraceStage(stage, scene, trail, redaction);
  for (const inner of innerCalls(scene)) {
    if ("scene" in inner) retrace(inner.scene, trail, redaction);
    else trail.cannotUnfold(scene, inner);
  }
}

function retraceStage({ name, run }: Stage, scene: Scene, trail: Trail, redaction: Redaction): void {
  const before = trail.mark();
  run(scene);
  const fresh = trail.since(before);
  if (name === "require" || name === "deny_if") groupSteps(name, scene, trail, fresh, redaction);
  else if (name === "approve") groupSteps("approve_if", scene, trail, fresh, redaction);
  else if (name === "limits") limitSteps(scene, trail, fresh, before.charges, redaction);
  else plainSteps(name, scene, trail, fresh);
}

type Fresh = readonly Refusal[];

const groupsOf = { require: "require", deny_if: "denyIf", approve_if: "approveIf" } as const;

function groupSteps(kind: GroupKind, scene: Scene, trail: Trail, fresh: Fresh, redaction: Redaction): void {
  const stage = kind === "approve_if" ? "approve" : kind;
  const quantifier: Quantifier = kind === "require" ? "every" : "any";
  eachChecks(scene, ({ layer, checks, rule: owner, shadow }) => {
    const own = fresh.filter((refusal) => refusal.layer === layer.layer);
    const action = `${layer.prefix}${owner?.id}/action`;
    trail.add(
      scene,
      stage,
      own.filter(({ rule }) => rule === action),
    );
    for (const group of checks[groupsOf[kind]]) {
      const rule = layer.prefix + group.id;
      const refusal = own.find((one) => one.rule === rule);
      trail.tell(refusal, () => ({
        ...place(scene, stage, layer, rule, shadow),
        conditions: conditionsOf(group, quantifier, scene, redaction),
      }));
    }
  });
}

const conditionsOf = (group: Group, quantifier: Quantifier, scene: Scene, redaction: Redaction) =>
  group.conditions.map((condition) =>
    explainCondition(condition, quantifier, scene.source, redaction.hides(scene, condition.path)),
  );

function limitSteps(scene: Scene, trail: Trail, fresh: Fresh, from: number, redaction: Redaction): void {
  const charges = scene.findings.charges.slice(from);
  eachChecks(scene, ({ layer, checks, shadow }) => {
    for (const limit of checks.limits) {
      const rule = layer.prefix + limit.id;
      const refusal = fresh.find((one) => one.layer === layer.layer && one.rule === rule);
      const charge = charges.find((one) => one.limit === limit);
      const secret = limit.incrementFrom !== null && redaction.hides(scene, limit.incrementFrom);
      const amount = charge && (secret ? "[redacted]" : decimalText(charge.amount));
      trail.tell(refusal, () => ({
        ...place(scene, "limits", layer, rule, shadow),
        note: amount === undefined ? null : `adds ${amount} to ${limit.counter}, ${limit.text}`,
      }));
    }
  });
}

/** Millionths as a plain decimal. */
export function decimalText(micros: bigint): string {
  const digits = String(micros).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, "");
}

/** Stages that look at a call as a whole: what they refused, or one line a layer that it passed. */
function plainSteps(stage: StageName, scene: Scene, trail: Trail, fresh: Fresh): void {
  trail.add(
    scene,
    stage,
    fresh.filter(({ layer }) => layer === null),
  );
  if (stage === "freeze" || stage === "known") {
    if (fresh.length === 0) trail.tell(undefined, () => place(scene, stage, null, "", false));
    return;
  }
  for (const layer of scene.layers) {
    const own = fresh.filter((refusal) => refusal.layer === layer.layer);
    trail.add(scene, stage, own);
    const rule = passedBy(stage, layer);
    if (own.length === 0 && rule !== null) {
      trail.tell(undefined, () => place(scene, stage, layer, rule, layer.ruleShadow));
    }
  }
}

/** The id of what a layer had to say at a stage that it let pass; null where it had nothing to say. */
function passedBy(stage: StageName, { policy, rule, prefix }: LayerView): string | null {
  switch (stage) {
    case "hide":
      return policy && policy.hide.length > 0 ? `${prefix}/hide` : null;
    case "rule":
      return rule ? prefix + rule.id : `${prefix}/default`;
    case "arguments":
      return rule?.arguments ? `${prefix}${rule.id}/arguments` : null;
    default:
      return null;
  }
}

type Told = Omit<Step, "outcome" | "reason" | "decides">;

const place = (
  scene: Scene,
  stage: Step["stage"],
  layer: LayerView | null,
  rule: string,
  shadow: boolean,
): Told => ({
  stage,
  call: scene.prefix,
  name: scene.call.name,
  layer: layer?.layer ?? null,
  rule,
  shadow,
  conditions: [],
  note: null,
});

// A message of 100 inner calls under a policy of 256 KiB could fill hundreds of megabytes.
const stepsMax = 1_000;

/** Collects the steps while the stages run again. */
class Trail {
  readonly steps: Step[] = [];
  readonly #findings: Findings;
  readonly #deciding: number;

  constructor(findings: Findings, deciding: number) {
    this.#findings = findings;
    this.#deciding = deciding;
  }

  mark(): { readonly refusals: number; readonly charges: number } {
    return { refusals: this.#findings.refusals.length, charges: this.#findings.charges.length };
  }

  since({ refusals }: { readonly refusals: number }): Fresh {
    return this.#findings.refusals.slice(refusals);
  }

  /** One step, with the refusal that it ended in, if any. Past the cap only what decides is still told. */
  tell(refusal: Refusal | undefined, step: () => Told): void {
    const decides = refusal !== undefined && this.#findings.refusals[this.#deciding] === refusal;
    if (this.steps.length >= stepsMax && !decides) return;
    const outcome = refusal ? this.#outcomeOf(refusal) : "passed";
    this.steps.push({ ...step(), outcome, reason: refusal?.reason ?? null, decides });
  }

  /** Refusals that have nothing more to tell than themselves. */
  add(scene: Scene, stage: Step["stage"], refusals: Fresh): void {
    for (const refusal of refusals) {
      const layer = scene.layers.find((one) => one.layer === refusal.layer) ?? null;
      this.tell(refusal, () => place(scene, stage, layer, refusal.rule, refusal.shadow));
    }
  }

  /** Where the calls inside cannot be read, as `evaluate` words it; it comes after the outer call's own stages. */
  cannotUnfold(scene: Scene, { rule, why, layer }: { rule: string; why: string; layer: LayerView }): void {
    const reason = `Denied by rule ${rule}.`;
    const shadow = layer.ruleShadow;
    const refusal: Refusal = { effect: "deny", layer: layer.layer, rule, reason, shadow, unknown: false };
    this.#findings.errors.push(why);
    this.#findings.refusals.push(refusal);
    this.tell(refusal, () => ({ ...place(scene, "nested", layer, rule, shadow), note: why }));
  }

  #outcomeOf(refusal: Refusal): Step["outcome"] {
    if (refusal.effect === "approve") return "approval";
    return this.#findings.errors.includes(refusal.reason) ? "cannot_evaluate" : "refused";
  }
}
