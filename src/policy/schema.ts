import * as z from "zod/mini";

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

const text = z.string().check(z.maxLength(textMax));
const path = z.string().check(z.minLength(1), z.maxLength(512));
const mode = z
  .enum(["enforce", "shadow"])
  .check(z.describe("shadow records what would be refused, and refuses nothing"));
const record = z.enum(["keys", "values"]).check(z.describe("what the log keeps of the arguments"));
const permission = z.enum(["allow", "deny"]);

const condition = z
  .strictObject({
    path: path.check(z.describe("args.a.b, args.items[0].sku, args.items[*].sku, tool.category, now.hour …")),
    op: z.enum(operatorNames),
    value: z.unknown(),
  })
  .check(z.describe("one comparison; the conditions of a group must all hold"));

const conditions = z.array(condition).check(z.maxLength(conditionsMax));
const denyGroup = z.strictObject({
  conditions,
  on_deny: z.optional(text).check(z.describe("what the agent reads")),
});
const approveGroup = z.strictObject({
  conditions,
  reason: z.optional(text).check(z.describe("what the approver reads")),
});

const windowSeconds = z.int().check(z.minimum(1), z.maximum(windowSecondsMax));
const window = z.union([z.enum(windowNames), windowSeconds], {
  error: `expected one of ${windowNames.join(", ")}, or whole seconds from 1 to ${windowSecondsMax}`,
});
// Ten to the twelfth in millionths still fits an integer of SQLite.
const max = z.number().check(z.minimum(0), z.maximum(1e12));

const limit = z.strictObject({
  counter: z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(2 * keyMax),
      z.describe("the series that calls add to; several limits may share one"),
    ),
  window,
  max,
  scope: z
    .optional(z.enum(["grant", "member", "server", "team"]))
    .check(z.describe("whose calls share the count; grant if absent")),
  increment_from: z
    .optional(z.string().check(z.maxLength(512)))
    .check(z.describe("an argument path whose value is added instead of 1")),
  algorithm: z.optional(z.enum(["sliding", "calendar"])),
});
const limits = z.array(limit).check(z.maxLength(groupsMax));

const expires = z.int().check(z.minimum(1), z.maximum(604_800));
const quorum = z.int().check(z.minimum(1), z.maximum(20));
const hold = z.int().check(z.minimum(0), z.maximum(3_600));
const approve = z.strictObject({
  approvers: z.optional(z.enum(["approver", "admin"])),
  expires: z.optional(expires).check(z.describe("seconds until an unanswered request expires")),
  quorum: z.optional(quorum).check(z.describe("how many people must agree")),
  hold: z.optional(hold).check(z.describe("seconds to hold the call open while it waits")),
});

const nested = z.strictObject({
  each: path.check(z.describe("the path of the inner calls, such as args.steps[*]")),
  tool: path.check(z.describe("where an inner call names its tool")),
  arguments: path.check(z.describe("where an inner call holds its arguments")),
  template: z.optional(path).check(z.describe("a pattern of text that is filled in later")),
});

const denyGroups = z.array(denyGroup).check(z.maxLength(groupsMax));
const approveGroups = z.array(approveGroup).check(z.maxLength(groupsMax));
const groups = {
  require: z.optional(denyGroups),
  deny_if: z.optional(denyGroups),
  approve_if: z.optional(approveGroups),
  limits: z.optional(limits),
};

const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())], {
  error: "expected a JSON Schema",
});
const ruleShape = {
  mode: z.optional(mode),
  record: z.optional(record),
  redact: z
    .optional(z.array(path).check(z.maxLength(groupsMax)))
    .check(z.describe("argument paths never stored nor shown")),
  action: z.optional(z.enum(["allow", "deny", "approve", "require_approval"])),
  reason: z.optional(text).check(z.describe("what the agent reads when action refuses")),
  ...groups,
  approve: z.optional(approve),
  rate_limit: z
    .optional(z.strictObject({ max, window }))
    .check(z.describe("short for one limit whose counter is <key>_rate")),
  arguments: z
    .optional(jsonSchema)
    .check(z.describe("a JSON Schema (2020-12) that the arguments must satisfy")),
};
const targetRule = z.strictObject(ruleShape);
const toolRule = z.strictObject({ ...ruleShape, nested: z.optional(nested) });

const key = z.string().check(z.minLength(1), z.maxLength(keyMax));
const fewEnough = z.refine<object>((rules) => Object.keys(rules).length <= toolsMax, {
  error: `more than ${toolsMax} keys`,
});
const targetRules = z.record(key, targetRule).check(fewEnough);
const hidden = z.union([key, z.array(key).check(z.maxLength(toolsMax))], {
  error: "expected a name or a list of names",
});
const requests = z.strictObject({
  sampling: z.optional(permission),
  elicitation: z.optional(permission),
  roots: z.optional(permission),
});

/** The one definition of a policy document's shape: validation, JSON Schema, editor and docs come from it. */
export const policySchema = z
  .strictObject({
    $schema: z.optional(z.string()),
    version: z.literal("1"),
    description: z.optional(text),
    default: permission.check(z.describe("what happens to a name that no key matches")),
    mode: z.optional(mode),
    record: z.optional(record),
    hide: z
      .optional(hidden)
      .check(z.describe('names or globs that answer as if they did not exist; "*" is all')),
    all_tools: z
      .optional(z.strictObject(groups))
      .check(z.describe("applies to every tool, before its own rule")),
    tools: z.optional(z.record(key, toolRule).check(fewEnough)),
    resources: z.optional(targetRules).check(z.describe("by URI")),
    prompts: z.optional(targetRules),
    methods: z.optional(z.record(key, permission)),
    requests: z.optional(requests).check(z.describe("which requests the upstream may send to the client")),
  })
  .check(z.describe('What an agent may do with the tools of an MCP server, version "1"'));
