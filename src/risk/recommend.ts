import type { Category } from "./classify.ts";

/** A tool to recommend a rule for. `evidence` is the classifier's, as it was stored. */
export interface RatedTool {
  readonly name: string;
  readonly category: Category;
  readonly flags: readonly string[];
  readonly evidence?: unknown;
}

type Rule = Record<string, unknown>;

// Enough for an agent at work, and little enough that one in a loop is stopped within a minute.
const writesPerMinute = 30;
const runsPerMinute = 10;

/** A policy document (version "1", plain JSON) for these tools: default deny, each tool ruled by its category. */
export function recommendedPolicy(tools: readonly RatedTool[]): Record<string, unknown> {
  const hide = tools.filter(({ category }) => category === "Destructive").map(({ name }) => name);
  const rules = tools.flatMap((tool): [string, Rule][] => {
    const rule = ruleOf(tool);
    return rule ? [[tool.name, rule]] : [];
  });
  return {
    version: "1",
    default: "deny",
    ...(hide.length > 0 && { hide }),
    tools: Object.fromEntries(rules),
  };
}

/** Null where the tool is hidden or cannot be a key. A tool that runs others is judged by what it would run, if we know where that is. */
function ruleOf(tool: RatedTool): Rule | null {
  // The language refuses this key; what is not listed is denied.
  if (tool.name === "__proto__") return null;
  const nested = nestedOf(tool);
  const inner = nested ? { nested } : {};
  switch (tool.category) {
    case "Read":
      return inner;
    case "Write":
      return { ...rate(tool.name, writesPerMinute), ...inner };
    case "Execute":
      return { ...rate(tool.name, runsPerMinute), ...inner };
    case "Financial":
      return { action: "approve", ...inner };
    default:
      return null;
  }
}

const rate = (name: string, max: number): Rule => ({
  limits: [{ counter: `${name}_rate`, window: "minute", max, scope: "grant" }],
});

function nestedOf({ flags, evidence }: RatedTool): unknown {
  if (!flags.includes("nested_calls") || !Array.isArray(evidence)) return null;
  const found: unknown = evidence.find((one) => typeof one === "object" && one !== null && "nested" in one);
  return found ? (found as { nested: unknown }).nested : null;
}
