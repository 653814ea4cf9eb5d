import { decimal, scaled } from "../json/decimal.ts";
import { JsonNumber } from "../json/value.ts";
import { evaluateGroup, type Group, valueAt } from "./condition.ts";
import type { Refusal } from "./decision.ts";
import { isHidden } from "./key.ts";
import { isAlwaysAllowed, isJudgedByName, methodRuleId } from "./method-names.ts";
import type { Outcome, Unclear } from "./operator.ts";
import type { Checks, Limit, Rule } from "./rule.ts";
import { isTooLong, type LayerView, type Scene, serverOf } from "./scene.ts";
import { holdsUnread, notStored } from "./unread.ts";
import { isDeviousUri } from "./within.ts";

export type StageName =
  | "freeze"
  | "known"
  | "hide"
  | "rule"
  | "action"
  | "require"
  | "deny_if"
  | "arguments"
  | "limits"
  | "approve";

/** One step of the one order in which a call is judged (policy.md §3). */
export interface Stage {
  readonly name: StageName;
  readonly run: (scene: Scene) => void;
}

/** Every stage looks at the team's layer before the server's, `all_tools` before the rule, then at the document's order. */
const stages: readonly Stage[] = [
  { name: "freeze", run: frozen },
  { name: "known", run: known },
  { name: "hide", run: hidden },
  { name: "rule", run: listed },
  { name: "action", run: action },
  { name: "require", run: required },
  { name: "deny_if", run: denied },
  { name: "arguments", run: argumentsFit },
  { name: "limits", run: limited },
  { name: "approve", run: approved },
];
const stagesOfTooLong = stages.slice(0, 2);

export const stagesOf = (scene: Scene): readonly Stage[] =>
  isTooLong(scene.call) ? stagesOfTooLong : stages;

interface Found {
  readonly effect?: Refusal["effect"];
  readonly layer?: LayerView;
  readonly shadow?: boolean;
  readonly unknown?: boolean;
  readonly unread?: boolean;
  /** Without one the reason says which rule it was. */
  readonly reason?: string | null;
}

function refuse(scene: Scene, rule: string, found: Found = {}): Refusal {
  const effect = found.effect ?? "deny";
  const said = effect === "approve" ? "Approval required by rule" : "Denied by rule";
  const refusal: Refusal = {
    effect,
    layer: found.layer?.layer ?? null,
    rule,
    reason: found.reason ?? `${said} ${rule}.`,
    shadow: found.shadow ?? false,
    unknown: found.unknown ?? false,
    ...(found.unread ? { unread: "value" } : {}),
  };
  scene.findings.refusals.push(refusal);
  return refusal;
}

/** The id of a refusal that no rule of a document stands for, such as `(hidden)`. */
const aside = (scene: Scene, name: string): string =>
  scene.prefix === "" ? name : `${scene.prefix}/${name}`;

/** A shadow rule's trouble is written down too, but refuses nothing. */
function unclear(scene: Scene, rule: string, said: Unclear, layer: LayerView, shadow: boolean): void {
  scene.findings.errors.push(said.why);
  refuse(scene, rule, { layer, shadow, reason: said.why, unread: said.unread === true });
}

function frozen(scene: Scene): void {
  const { frozen: freeze, tools } = scene.question;
  if (freeze === "off") return;
  const reads = scene.call.kind === "tool" && tools.get(scene.call.name)?.category === "Read";
  if (freeze !== "writes" || !reads) refuse(scene, aside(scene, "(frozen)"));
}

function known(scene: Scene): void {
  const { call, question } = scene;
  if (call.kind !== "tool") {
    if (isTooLong(call)) refuse(scene, aside(scene, "(name too long)"));
    return;
  }
  if (question.quarantined?.has(call.name)) refuse(scene, aside(scene, "(quarantined)"), { unknown: true });
  else if (isTooLong(call) || !question.tools.has(call.name))
    refuse(scene, aside(scene, "(unknown tool)"), { unknown: true });
}

function hidden(scene: Scene): void {
  const { call, question } = scene;
  for (const layer of scene.layers) {
    if (
      layer.policy &&
      isHidden(layer.policy.hidden[call.kind], serverOf(layer.layer, question), call.name)
    ) {
      refuse(scene, aside(scene, "(hidden)"), { layer, shadow: layer.documentShadow, unknown: true });
    }
  }
}

function listed(scene: Scene): void {
  const { call } = scene;
  if (call.kind === "resource" && isDeviousUri(call.name)) refuse(scene, aside(scene, "(ambiguous uri)"));
  for (const layer of scene.layers) {
    if (!layer.policy) {
      refuse(scene, aside(scene, "(no policy)"), { layer });
      continue;
    }
    const shadow = layer.documentShadow;
    if (!layer.rule && layer.policy.default !== "allow")
      refuse(scene, aside(scene, "(default deny)"), { layer, shadow });
    if (!isJudgedByName(call.method) && !isAlwaysAllowed(call.method)) methodAllowed(scene, layer);
  }
}

/** Methods that name something and that `methods` must permit besides, such as `completion/complete`. */
function methodAllowed(scene: Scene, layer: LayerView): void {
  const said = layer.policy?.methods.get(scene.call.method);
  if (said === "allow") return;
  const rule = said ? layer.prefix + methodRuleId(scene.call.method) : aside(scene, "(default deny)");
  refuse(scene, rule, { layer, shadow: layer.documentShadow });
}

