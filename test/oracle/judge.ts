import { holdsUncountable, satisfies } from "./argument_schema.ts";
import {
  type Asked,
  ask,
  documentEnforces,
  escaped,
  type Layer,
  numbered,
  type Part,
  parts,
  ruleEnforces,
} from "./asked.ts";
import { group, holdsTemplate, type Use } from "./condition.ts";
import { keyMatches, type Named } from "./key.ts";
import { countings } from "./limit.ts";
import { ambiguousUri } from "./location.ts";
import { type Carried, carried } from "./nested.ts";
import { isObj, listAt, type Obj, own, textAt } from "./value.ts";

/** The stages of policy.md §3, in order; inner calls come after all of them. */
export const stages = [
  ...(["frozen", "unknown", "hidden", "default", "action"] as const),
  ...(["require", "deny_if", "arguments", "limits", "approve", "nested"] as const),
];
export type Stage = (typeof stages)[number];

/** One stage's no, or its "a person must say yes". Without a text of the rule's own, `reason` is null. */
export interface Refusal {
  readonly stage: Stage;
  readonly effect: "deny" | "approve";
  readonly rule: string;
  readonly reason: Reason | null;
}

/** `exact` is false where the language fixes only how the text begins. */
export interface Reason {
  readonly starts: string;
  readonly exact: boolean;
}

/** All that refuses the call, in the order in which it is looked at. */
export function refusals(asked: Asked): Refusal[] {
  return stages.flatMap((stage) => refusalsOf(stage, asked));
}

/** policy.md §3: the first refusal is the reason; a denial anywhere outweighs every approval asked for. */
export const decisive = (found: Refusal[]): Refusal | undefined =>
  found.find(({ effect }) => effect === "deny") ?? found[0];

function refusalsOf(stage: Stage, asked: Asked): Refusal[] {
  const { layers } = asked;
  switch (stage) {
    case "frozen":
      return frozen(asked);
    case "unknown":
      return unknown(asked);
    case "hidden":
      return [...layers.flatMap((layer) => hidden(layer, asked)), ...ambiguous(asked)];
    case "default":
      return unlisted(asked);
    case "action":
      return layers.flatMap((layer) => action(layer, "deny", asked));
    case "require":
    case "deny_if":
      return layers.flatMap((layer) => parts(layer, asked).flatMap((part) => groups(stage, part, asked)));
    case "arguments":
      return layers.flatMap((layer) => schema(layer, asked));
    case "limits":
      return limits(asked);
    case "approve":
      return layers.flatMap((layer) => approvals(layer, asked));
    case "nested":
      return carried(asked).flatMap((each) => inner(each, asked));
  }
}

const deny = (stage: Stage, rule: string, reason: Reason | null = null): Refusal => {
  return { stage, effect: "deny", rule, reason };
};
const said = (text: string | null): Reason | null => (text === null ? null : { starts: text, exact: true });
const cannotEvaluate: Reason = { starts: "cannot evaluate", exact: false };

function frozen({ situation, call }: Asked): Refusal[] {
  const pin = call.kind === "tool" ? situation.pins.get(call.name) : undefined;
  const passes = situation.frozen === "off" || (situation.frozen === "writes" && pin?.category === "Read");
  if (situation.frozen !== "off")
    situation.hit(`frozen ${situation.frozen} ${passes ? "passes" : "refuses"}`);
  return passes ? [] : [deny("frozen", "(frozen)")];
}

function unknown({ situation, call }: Asked): Refusal[] {
  const stranger = call.kind === "tool" && !situation.pins.has(call.name);
  return stranger ? [deny("unknown", "(unknown tool)")] : [];
}

function hidden(layer: Layer, { situation, call }: Asked): Refusal[] {
  const stated = own(layer.document, "hide");
  const keys = (Array.isArray(stated) ? stated : [stated]).filter((key) => typeof key === "string");
  const server = situation.context.server.name;
  const named: Named = { layer: layer.name, kind: call.kind, server, name: call.name };
  const hides = keys.some((key) => key === "*" || keyMatches(key, named) !== "no");
  if (!hides) return [];
  situation.hit(documentEnforces(layer.document) ? `${layer.name} hides a ${call.kind}` : "shadow hide");
  return documentEnforces(layer.document) ? [deny("hidden", "(hidden)")] : [];
}

