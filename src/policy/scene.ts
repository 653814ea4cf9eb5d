import { type Json, JsonNumber, type JsonObject } from "../json/value.ts";
import type { Source } from "./condition.ts";
import type { Call, Layer, Question, Refusal } from "./decision.ts";
import { lookUp } from "./key.ts";
import type { Fact } from "./path.ts";
import type { Limit, Policy, Rule } from "./rule.ts";
import { type Template, Templates } from "./template.ts";
import { newWork, type Work } from "./work.ts";

/** One policy's say in one call. */
export interface LayerView {
  readonly layer: Layer;
  /** null = no policy is attached. */
  readonly policy: Policy | null;
  readonly rule: Rule | undefined;
  /** What every id of this layer starts with. */
  readonly prefix: string;
  /** Whether the document, and the rule, only record. */
  readonly documentShadow: boolean;
  readonly ruleShadow: boolean;
}

/** One call that is judged: the message itself, or a call inside it. */
export interface Scene {
  readonly question: Question;
  readonly call: Call;
  readonly args: JsonObject;
  readonly layers: readonly LayerView[];
  readonly source: Source;
  /** Where the call stands: empty for the message itself, `/tools/batch/nested/2` for a call inside it. */
  readonly prefix: string;
  /** Where its arguments stand in the message: `args`, or `args.steps[2].params`. */
  readonly argsAt: string;
  readonly depth: number;
  readonly templates: readonly Template[];
  readonly findings: Findings;
  readonly work: Work;
}

/** A limit that the call meets, and how much this one call adds to its counter. */
export interface Charged {
  readonly limit: Limit;
  readonly layer: Layer;
  readonly shadow: boolean;
  readonly rule: string;
  readonly amount: bigint;
  readonly scene: Scene;
}

/** All that the stages find, in the order of evaluation. */
export interface Findings {
  readonly refusals: Refusal[];
  readonly errors: string[];
  readonly charges: Charged[];
  readonly asks: { readonly refusal: Refusal; readonly rule: Rule | null }[];
  readonly records: { readonly mode: "keys" | "values" | null; readonly redact: readonly string[] }[];
}

export const noFindings = (): Findings => ({ refusals: [], errors: [], charges: [], asks: [], records: [] });

// What an agent can make us compare with every key. A pinned tool's name is never longer (MCP 2025-11-25, tools).
const nameMax: Readonly<Record<Call["kind"], number>> = { tool: 128, resource: 8_192, prompt: 8_192 };

/** Names past their kind's length are refused before any key is looked at. */
export const isTooLong = (call: Call): boolean => call.name.length > nameMax[call.kind];

const noArguments: JsonObject = new Map();

/** The scene of the message itself. */
export const outerScene = (question: Question, findings: Findings): Scene =>
  sceneOf(question, question.call, {
    prefix: "",
    argsAt: "args",
    depth: 1,
    templates: [],
    findings,
    work: newWork(),
  });

type Placement = Pick<Scene, "prefix" | "argsAt" | "depth" | "templates" | "findings" | "work">;

export function sceneOf(question: Question, call: Call, placement: Placement): Scene {
  const args = call.arguments ?? noArguments;
  const layers = layersOf(question, call, placement.prefix);
  const own = layers.flatMap(({ rule }) => (rule?.nested ? [rule.nested.template] : []));
  const templates = own.length === 0 ? placement.templates : [...placement.templates, ...own];
  const source: Source = {
    args,
    fact: (name) => factOf(question, call, name),
    templates: templates.length === 0 ? null : new Templates(templates, placement.work),
    work: placement.work,
  };
  return { ...placement, question, call, args, layers, source, templates };
}

/** How many steps it takes to look for a call's rule, and for what hides it, among globs. */
export function lookUpPrice({ team, server }: Question, call: Call): number {
  if (isTooLong(call)) return 0;
  const globs = [team, server].flatMap((policy) =>
    policy ? [policy.ruleFor[call.kind], policy.hidden[call.kind].keys] : [],
  );
  return globs.reduce((sum, { words }) => sum + words, 0) * call.name.length;
}

function layersOf(question: Question, call: Call, prefix: string): LayerView[] {
  const server = layerView("server", question.server, question, call, prefix);
  return question.team
    ? [layerView("team", question.team, question, call, `${prefix}/team`), server]
    : [server];
}

/** The server that a layer's keys may name: none in a server policy, whose every key is a name. */
export const serverOf = (layer: Layer, { context }: Question): string | null =>
  layer === "team" ? context.server.name : null;

function layerView(
  layer: Layer,
  policy: Policy | null,
  question: Question,
  call: Call,
  prefix: string,
): LayerView {
  const sought = policy !== null && !isTooLong(call);
  const rule = sought ? lookUp(policy.ruleFor[call.kind], serverOf(layer, question), call.name) : undefined;
  const documentShadow = policy?.shadow ?? false;
  const ruleShadow = rule?.mode ? rule.mode === "shadow" : documentShadow;
  return { layer, policy, rule, prefix, documentShadow, ruleShadow };
}

const known = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** The value of a fact, undefined where it is missing. */
function factOf({ context, tools }: Question, call: Call, name: Fact): Json | undefined {
  switch (name) {
    case "tool.name":
      return call.kind === "tool" ? call.name : undefined;
    case "tool.category":
      return call.kind === "tool" ? known(tools.get(call.name)?.category) : undefined;
    case "tool.risk":
      return call.kind === "tool" ? known(tools.get(call.name)?.risk) : undefined;
    case "server.name":
      return context.server.name;
    case "grant.label":
      return context.grant.label;
    case "grant.tags":
      return [...context.grant.tags];
    case "member.email":
      return context.member?.email ?? undefined;
    case "member.role":
      return context.member?.role;
    case "client.name":
      return context.client?.name;
    case "now.hour":
      return new JsonNumber(String(context.now.hour));
    case "now.weekday":
      return new JsonNumber(String(context.now.weekday));
    case "now.date":
      return context.now.date;
  }
}
