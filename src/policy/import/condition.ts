import { type Json, type JsonObject, typeName } from "../../json/value.ts";
import { suggestion } from "../nearest.ts";
import { compileOperator } from "../operator.ts";
import { parsePath } from "../path.ts";
import type { OperatorName } from "../schema.ts";
import { fail, jsonOf, member, noEqual, type Reading, strangers, textOf, type Unequal } from "./carried.ts";
import type { Mapping, Node } from "./yaml.ts";

/** A condition of an Intercept rule, its own mistakes already told. */
export interface Written {
  readonly path: string;
  readonly op: Operator;
  readonly value: Json;
  readonly strange: readonly string[];
}

const operators = [
  "eq",
  "neq",
  "in",
  "not_in",
  "lt",
  "lte",
  "gt",
  "gte",
  "regex",
  "contains",
  "exists",
] as const satisfies readonly OperatorName[];
type Operator = (typeof operators)[number];
const isOperator = (op: string): op is Operator => operators.some((name) => name === op);

/** What Intercept itself demands of a condition's value. */
const operandType: Readonly<Partial<Record<Operator, ReturnType<typeof typeName>>>> = {
  in: "array",
  not_in: "array",
  lt: "number",
  lte: "number",
  gt: "number",
  gte: "number",
  regex: "string",
  exists: "boolean",
};

/** Reads one condition; null where Intercept would refuse it too. */
export function readCondition(node: Node, reading: Reading): Written | null {
  if (node.kind !== "mapping") return fail(reading, node, "a condition has a path, an op and a value");
  const path = textOf(node, "path", reading);
  const op = operatorOf(node, reading);
  const written = node.members.find(({ key }) => key === "value")?.value;
  const operand = written ? operandOf(written, op, reading) : fail(reading, node, "value is missing");
  if (path === undefined) return fail(reading, node, "path is missing");
  if (path === null || op === null || operand === null) return null;
  if (!path.startsWith("args.") && !path.startsWith("state.")) {
    const at = member(node, "path") ?? node;
    return fail(reading, at, `a path starts with args. or state., not ${JSON.stringify(path)}`);
  }
  return { path, op, value: operand.json, strange: strangers(node, ["path", "op", "value"]) };
}

function operatorOf(node: Mapping, reading: Reading): Operator | null {
  const op = textOf(node, "op", reading);
  if (op === undefined) return fail(reading, node, "op is missing");
  if (op === null || isOperator(op)) return op;
  const near = suggestion(op, operators);
  return fail(reading, member(node, "op") ?? node, `unknown operator ${JSON.stringify(op)}${near}`);
}

function operandOf(node: Node, op: Operator | null, reading: Reading): { readonly json: Json } | null {
  const operand = jsonOf(node, reading);
  const type = op && operandType[op];
  if (!operand || !type || typeName(operand.json) === type) return operand;
  return fail(reading, node, `${op} takes ${type === "array" ? "a list" : `a ${type}`}`);
}

/** The same test in this language, or why there is none that lets no more calls pass. */
export function carryCondition(condition: Written, reading: Reading): JsonObject | Unequal {
  const { path, op, value, strange } = condition;
  const test = `${path} ${op}`;
  if (strange.length > 0) return noEqual(strange);
  // Intercept takes brackets for a part of a name, and this language for an index.
  if (!parsePath(path)?.steps.every((step) => typeof step === "object" && "name" in step)) {
    return { why: `the path ${JSON.stringify(path)} cannot be written here` };
  }
  if (op === "not_in" && Array.isArray(value) && new Set(value.map(typeName)).size > 1) {
    return {
      why: `${test} has values of several types: Intercept compares "5" and 5 as text, and here they differ`,
    };
  }
  const compiled = compileOperator(op, value, reading.regex);
  if (typeof compiled !== "function") return { why: `${test}: ${compiled.mistake}` };
  return new Map<string, Json>([
    ["path", path],
    ["op", op],
    ["value", value],
  ]);
}

/** The names that a path steps through. */
export const namesOf = (path: string): string[] => path.split(".").slice(1);

/** Whether it holds for no argument that is null: then nothing more need be said of one. */
export const refusesNull = ({ op, value }: Written): boolean =>
  op !== "exists" &&
  !(op === "eq" && value === null) &&
  !(op === "in" && Array.isArray(value) && value.includes(null));
