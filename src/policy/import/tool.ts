import type { JsonObject } from "../../json/value.ts";
import { hasWildcard } from "../glob.ts";
import { pointerOf } from "../pointer.ts";
import {
  type Carried,
  fail,
  isUnequal,
  itemsOf,
  noEqual,
  type Reading,
  strangers,
  type Target,
  textOf,
} from "./carried.ts";
import { type Draft, everyToolDraft, toolDraft } from "./draft.ts";
import { carryRule } from "./rule.ts";
import type { Mapping, Node } from "./yaml.ts";

/** One line of the report: which rule stood where, what it became, and what to know of that. */
export interface Line {
  /** From 1. */
  readonly line: number;
  readonly rule: string;
  /** Pointers into the document. */
  readonly became: readonly string[];
  readonly note: string;
}

/** What one key of `tools` became. */
export interface ImportedTool {
  readonly rule: JsonObject;
  readonly lines: readonly Line[];
}

/** Imports the rules of one tool, or of `"*"`, which are every tool's. */
export function importTool(name: string, line: number, node: Node, reading: Reading): ImportedTool {
  const every = name === "*";
  const target: Target = { scope: every ? "_global" : name, every };
  const at = pointerOf(["tools", name]);
  const draft = every ? everyToolDraft() : toolDraft(at);
  const lines: Line[] = [];
  const own = ownCarried(name, node, every);
  if (own) lines.push({ line, rule: name, ...told(own, draft, every) });
  for (const { rule, label, carried } of carriedRules(name, node, target, reading)) {
    lines.push({ line: rule.line, rule: label, ...told(carried, draft, every) });
  }
  if (lines.length === 0 && !every)
    lines.push({ line, rule: name, became: [at], note: "listed without rules: allowed" });
  return { rule: draft.rule(), lines };
}

/** What the tool's own key and members have no equal for; null where all of it has. */
function ownCarried(name: string, node: Node, every: boolean): Carried | null {
  if (!every && hasWildcard(name)) {
    return {
      why: `Intercept takes ${JSON.stringify(name)} for a tool of just that name, and here it is a glob`,
    };
  }
  const strange = node.kind === "mapping" ? strangers(node, ["rules"]) : [];
  return strange.length > 0 ? noEqual(strange) : null;
}

interface CarriedRule {
  readonly rule: Mapping;
  /** The tool and the rule's own name. */
  readonly label: string;
  readonly carried: Carried;
}

function carriedRules(name: string, node: Node, target: Target, reading: Reading): CarriedRule[] {
  if (node.kind === "scalar" && node.value === null) return [];
  if (node.kind !== "mapping") {
    fail(reading, node, "a tool takes rules");
    return [];
  }
  const counters = new Set<string>();
  return (itemsOf(node, "rules", reading) ?? []).flatMap((rule, index) => {
    if (rule.kind !== "mapping") {
      fail(reading, rule, "a rule has a name and what it asks");
      return [];
    }
    const carried = carryRule(rule, target, reading);
    if (carried === null) return [];
    refuseTwice(carried, rule, counters, reading);
    const label = `${name}: ${textOf(rule, "name", reading) || `rules[${index}]`}`;
    return [{ rule, label, carried }];
  });
}

/** Intercept refuses two rules of one tool that keep one counter. */
function refuseTwice(carried: Carried, rule: Mapping, counters: Set<string>, reading: Reading): void {
  if (isUnequal(carried)) return;
  for (const part of carried.parts) {
    if (part.to !== "limits") continue;
    const series = `${String(part.value.get("counter"))} ${String(part.value.get("window"))}`;
    if (counters.has(series)) fail(reading, rule, `another rule of this tool counts ${series} already`);
    counters.add(series);
  }
}

function told(carried: Carried, draft: Draft, every: boolean): Pick<Line, "became" | "note"> {
  if (isUnequal(carried)) {
    const denied = every ? "every tool is denied" : "the tool is denied";
    return { became: [draft.shut()], note: `not carried over, so ${denied}: ${carried.why}` };
  }
  return { became: [...new Set(carried.parts.map(draft.add))], note: carried.notes.join("; ") };
}
