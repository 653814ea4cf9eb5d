import { type Answer, Cannot } from "./answer.ts";
import { globMatches } from "./key.ts";
import { hostIn, pathWithin } from "./location.ts";
import { compareExact, compareStrings, exact, kindOf, Num, type Value } from "./value.ts";

/** Every operator of policy.md §2. */
export const operators = [
  ..."eq neq lt lte gt gte in not_in exists regex contains".split(" "),
  ..."starts_with ends_with glob length_lte host_in path_within".split(" "),
];

/** Whether a present value satisfies the operator. */
export function holds(op: string, wanted: Value, value: Value): Answer {
  switch (op) {
    case "exists":
      return wanted === true;
    case "eq":
      return equal(wanted, value);
    case "neq":
      return not(equal(wanted, value));
    case "in":
      return among(wanted, value);
    case "not_in":
      return not(among(wanted, value));
    case "lt":
      return ordered(wanted, value, (order) => order < 0);
    case "lte":
      return ordered(wanted, value, (order) => order <= 0);
    case "gt":
      return ordered(wanted, value, (order) => order > 0);
    case "gte":
      return ordered(wanted, value, (order) => order >= 0);
    case "contains":
      return contains(wanted, value);
    case "length_lte":
      return lengthAtMost(wanted, value);
    default:
      return onStrings(op, wanted, value);
  }
}

const not = (answer: Answer): Answer => (answer instanceof Cannot ? answer : !answer);

function equal(wanted: Value, value: Value): Answer {
  if (kindOf(wanted) !== kindOf(value)) return mismatch(wanted, value);
  if (Array.isArray(value) || kindOf(value) === "object") return new Cannot();
  if (!(wanted instanceof Num && value instanceof Num)) return wanted === value;
  return ordered(wanted, value, (order) => order === 0);
}

function among(wanted: Value, value: Value): Answer {
  const members = Array.isArray(wanted) ? wanted : [];
  const comparable = members.filter((member) => kindOf(member) === kindOf(value));
  if (comparable.length === 0) return new Cannot();
  const answers = comparable.map((member) => equal(member, value));
  return answers.find((answer) => answer instanceof Cannot) ?? answers.includes(true);
}

function ordered(wanted: Value, value: Value, test: (order: number) => boolean): Answer {
  if (typeof wanted === "string" && typeof value === "string") return test(compareStrings(value, wanted));
  if (!(wanted instanceof Num && value instanceof Num)) return mismatch(wanted, value);
  const left = exact(value);
  const right = exact(wanted);
  return left === null || right === null ? new Cannot() : test(compareExact(left, right));
}

/** The words that policy.md §2 gives for a value of the wrong scalar type. */
function mismatch(wanted: Value, value: Value): Cannot {
  const worded = ["number", "string", "boolean"];
  const [expected, got] = [kindOf(wanted), kindOf(value)];
  if (value instanceof Num && exact(value) === null) return new Cannot();
  return new Cannot(
    worded.includes(expected) && worded.includes(got) ? `expected a ${expected}, got a ${got}` : null,
  );
}

function contains(wanted: Value, value: Value): Answer {
  if (typeof value === "string") return typeof wanted === "string" ? value.includes(wanted) : new Cannot();
  if (!Array.isArray(value)) return new Cannot();
  const answers = value.map((element) => equal(wanted, element));
  return answers.some((answer) => answer instanceof Cannot) ? new Cannot() : answers.includes(true);
}

function lengthAtMost(wanted: Value, value: Value): Answer {
  if (typeof value !== "string" && !Array.isArray(value)) return new Cannot();
  return wanted instanceof Num ? [...value].length <= Number(wanted.source) : new Cannot();
}

function onStrings(op: string, wanted: Value, value: Value): Answer {
  if (typeof value !== "string") return new Cannot();
  if (op === "host_in") return hostIn(Array.isArray(wanted) ? wanted.map(String) : [], value);
  if (typeof wanted !== "string") return new Cannot();
  if (op === "starts_with") return value.startsWith(wanted);
  if (op === "ends_with") return value.endsWith(wanted);
  if (op === "glob") return globMatches(wanted, value, false);
  if (op === "path_within") return pathWithin(wanted, value);
  // Patterns are generated inside what this engine and RE2 read alike.
  if (op === "regex") return new RegExp(wanted, "u").test(value);
  throw new Error(`unknown operator ${op}`);
}
