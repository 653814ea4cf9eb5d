import type { Finding } from "../fault.ts";
import type { Json } from "../json/value.ts";
import { typeName } from "../json/value.ts";
import type { Condition, Group } from "./condition.ts";
import { type Expectation, expectation } from "./expectation.ts";
import { type Path, parsePath } from "./path.ts";
import type { Rule } from "./rule.ts";

/** A tool as the server describes it now; `inputSchema` is null where it says nothing. */
export interface LiveTool {
  readonly name: string;
  readonly category: string;
  readonly inputSchema: Json;
}

/** What of a rule does not fit the schemas of the tools that it rules, each with its place in the document. */
export const misfits = (rule: Rule, tools: readonly LiveTool[]): Finding[] =>
  readings(rule).flatMap(({ pointer, said }) => {
    // One tool is enough to show what is wrong; a glob may match hundreds.
    const message = tools.map(said).find((found) => found !== null);
    return message ? [{ pointer, message }] : [];
  });

/** A part of a rule that reads an argument, and what there is to say of it for a tool. */
interface ArgumentUse {
  readonly pointer: string;
  readonly said: (tool: LiveTool) => string | null;
}

type Section = "require" | "deny_if" | "approve_if";

function readings(rule: Rule): ArgumentUse[] {
  const { require, denyIf, approveIf } = rule;
  return [
    ...comparisons(require, "require"),
    ...comparisons(denyIf, "deny_if"),
    ...comparisons(approveIf, "approve_if"),
    ...increments(rule),
    ...redactions(rule),
    ...unfolding(rule),
  ];
}

const comparisons = (groups: readonly Group[], section: Section): ArgumentUse[] =>
  groups.flatMap(({ conditions }) =>
    conditions.map((condition) => ({
      pointer: condition.pointer,
      said: (tool) => mismatch(condition, tool, section),
    })),
  );

function mismatch(condition: Condition, tool: LiveTool, section: Section): string | null {
  const { path, op, operand } = condition;
  if (path.root !== "args") return null;
  const expected = expectation(tool.inputSchema, path.steps);
  if (op === "exists") return expected === "nothing" && operand === true ? never(tool, path, section) : null;
  if (expected === "nothing") return never(tool, path, section);
  const taken = taking(op, operand);
  if (expected.types && taken && !expected.types.some((type) => taken.includes(type))) {
    return `${tool.name} takes ${expected.types.join(" or ")} at ${path.text}, so ${op} can never be evaluated and denies every such call`;
  }
  if (isOutOfReach(condition, expected)) {
    return `no value that ${tool.name} takes at ${path.text} makes ${condition.text} hold`;
  }
  return section === "deny_if" && expected.optional
    ? `${path.text} is optional for ${tool.name}: a call without it passes this`
    : null;
}

const never = ({ name }: LiveTool, path: Path, section: Section): string =>
  `${name} takes no ${path.text}, so this ${section === "require" ? "denies every call" : "can never hold"}`;

/** Whether every value that the schema lets through has been seen to fail the comparison. */
function isOutOfReach({ op, test }: Condition, { values, minimum, maximum }: Expectation): boolean {
  if (values) return values.every((value) => test(value) !== true);
  if (op === "gt" || op === "gte") return maximum !== null && test(maximum) === false;
  return (op === "lt" || op === "lte") && minimum !== null && test(minimum) === false;
}

const increments = ({ id, limits }: Rule): ArgumentUse[] =>
  limits.flatMap(({ incrementFrom: path }, index) =>
    path === null
      ? []
      : [
          {
            pointer: `${id}/limits/${index}/increment_from`,
            said: (tool) => {
              const expected = expectation(tool.inputSchema, path.steps);
              if (expected === "nothing")
                return `${tool.name} takes no ${path.text}, so every call is denied`;
              return expected.types && !expected.types.includes("number")
                ? `${tool.name} takes ${expected.types.join(" or ")} at ${path.text}, which adds nothing, so every call is denied`
                : null;
            },
          },
        ],
  );

const redactions = ({ id, redact }: Rule): ArgumentUse[] =>
  redact.map((text, index) => ({
    pointer: `${id}/redact/${index}`,
    said: (tool) =>
      takesNothing(tool, parsePath(text)) ? `${tool.name} takes no ${text}, so this redacts nothing` : null,
  }));

const unfolding = ({ id, nested }: Rule): ArgumentUse[] =>
  nested === null
    ? []
    : [
        {
          pointer: `${id}/nested/each`,
          said: (tool) =>
            takesNothing(tool, nested.each)
              ? `${tool.name} takes no ${nested.each.text}, so every call is denied`
              : null,
        },
      ];

const takesNothing = (tool: LiveTool, path: Path | null): boolean =>
  path !== null && expectation(tool.inputSchema, path.steps) === "nothing";

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
