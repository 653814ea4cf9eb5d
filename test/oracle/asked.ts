import type { Facts } from "./condition.ts";
import { pickKey } from "./key.ts";
import { Num, type Obj, objAt, put, textAt } from "./value.ts";

export interface Call {
  readonly kind: "tool" | "resource" | "prompt";
  readonly name: string;
  readonly args: Obj | undefined;
}

/** Everything besides the call: both documents as parsed, the switch, the pins and the context. */
export interface Situation {
  readonly team: Obj | null;
  readonly server: Obj | null;
  readonly frozen: "off" | "writes" | "all";
  readonly pins: ReadonlyMap<string, { readonly category: string; readonly risk: string }>;
  readonly context: Context;
  readonly hit: (name: string) => void;
}

export interface Context {
  readonly server: { readonly name: string };
  readonly grant: { readonly label: string; readonly tags: readonly string[] };
  readonly member: { readonly email: string; readonly role: string } | null;
  readonly client: { readonly name: string } | null;
  readonly now: { readonly hour: number; readonly weekday: number; readonly date: string };
}

/** What an inner call inherits: how deep it is (the outermost is 1), and what marks a string as filled in later. */
export interface Pending {
  readonly depth: number;
  readonly templates: RegExp[];
}

export interface Layer {
  readonly name: "team" | "server";
  readonly prefix: "/team" | "";
  readonly document: Obj;
  readonly key: string | null;
  readonly rule: Obj | null;
  /** The rule's own pointer, such as `/team/tools/create_charge`. */
  readonly at: string;
}

export interface Asked {
  readonly situation: Situation;
  readonly call: Call;
  readonly layers: Layer[];
  readonly facts: Facts;
  readonly depth: number;
}

/** Puts the call before both documents: which rule applies in each, and what conditions can read. */
export function ask(situation: Situation, call: Call, pending: Pending = { depth: 1, templates: [] }): Asked {
  const layers = layersOf(situation, call);
  const templates = [...pending.templates, ...layers.flatMap((layer) => templatesOf(layer.rule))];
  return { situation, call, layers, facts: factsOf(situation, call, templates), depth: pending.depth };
}

const sections = { tool: "tools", resource: "resources", prompt: "prompts" } as const;

function layersOf(situation: Situation, call: Call): Layer[] {
  const layers: Layer[] = [];
  for (const name of ["team", "server"] as const) {
    const document = situation[name];
    if (document === null) continue;
    const rules = objAt(document, sections[call.kind]);
    const named = { layer: name, kind: call.kind, server: situation.context.server.name, name: call.name };
    const key = pickKey(Object.keys(rules ?? {}), named, situation.hit);
    const prefix = name === "team" ? "/team" : "";
    const at = `${prefix}/${sections[call.kind]}/${escaped(key ?? "")}`;
    layers.push({ name, prefix, document, key, rule: key === null ? null : objAt(rules, key), at });
  }
  return layers;
}

export const escaped = (text: string): string => text.replaceAll("~", "~0").replaceAll("/", "~1");

/** policy.md §7: what a tool that carries calls is given may be filled in later. */
function templatesOf(rule: Obj | null): RegExp[] {
  const nested = objAt(rule, "nested");
  return nested === null ? [] : [new RegExp(textAt(nested, "template") ?? "\\$\\w+[.[]|\\$\\{|\\{\\{", "u")];
}

function factsOf({ context, pins, hit }: Situation, call: Call, templates: RegExp[]): Facts {
  const { server, grant, member, client, now } = context;
  const pin = call.kind === "tool" ? pins.get(call.name) : undefined;
  const root: Obj = {
    tool: {
      ...(call.kind === "tool" && { name: call.name }),
      ...(pin && { category: pin.category, risk: pin.risk }),
    },
    server: { name: server.name },
    grant: { label: grant.label, tags: [...grant.tags] },
    member: member === null ? {} : { email: member.email, role: member.role },
    client: client === null ? {} : { name: client.name },
    now: { hour: new Num(String(now.hour)), weekday: new Num(String(now.weekday)), date: now.date },
  };
  if (call.args !== undefined) put(root, "args", call.args);
  return { root, templates, hit };
}

export const documentEnforces = (document: Obj): boolean => textAt(document, "mode") !== "shadow";

/** policy.md §9, settled: a rule's own mode outranks the document's. */
export const ruleEnforces = ({ document, rule }: Layer): boolean =>
  (textAt(rule, "mode") ?? textAt(document, "mode")) !== "shadow";

/** `all_tools` or the rule, each with its pointer; what does not enforce refuses nothing. */
export interface Part {
  readonly all: boolean;
  readonly at: string;
  readonly body: Obj;
  readonly key: string;
  readonly enforces: boolean;
}

/** policy.md §3: `all_tools` before the rule. */
export function parts(layer: Layer, { call }: Asked): Part[] {
  const all = call.kind === "tool" ? objAt(layer.document, "all_tools") : null;
  const found: Part[] = [];
  const enforces = documentEnforces(layer.document);
  if (all) found.push({ all: true, at: `${layer.prefix}/all_tools`, body: all, key: "", enforces });
  const { rule, at } = layer;
  if (rule) found.push({ all: false, at, body: rule, key: layer.key ?? "", enforces: ruleEnforces(layer) });
  return found;
}

/** The second of one name is `#2`. */
export function numbered(names: string[]): string[] {
  return names.map((name, at) => {
    const earlier = names.slice(0, at).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}#${earlier + 1}`;
  });
}