/** The language names no stage for this; after `hide`, so that a hidden name looks like any unknown one. */
function ambiguous({ call }: Asked): Refusal[] {
  return call.kind === "resource" && ambiguousUri(call.name) ? [deny("hidden", "(ambiguous uri)")] : [];
}

function unlisted({ situation, layers }: Asked): Refusal[] {
  const denying = layers.filter(
    ({ key, document }) => key === null && textAt(document, "default") === "deny",
  );
  const denied = denying.filter(({ document }) => documentEnforces(document));
  if (denied.length < denying.length) situation.hit("shadow default deny");
  const absent = situation.server === null ? [deny("default", "(no policy)")] : [];
  return [...denied.map(() => deny("default", "(default deny)")), ...absent];
}

function action(layer: Layer, wanted: "deny" | "approve", { facts }: Asked): Refusal[] {
  const stated = textAt(layer.rule, "action");
  const effect = stated === "require_approval" ? "approve" : stated;
  if (effect !== wanted) return [];
  facts.hit(`${ruleEnforces(layer) ? "action" : "shadow action"} ${stated}`);
  const stage = wanted === "deny" ? "action" : "approve";
  const rule = `${layer.at}/action`;
  return ruleEnforces(layer)
    ? [{ stage, effect: wanted, rule, reason: said(textAt(layer.rule, "reason")) }]
    : [];
}

/** In a rule, `action` comes before `approve_if`; a condition there that cannot be evaluated denies. */
function approvals(layer: Layer, asked: Asked): Refusal[] {
  return parts(layer, asked).flatMap((part) => [
    ...(part.all ? [] : action(layer, "approve", asked)),
    ...groups("approve_if", part, asked),
  ]);
}

function groups(use: Use, part: Part, { facts }: Asked): Refusal[] {
  const stated = listAt(part.body, use).filter(isObj);
  const names = numbered(stated.map(groupName));
  return stated.flatMap((each, at): Refusal[] => {
    const answer = group(each, use, facts);
    if (answer === (use === "require")) return [];
    if (!part.enforces) {
      facts.hit(`shadow ${use}`);
      return [];
    }
    const rule = `${part.at}/${use}/${names[at]}`;
    if (typeof answer !== "boolean") return [deny(use === "approve_if" ? "approve" : use, rule, answer)];
    if (use !== "approve_if") return [deny(use, rule, said(textAt(each, "on_deny")))];
    return [{ stage: "approve", effect: "approve", rule, reason: said(textAt(each, "reason")) }];
  });
}

function groupName(stated: Obj): string {
  const first = listAt(stated, "conditions").find(isObj);
  return first === undefined ? "always" : escaped(`${textAt(first, "path")}-${textAt(first, "op")}`);
}

function schema(layer: Layer, { call, facts }: Asked): Refusal[] {
  const stated = layer.rule === null ? undefined : own(layer.rule, "arguments");
  if (stated === undefined) return [];
  const args = call.args ?? {};
  const cannot = holdsTemplate(args, facts.templates) || holdsUncountable(args);
  const passes = !cannot && satisfies(args, stated);
  const mode = ruleEnforces(layer) ? "arguments" : "shadow arguments";
  facts.hit(`${mode} ${passes ? "hold" : cannot ? "cannot" : "fail"}`);
  if (passes || !ruleEnforces(layer)) return [];
  return [deny("arguments", `${layer.at}/arguments`, cannot ? cannotEvaluate : null)];
}

function limits(asked: Asked): Refusal[] {
  const refused = countings(asked).filter(({ millionths, enforces }) => millionths === null && enforces);
  return refused.map(({ rule }) => deny("limits", rule, cannotEvaluate));
}

function inner({ at, call, enforces }: Carried, asked: Asked): Refusal[] {
  const { situation, depth, facts } = asked;
  if (call === null) {
    facts.hit(enforces ? "nested malformed" : "shadow nested malformed");
    return enforces ? [deny("nested", at)] : [];
  }
  const found = decisive(refusals(ask(situation, call, { depth: depth + 1, templates: facts.templates })));
  facts.hit(`nested inner ${found?.effect ?? "allow"} at depth ${depth + 1}`);
  if (found === undefined) return [];
  return [{ ...found, stage: "nested", rule: within(at, found.rule) }];
}

/** An inner call's rule, as the outer call names it. */
const within = (at: string, rule: string): string => (rule.startsWith("/") ? at + rule : `${at}/${rule}`);
