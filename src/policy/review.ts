import type { Finding } from "../fault.ts";
import type { Json } from "../json/value.ts";
import { typeName } from "../json/value.ts";
import type { Condition } from "./condition.ts";
import { expectation } from "./expectation.ts";
import { isHidden, keyTable, lookUp } from "./key.ts";
import { suggestion } from "./nearest.ts";
import { pointerOf } from "./pointer.ts";
import type { Policy, Rule } from "./rule.ts";

/** A tool as the server describes it now; `inputSchema` is null where it says nothing. */
export interface LiveTool {
  readonly name: string;
  readonly category: string;
  readonly inputSchema: Json;
}

/**
 * What a save warns of when a policy meets the server's real tools (policy.md §2, §9): keys that match nothing, rules and
 * conditions that can never fire, refusals that an optional argument walks round.
 */
export function review(policy: Policy, server: string, tools: readonly LiveTool[]): Finding[] {
  const names = tools.map(({ name }) => name);
  const rules = policy.rules.tool.flatMap((rule) => {
    const ruled = tools.filter(({ name }) => lookUp(policy.ruleFor.tool, server, name) === rule);
    return ruled.length === 0 ? unused(rule, server, names) : conditionsOf(rule, ruled);
  });
  return [...openToHarm(policy, server, tools), ...rules];
}

function unused(rule: Rule, server: string, names: readonly string[]): Finding[] {
  const pointer = pointerOf(["tools", rule.key]);
  const alone = keyTable([[rule.key, true]], "tool");
  if (names.some((name) => lookUp(alone, server, name))) {
    return [{ pointer, message: "never applies: another key goes before it for every tool that it matches" }];
  }
  const elsewhere =
    rule.key.includes("/") && !lookUp(keyTable([[`${rule.key.split("/")[0]}/*`, true]], "tool"), server, "x");
  if (elsewhere) return [];
  return [{ pointer, message: `the server has no such tool${suggestion(rule.key, names)}` }];
}

function openToHarm(policy: Policy, server: string, tools: readonly LiveTool[]): Finding[] {
  if (policy.default !== "allow") return [];
  const open = tools.filter(
    ({ name, category }) =>
      category === "Destructive" &&
      !lookUp(policy.ruleFor.tool, server, name) &&
      !isHidden(policy.hidden.tool, server, name),
  );
  if (open.length === 0) return [];
  const names = open.map(({ name }) => name).join(", ");
  return [{ pointer: "/default", message: `allows Destructive tools that no key lists: ${names}` }];
}

function conditionsOf(rule: Rule, tools: readonly LiveTool[]): Finding[] {
  const { require, denyIf, approveIf } = rule;
  const all = [require, denyIf, approveIf].flatMap((groups) =>
    groups.flatMap(({ conditions }) =>
      conditions.map((condition) => ({ condition, passing: groups === denyIf })),
    ),
  );
  return all.flatMap(({ condition, passing }) => {
    // One tool is enough to show what is wrong; a glob may match hundreds.
    const message = tools.map((tool) => mismatch(condition, tool, passing)).find((found) => found !== null);
    return message ? [{ pointer: condition.pointer, message }] : [];
  });
}

function mismatch({ path, op, operand }: Condition, tool: LiveTool, passing: boolean): string | null {
  if (path.root !== "args") return null;
  const expected = expectation(tool.inputSchema, path.steps);
  if (expected === "nothing") return `${tool.name} takes no ${path.text}, so this can never hold`;
  const taken = taking(op, operand);
  if (expected.types && taken && !expected.types.some((type) => taken.includes(type))) {
    return `${tool.name} takes ${expected.types.join(" or ")} at ${path.text}, so ${op} can never be evaluated and denies every such call`;
  }
  return passing && expected.optional && op !== "exists"
    ? `${path.text} is optional for ${tool.name}: a call without it passes this`
    : null;
}

/** The JSON types that an operator can evaluate; null = any. */
function taking(op: Condition["op"], operand: Json): string[] | null {
  switch (op) {
    case "exists":
      return null;
    case "contains":
    case "length_lte":
      return ["string", "array"];
    case "in":
    case "not_in":
      return Array.isArray(operand) ? operand.map(typeName) : null;
    case "eq":
    case "neq":
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return [typeName(operand)];
    default:
      return ["string"];
  }
}
