/** Intercept's own reading of a policy (its POLICY.md), as naive as can be, within one window of every counter. */

export interface InterceptPolicy {
  readonly default?: "allow" | "deny";
  readonly hide?: readonly string[];
  readonly tools: Readonly<Record<string, { readonly rules: readonly Rule[] } | undefined>>;
}
export interface Rule {
  readonly name: string;
  readonly action?: string;
  readonly rate_limit?: string;
  readonly conditions?: readonly Condition[];
  readonly state?: {
    readonly counter: string;
    readonly window: string;
    readonly increment?: number;
    readonly increment_from?: string;
  };
}
interface Condition {
  readonly path: string;
  readonly op: string;
  readonly value: unknown;
}
export type Arguments = Readonly<Record<string, unknown>>;
type Counts = Map<string, number>;

/** Whether the call reaches the server, a person approving whatever is asked; counts it if so. */
export function admits(policy: InterceptPolicy, tool: string, args: Arguments, counts: Counts): boolean {
  if (policy.hide?.some((name) => name === tool || name === "*")) return false;
  const own = Object.hasOwn(policy.tools, tool) ? policy.tools[tool] : undefined;
  if (policy.default === "deny" && !own) return false;
  const rules = [
    ...(own?.rules.map((rule) => written(rule, tool)) ?? []),
    ...(policy.tools["*"]?.rules.map((rule) => written(rule, "_global")) ?? []),
  ];
  if (rules.some(({ rule }) => rule.action === "deny")) return false;
  if (!rules.every(({ rule }) => rule.conditions?.every((one) => holds(one, args, counts)) ?? true))
    return false;
  return reserves(rules, args, counts);
}

interface Scoped {
  readonly rule: Rule;
  readonly scope: string;
}

/** `rate_limit` in its long form. */
function written(rule: Rule, scope: string): Scoped {
  if (!rule.rate_limit) return { rule, scope };
  const [count, window = ""] = rule.rate_limit.split("/");
  const counter = `_rate_${window}`;
  const bound = { path: `state.${scope}.${counter}`, op: "lte", value: Number(count) };
  return { rule: { name: rule.name, conditions: [bound], state: { counter, window } }, scope };
}

function reserves(rules: readonly Scoped[], args: Arguments, counts: Counts): boolean {
  const after = new Map(counts);
  for (const { rule, scope } of rules) {
    if (!rule.state) continue;
    const { counter, increment, increment_from: from } = rule.state;
    const key = `${scope}.${counter}`;
    const amount = from ? at(args, from.slice("args.".length)) : increment || 1;
    if (typeof amount !== "number") return false;
    const bound = rule.conditions?.find(
      ({ path, op }) => path === `state.${key}` && (op === "lt" || op === "lte"),
    );
    if (!bound) continue;
    const most = Math.trunc(Number(bound.value)) - (bound.op === "lt" ? 1 : 0);
    const sum = (after.get(key) ?? 0) + Math.trunc(amount);
    if (sum > most) return false;
    after.set(key, sum);
  }
  for (const [key, count] of after) counts.set(key, count);
  return true;
}

function at(args: Arguments, path: string): unknown {
  let value: unknown = args;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, part) ? (value as Arguments)[part] : undefined;
  }
  return value;
}

function holds({ path, op, value: wanted }: Condition, args: Arguments, counts: Counts): boolean {
  const found = path.startsWith("state.")
    ? (counts.get(path.slice("state.".length)) ?? 0)
    : at(args, path.slice("args.".length));
  if (op === "exists") return (found !== undefined && found !== null) === wanted;
  if (found === undefined) return false;
  const list = Array.isArray(wanted) ? wanted : [];
  const numbers = typeof found === "number" && typeof wanted === "number";
  switch (op) {
    case "eq":
      return same(found, wanted);
    case "neq":
      return !same(found, wanted);
    case "in":
      return list.some((one) => same(found, one));
    case "not_in":
      return !list.some((one) => same(found, one));
    case "lt":
      return numbers && found < wanted;
    case "lte":
      return numbers && found <= wanted;
    case "gt":
      return numbers && found > wanted;
    case "gte":
      return numbers && found >= wanted;
    case "regex":
      return typeof found === "string" && new RegExp(String(wanted), "u").test(found);
    case "contains":
      if (typeof found === "string") return typeof wanted === "string" && found.includes(wanted);
      return Array.isArray(found) && found.some((one) => same(one, wanted));
    default:
      return false;
  }
}

/** Numbers by value, everything else by how Go prints it. */
const same = (a: unknown, b: unknown): boolean =>
  typeof a === "number" && typeof b === "number" ? a === b : printed(a) === printed(b);

function printed(value: unknown): string {
  if (value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(printed).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const members = Object.entries(value).map(([key, one]) => `${key}:${printed(one)}`);
  return `map[${members.toSorted().join(" ")}]`;
}
