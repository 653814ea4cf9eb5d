import * as z from "zod";

/** Every operator of a condition (policy.md §2). */
export const operatorNames = [
  "eq",
  "neq",
  "lt",
  "lte",
  "gt",
  "gte",
  "in",
  "not_in",
  "exists",
  "regex",
  "contains",
  "starts_with",
  "ends_with",
  "glob",
  "length_lte",
  "host_in",
  "path_within",
] as const;
export type OperatorName = (typeof operatorNames)[number];

export const windowNames = ["second", "minute", "hour", "day", "week", "month"] as const;
export type WindowName = (typeof windowNames)[number];

// 31 days: the longest month, so that a window in seconds can always stand for a calendar one.
const windowSecondsMax = 2_678_400;
const toolsMax = 2_000;
const conditionsMax = 64;
const groupsMax = 256;
const keyMax = 1_024;
const textMax = 2_000;

const text = z.string().max(textMax);
const mode = z
  .enum(["enforce", "shadow"])
  .describe("shadow records what would be refused, and refuses nothing");
const record = z.enum(["keys", "values"]).describe("what the log keeps of the arguments");
const permission = z.enum(["allow", "deny"]);

const condition = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .max(512)
      .describe("args.a.b, args.items[0].sku, args.items[*].sku, tool.category, now.hour …"),
    op: z.enum(operatorNames),
    value: z.unknown(),
  })
  .describe("one comparison; the conditions of a group must all hold");

const conditions = z.array(condition).max(conditionsMax);
const denyGroup = z.strictObject({ conditions, on_deny: text.optional().describe("what the agent reads") });
const approveGroup = z.strictObject({
  conditions,
  reason: text.optional().describe("what the approver reads"),
});

const window = z.union([z.enum(windowNames), z.int().min(1).max(windowSecondsMax)], {
  error: `expected one of ${windowNames.join(", ")}, or whole seconds from 1 to ${windowSecondsMax}`,
});
// Ten to the twelfth in millionths still fits an integer of SQLite.
const max = z.number().min(0).max(1e12);

const limit = z.strictObject({
  counter: z
    .string()
    .min(1)
    .max(2 * keyMax)
    .describe("the series that calls add to; several limits may share one"),
  window,
  max,
  scope: z
    .enum(["grant", "member", "server", "team"])
    .optional()
    .describe("whose calls share the count; grant if absent"),
  increment_from: z
    .string()
    .max(512)
    .optional()
    .describe("an argument path whose value is added instead of 1"),
  algorithm: z.enum(["sliding", "calendar"]).optional(),
});
const limits = z.array(limit).max(groupsMax);

const approve = z.strictObject({
  approvers: z.enum(["approver", "admin"]).optional(),
  expires: z.int().min(1).max(604_800).optional().describe("seconds until an unanswered request expires"),
  quorum: z.int().min(1).max(20).optional().describe("how many people must agree"),
  hold: z.int().min(0).max(3_600).optional().describe("seconds to hold the call open while it waits"),
});

const nested = z.strictObject({
  each: z.string().min(1).max(512).describe("the path of the inner calls, such as args.steps[*]"),
  tool: z.string().min(1).max(512).describe("where an inner call names its tool"),
  arguments: z.string().min(1).max(512).describe("where an inner call holds its arguments"),
  template: z.string().min(1).max(512).optional().describe("a pattern of text that is filled in later"),
});

const groups = {
  require: z.array(denyGroup).max(groupsMax).optional(),
  deny_if: z.array(denyGroup).max(groupsMax).optional(),
  approve_if: z.array(approveGroup).max(groupsMax).optional(),
  limits: limits.optional(),
};

const ruleShape = {
  mode: mode.optional(),
  record: record.optional(),
  redact: z
    .array(z.string().min(1).max(512))
    .max(groupsMax)
    .optional()
    .describe("argument paths never stored nor shown"),
  action: z.enum(["allow", "deny", "approve", "require_approval"]).optional(),
  reason: text.optional().describe("what the agent reads when action refuses"),
  ...groups,
  approve: approve.optional(),
  rate_limit: z
    .strictObject({ max, window })
    .optional()
    .describe("short for one limit whose counter is <key>_rate"),
  arguments: z
    .union([z.boolean(), z.record(z.string(), z.unknown())], { error: "expected a JSON Schema" })
    .optional()
    .describe("a JSON Schema (2020-12) that the arguments must satisfy"),
};
const targetRule = z.strictObject(ruleShape);
const toolRule = z.strictObject({ ...ruleShape, nested: nested.optional() });

const key = z.string().min(1).max(keyMax);
const fewEnough = (rules: object): boolean => Object.keys(rules).length <= toolsMax;
const tooMany = { error: `more than ${toolsMax} keys` };

/** The one definition of a policy document's shape: validation, JSON Schema, editor and docs come from it. */
export const policySchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal("1"),
    description: text.optional(),
    default: permission.describe("what happens to a name that no key matches"),
    mode: mode.optional(),
    record: record.optional(),
    hide: z
      .union([key, z.array(key).max(toolsMax)], { error: "expected a name or a list of names" })
      .optional()
      .describe('names or globs that answer as if they did not exist; "*" is all'),
    all_tools: z.strictObject(groups).optional().describe("applies to every tool, before its own rule"),
    tools: z.record(key, toolRule).refine(fewEnough, tooMany).optional(),
    resources: z.record(key, targetRule).refine(fewEnough, tooMany).optional().describe("by URI"),
    prompts: z.record(key, targetRule).refine(fewEnough, tooMany).optional(),
    methods: z.record(key, permission).optional(),
    requests: z
      .strictObject({
        sampling: permission.optional(),
        elicitation: permission.optional(),
        roots: permission.optional(),
      })
      .optional()
      .describe("which requests the upstream may send to the client"),
  })
  .describe('What an agent may do with the tools of an MCP server, version "1"');
