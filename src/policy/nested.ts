import type { Json, JsonObject } from "../json/value.ts";
import { valueAt, valueWithin } from "./condition.ts";
import type { Call } from "./decision.ts";
import type { Nested } from "./rule.ts";
import { type LayerView, lookUpPrice, type Scene, sceneOf } from "./scene.ts";
import { spend, tooMuchWork } from "./work.ts";

// policy.md §7: the message itself is depth 1.
const depthMax = 4;
const callsMax = 100;

/** A call inside a call, or the place that cannot be read as one. */
export type Inner =
  | { readonly scene: Scene }
  | { readonly rule: string; readonly why: string; readonly unread?: true; readonly layer: LayerView };

/** The calls that a call carries, as its rules say where to find them. */
export const innerCalls = (scene: Scene): Inner[] =>
  unfoldings(scene).flatMap(({ layer, nested }) => unfold(scene, layer, nested));

interface Unfolding {
  readonly layer: LayerView;
  readonly nested: Nested;
}

/** Two layers that say the same unfold the calls once, by the one of them that enforces. */
function unfoldings(scene: Scene): Unfolding[] {
  const chosen = new Map<string, Unfolding>();
  for (const layer of scene.layers) {
    const nested = layer.rule?.nested;
    if (!nested) continue;
    const before = chosen.get(nested.sameAs);
    if (!before || (before.layer.ruleShadow && !layer.ruleShadow))
      chosen.set(nested.sameAs, { layer, nested });
  }
  return [...chosen.values()];
}

function unfold(scene: Scene, layer: LayerView, nested: Nested): Inner[] {
  const rule = layer.prefix + nested.id;
  const refused = (why: string): Inner[] => [
    { rule, why: `cannot unfold ${nested.each.text}: ${why}`, layer },
  ];
  const said = valueAt(nested.each, scene.source);
  if ("why" in said) return refused(said.why).map((inner) => ({ ...said, ...inner }));
  if (!Array.isArray(said.found)) return refused("expected an array of calls");
  if (said.found.length > callsMax) return refused(`more than ${callsMax} calls`);
  if (said.found.length > 0 && scene.depth >= depthMax) return refused(`calls go deeper than ${depthMax}`);
  return said.found.map((element, index) => innerCall(scene, layer, nested, element, index));
}

function innerCall(scene: Scene, layer: LayerView, nested: Nested, element: Json, index: number): Inner {
  const rule = `${layer.prefix}${nested.id}/${index}`;
  const at = `${nested.each.text}[${index}]`;
  const read = readCall(scene, nested, element);
  if ("why" in read) return { rule, why: `cannot unfold ${at}: ${read.why}`, layer };
  if (!spend(scene.work, lookUpPrice(scene.question, read.call)))
    return { rule, why: `cannot unfold ${at}: ${tooMuchWork.why}`, layer };
  const inside = `${at}${nested.arguments.map((step) => stepText(step)).join("")}`;
  return {
    scene: sceneOf(scene.question, read.call, {
      prefix: rule,
      argsAt: scene.argsAt + inside.slice("args".length),
      depth: scene.depth + 1,
      templates: scene.templates,
      findings: scene.findings,
      work: scene.work,
    }),
  };
}

const stepText = (step: Nested["arguments"][number]): string =>
  step === "every" ? "[*]" : "name" in step ? `.${step.name}` : `[${step.index}]`;

function readCall(scene: Scene, nested: Nested, element: Json): { call: Call } | { why: string } {
  if (!(element instanceof Map)) return { why: "expected an object" };
  const name = valueWithin(element, nested.tool, scene.source.templates);
  if ("why" in name) return name;
  if (typeof name.found !== "string") return { why: "expected the name of a tool" };
  if (scene.source.templates?.in(name.found)) return { why: "the name of the tool is filled in later" };
  const args = valueWithin(element, nested.arguments, scene.source.templates);
  if ("why" in args) return args;
  if (args.found !== undefined && !(args.found instanceof Map))
    return { why: "expected the arguments as an object" };
  return { call: innerCallOf(name.found, args.found) };
}

const innerCallOf = (name: string, args: JsonObject | undefined): Call => ({
  method: "tools/call",
  kind: "tool",
  name,
  arguments: args,
});