function action(scene: Scene): void {
  for (const layer of scene.layers) {
    const { rule, ruleShadow: shadow } = layer;
    if (rule?.action === "deny") {
      refuse(scene, `${layer.prefix}${rule.id}/action`, { layer, shadow, reason: rule.reason });
    }
  }
}

export interface Applied {
  readonly layer: LayerView;
  readonly checks: Checks;
  readonly rule: Rule | null;
  readonly shadow: boolean;
}

/** `all_tools`, then the rule, of each layer. */
export function eachChecks(scene: Scene, look: (applied: Applied) => void): void {
  for (const layer of scene.layers) {
    const { policy, rule, documentShadow, ruleShadow } = layer;
    if (policy && scene.call.kind === "tool") {
      look({ layer, checks: policy.allTools, rule: null, shadow: documentShadow });
    }
    if (rule) look({ layer, checks: rule, rule, shadow: ruleShadow });
  }
}

function required(scene: Scene): void {
  eachChecks(scene, ({ layer, checks, shadow }) => {
    for (const group of checks.require) {
      const outcome = evaluateGroup(group, "every", scene.source);
      const rule = layer.prefix + group.id;
      if (typeof outcome === "object") unclear(scene, rule, outcome, layer, shadow);
      else if (!outcome) refuse(scene, rule, { layer, shadow, reason: group.text });
    }
  });
}

function denied(scene: Scene): void {
  eachChecks(scene, ({ layer, checks, shadow }) => {
    for (const group of checks.denyIf) {
      const outcome = evaluateGroup(group, "any", scene.source);
      const rule = layer.prefix + group.id;
      if (typeof outcome === "object") unclear(scene, rule, outcome, layer, shadow);
      else if (outcome) refuse(scene, rule, { layer, shadow, reason: group.text });
    }
  });
}

function argumentsFit(scene: Scene): void {
  for (const layer of scene.layers) {
    const { rule, ruleShadow: shadow } = layer;
    if (!rule?.arguments) continue;
    const id = `${layer.prefix}${rule.id}/arguments`;
    const outcome = argumentsOutcome(scene, rule.arguments);
    if (typeof outcome === "object") {
      const why = `cannot evaluate arguments: ${outcome.why}`;
      unclear(scene, id, { ...outcome, why }, layer, shadow);
    } else if (!outcome) refuse(scene, id, { layer, shadow });
  }
}

function argumentsOutcome({ source, args, work }: Scene, check: NonNullable<Rule["arguments"]>): Outcome {
  if (source.templates?.in(args)) return { why: "they hold a template that is filled in later" };
  return holdsUnread(args) ? notStored : check(args, work);
}

const oneCall = 1_000_000n;
const increaseMax = 10n ** 18n;

function limited(scene: Scene): void {
  eachChecks(scene, ({ layer, checks, shadow }) => {
    for (const limit of checks.limits) {
      const rule = layer.prefix + limit.id;
      const amount = limit.incrementFrom ? increaseBy(scene, limit) : oneCall;
      if (typeof amount === "object") unclear(scene, rule, amount, layer, shadow);
      // What the value was nobody knows any more, but it was no more than what the language takes.
      const most = typeof amount === "bigint" ? amount : amount.unread ? increaseMax : null;
      if (most !== null)
        scene.findings.charges.push({ limit, layer: layer.layer, shadow, rule, amount: most, scene });
    }
  });
}

/** The argument's value in millionths (policy.md §5, `increment_from`). */
function increaseBy(scene: Scene, limit: Limit): bigint | Unclear {
  const path = limit.incrementFrom;
  if (!path) return oneCall;
  const said = valueAt(path, scene.source);
  const cannot = (why: string): Unclear => ({ why: `cannot evaluate increment_from ${path.text}: ${why}` });
  if ("why" in said) return { ...said, ...cannot(said.why) };
  const value = said.found instanceof JsonNumber ? decimal(said.found.text) : null;
  const amount = value && scaled(value, 6);
  const fits = typeof amount === "bigint" && amount >= 0n && amount <= increaseMax;
  return fits ? amount : cannot("expected a number from 0 to 10^12 with at most 6 decimals");
}

function approved(scene: Scene): void {
  eachChecks(scene, ({ layer, checks, rule, shadow }) => {
    if (rule?.action === "approve") {
      ask(scene, `${layer.prefix}${rule.id}/action`, rule.reason, { layer, checks, rule, shadow });
    }
    for (const group of checks.approveIf) askIf(scene, group, { layer, checks, rule, shadow });
  });
}

function askIf(scene: Scene, group: Group, applied: Applied): void {
  const outcome = evaluateGroup(group, "any", scene.source);
  const id = applied.layer.prefix + group.id;
  if (typeof outcome === "object") unclear(scene, id, outcome, applied.layer, applied.shadow);
  else if (outcome) ask(scene, id, group.text, applied);
}

function ask(scene: Scene, id: string, reason: string | null, { layer, rule, shadow }: Applied): void {
  const refusal = refuse(scene, id, { effect: "approve", layer, shadow, reason });
  if (!shadow) scene.findings.asks.push({ refusal, rule });
}
