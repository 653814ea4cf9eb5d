import type { Finding } from "../fault.ts";
import { type Caps, readJson } from "../json/read.ts";
import { type Json, toPlain } from "../json/value.ts";
import type { Increments } from "./compile-limits.ts";
import { choice, compileAllTools, compileRule, sectionNames } from "./compile-rule.ts";
import { findingsOf } from "./findings.ts";
import { hideTable, type Kind, keyTable } from "./key.ts";
import { isAlwaysAllowed, isJudgedByName } from "./method-names.ts";
import { longForm } from "./normalise.ts";
import { elements, members, type Place, place, type Reading, textAt } from "./pointer.ts";
import { documentRegex } from "./regex.ts";
import type { Policy, Rule, ServerRequest } from "./rule.ts";
import { policySchema } from "./schema.ts";

export type { Policy } from "./rule.ts";

/** What a document may cost (policy.md §9); its size in UTF-8 bytes bounds everything else. */
const documentBytesMax = 262_144;
const caps: Caps = { depthMax: 16, membersMax: 200_000, stringMax: documentBytesMax };

export type ReadPolicy =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly Finding[] }
  | { readonly ok: false; readonly errors: readonly Finding[] };

/**
 * Reads a policy document and compiles it. All mistakes are told at once, each with a pointer; never throws on any text.
 */
export function readPolicy(text: string): ReadPolicy {
  if (new TextEncoder().encode(text).length > documentBytesMax) {
    return refused([{ pointer: "", message: "a policy has at most 256 KiB" }]);
  }
  const read = readJson(text, caps);
  if (!read.ok)
    return refused([{ pointer: read.pointer, message: `${read.problem} (${lineOf(text, read.offset)})` }]);
  const found: Reading = { errors: [], warnings: [], regex: documentRegex() };
  const root = place(read.value, "", found);
  refuseProto(root);
  const shape = policySchema.safeParse(toPlain(read.value));
  if (!shape.success) found.errors.unshift(...findingsOf(shape.error.issues, read.value));
  // Compiled even where the shape is wrong, so that the mistakes that only compiling finds are told too.
  const policy = compile(root);
  return found.errors.length > 0 ? refused(found.errors) : { ok: true, policy, warnings: found.warnings };
}

/** The document in its long form: short forms expanded, all else as written. */
export const normalised = (policy: Policy): Json => policy.document;

const refused = (errors: readonly Finding[]): ReadPolicy => ({ ok: false, errors });

function lineOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** Schema libraries treat this key apart, so nothing under it would be checked. */
function refuseProto(at: Place): void {
  for (const [key, member] of members(at)) {
    if (key === "__proto__") member.fail("this key is not allowed");
    refuseProto(member);
  }
  for (const element of elements(at)) refuseProto(element);
}

function compile(root: Place): Policy {
  const increments: Increments = new Map();
  const allTools = compileAllTools(root.at("all_tools"), increments);
  const rulesOf = (kind: Kind): Rule[] =>
    members(root.at(sectionNames[kind])).map(([key, at]) => compileRule(kind, key, at, increments));
  const rules = { tool: rulesOf("tool"), resource: rulesOf("resource"), prompt: rulesOf("prompt") };
  const tableOf = (kind: Kind) =>
    keyTable(
      rules[kind].map((rule) => [rule.key, rule] as const),
      kind,
    );
  const hide = hideOf(root.at("hide"));
  return {
    document: longForm(root.value ?? null),
    default: root.at("default").value === "allow" ? "allow" : "deny",
    shadow: root.at("mode").value === "shadow",
    record: choice(root.at("record"), "keys", "values"),
    hide,
    hidden: {
      tool: hideTable(hide, "tool"),
      resource: hideTable(hide, "resource"),
      prompt: hideTable(hide, "prompt"),
    },
    allTools,
    rules,
    ruleFor: { tool: tableOf("tool"), resource: tableOf("resource"), prompt: tableOf("prompt") },
    methods: new Map(members(root.at("methods")).map(methodEntry)),
    requests: requestsOf(root.at("requests")),
  };
}

const hideOf = (at: Place): string[] =>
  typeof at.value === "string" ? [at.value] : elements(at).flatMap((entry) => textAt(entry) ?? []);

function methodEntry([method, at]: readonly [string, Place]): [string, "allow" | "deny"] {
  if (at.value === "deny" && isAlwaysAllowed(method)) at.fail(`${method} is always allowed`);
  if (at.value === "deny" && isJudgedByName(method))
    at.fail(`${method} is judged by the names it asks for: deny those`);
  return [method, at.value === "allow" ? "allow" : "deny"];
}

function requestsOf(at: Place): Record<ServerRequest, "allow" | "deny"> {
  return {
    sampling: choice(at.at("sampling"), "allow", "deny") ?? "deny",
    elicitation: choice(at.at("elicitation"), "allow", "deny") ?? "allow",
    roots: choice(at.at("roots"), "allow", "deny") ?? "deny",
  };
}
