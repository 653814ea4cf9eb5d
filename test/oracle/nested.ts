import { Cannot } from "./answer.ts";
import { type Asked, type Call, type Layer, ruleEnforces } from "./asked.ts";
import { isTemplate, reach, stepsOf } from "./condition.ts";
import { isObj, type Obj, objAt, own, textAt, type Value, write } from "./value.ts";

/** One inner call and its pointer; without a call, what stands there is malformed, and `enforces` says if that denies. */
export interface Carried {
  readonly at: string;
  readonly call: Call | null;
  readonly enforces: boolean;
}

const callsMax = 100;
const depthMax = 4;

/** policy.md §7: the calls that this call carries. */
export function carried(asked: Asked): Carried[] {
  return carriers(asked.layers).flatMap((layer) => carriedBy(layer, asked));
}

/** Where both layers unfold the same calls, they are judged once, under a rule that enforces if there is one. */
function carriers(layers: Layer[]): Layer[] {
  const carrying = layers.filter(({ rule }) => objAt(rule, "nested") !== null);
  return carrying.filter((layer, at) => {
    const same = carrying.filter((other) => howUnfolded(other) === howUnfolded(layer));
    return (same.find(ruleEnforces) ?? same[0]) === carrying[at];
  });
}

function howUnfolded({ rule }: Layer): string {
  const nested = objAt(rule, "nested") ?? {};
  return write(["each", "tool", "arguments", "template"].map((key) => own(nested, key) ?? null));
}

function carriedBy(layer: Layer, asked: Asked): Carried[] {
  const nested = objAt(layer.rule, "nested") ?? {};
  const templates = asked.facts.templates;
  const at = `${layer.at}/nested`;
  const enforces = ruleEnforces(layer);
  const steps = stepsOf(textAt(nested, "each") ?? "").filter((step) => typeof step !== "symbol");
  const elements = reach(asked.facts.root, steps, templates);
  const usable = Array.isArray(elements) && elements.length <= callsMax;
  if (!usable || (elements.length > 0 && asked.depth >= depthMax)) {
    asked.facts.hit(usable ? "nested too deep" : "nested not a list of calls");
    return [{ at, call: null, enforces }];
  }
  return elements.map((element, index) => ({
    at: `${at}/${index}`,
    call: callOf(element, nested, templates),
    enforces,
  }));
}

function callOf(element: Value, nested: Obj, templates: RegExp[]): Call | null {
  const name = reach(element, stepsOf(textAt(nested, "tool") ?? ""), templates);
  const args = reach(element, stepsOf(textAt(nested, "arguments") ?? ""), templates);
  if (typeof name !== "string" || isTemplate(name, templates)) return null;
  if (args !== undefined && (args instanceof Cannot || !isObj(args))) return null;
  return { kind: "tool", name, args: args ?? {} };
}
