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
const conditionsMax = 64;
export const groupsMax = 256;
export const keyMax = 1_024;
const textMax = 2_000;

/** What an editor shows beside a key: what it means, and how it may look. */
export const about = (description: string, ...examples: unknown[]) =>
  z.meta(examples.length > 0 ? { description, examples } : { description });

export const text = z.string().check(z.maxLength(textMax));
export const path = z.string().check(z.minLength(1), z.maxLength(512));

const exampleCondition = { path: "args.amount", op: "gt", value: 100 };

const condition = z
  .strictObject({
    path: path.check(
      about(
        "Where to look: an argument (args.a.b, args.items[0].sku, args.items[*].sku) or a fact of the call (tool.name, member.role, now.hour …).",
        "args.amount",
        "args.items[*].sku",
        "tool.category",
        "now.hour",
      ),
    ),
    op: z
      .enum(operatorNames)
      .check(
        about(
          "How to compare. A value of a type that the operator does not take denies the call.",
          "gt",
          "in",
        ),
      ),
    value: z
      .unknown()
      .check(
        about(
          "What to compare with: a list for in, not_in and host_in, true or false for exists, one value otherwise.",
          100,
          ["usd", "eur"],
          "^[a-z]+$",
        ),
      ),
  })
  .register(z.globalRegistry, {
    id: "PolicyCondition",
    description: "One comparison. The conditions of a group must all hold.",
    examples: [exampleCondition, { path: "args.currency", op: "in", value: ["usd", "eur"] }],
  });

const conditions = z
  .array(condition)
  .check(
    z.maxLength(conditionsMax),
    about("They must all hold; none at all always holds.", [exampleCondition], []),
  );
const denyGroup = z
  .strictObject({
    conditions,
    on_deny: z.optional(text).check(about("What the agent reads when this refuses.", "Only USD and EUR.")),
  })
  .register(z.globalRegistry, {
    id: "PolicyDenyGroup",
    description: "Conditions, and what to say when they refuse.",
    examples: [{ conditions: [exampleCondition], on_deny: "Refund exceeds the limit." }],
  });
const approveGroup = z
  .strictObject({
    conditions,
    reason: z
      .optional(text)
      .check(about("What the agent and the approver read.", "Over 500 needs a person.")),
  })
  .register(z.globalRegistry, {
    id: "PolicyApproveGroup",
    description: "Conditions under which a person is asked.",
    examples: [{ conditions: [exampleCondition], reason: "Over 100 needs a person." }],
  });

const windowSeconds = z.int().check(z.minimum(1), z.maximum(windowSecondsMax));
export const window = z
  .union([z.enum(windowNames), windowSeconds], {
    error: `expected one of ${windowNames.join(", ")}, or whole seconds from 1 to ${windowSecondsMax}`,
  })
  .check(about("How long calls are counted together: a unit, or whole seconds.", "minute", 90));
// Ten to the twelfth in millionths still fits an integer of SQLite.
export const max = z
  .number()
  .check(
    z.minimum(0),
    z.maximum(1e12),
    about("How much fits into one window; at most 6 decimals.", 10, 500.5),
  );

const limit = z
  .strictObject({
    counter: z
      .string()
      .check(
        z.minLength(1),
        z.maxLength(2 * keyMax),
        about("The series that calls add to; several limits may share one.", "charge_rate"),
      ),
    window,
    max,
    scope: z
      .optional(z.enum(["grant", "member", "server", "team"]))
      .check(about("Whose calls share the count; grant if absent.", "grant")),
    increment_from: z
      .optional(z.string().check(z.maxLength(512)))
      .check(about("An argument path whose value is added instead of 1.", "args.amount")),
    algorithm: z
      .optional(z.enum(["sliding", "calendar"]))
      .check(
        about(
          "sliding: no span of a window's length ever holds more. calendar: whole days, weeks, months of the team's zone. A month is calendar, all else sliding if absent.",
          "sliding",
        ),
      ),
  })
  .register(z.globalRegistry, {
    id: "PolicyLimit",
    description:
      "How often, or how much, within a window. All limits of a call are taken together or not at all.",
    examples: [
      { counter: "charge_rate", window: "minute", max: 10, scope: "grant" },
      { counter: "spent", window: "day", max: 500, increment_from: "args.amount" },
    ],
  });

const denyGroups = z.array(denyGroup).check(z.maxLength(groupsMax));
const approveGroups = z.array(approveGroup).check(z.maxLength(groupsMax));
const limits = z.array(limit).check(z.maxLength(groupsMax));
const exampleGroup = { conditions: [exampleCondition] };

/** What a rule and `all_tools` can ask of a call. */
export const checks = {
  require: z.optional(denyGroups).check(
    about("Groups that must all hold, or the call is denied. A missing value does not hold.", [
      {
        conditions: [{ path: "args.currency", op: "in", value: ["usd", "eur"] }],
        on_deny: "Only USD and EUR.",
      },
    ]),
  ),
  deny_if: z
    .optional(denyGroups)
    .check(about("Groups of which any that holds denies the call.", [exampleGroup])),
  approve_if: z
    .optional(approveGroups)
    .check(about("Groups of which any that holds puts the call before a person.", [exampleGroup])),
  limits: z
    .optional(limits)
    .check(about("How often the tool may be called.", [{ counter: "calls", window: "hour", max: 100 }])),
};
