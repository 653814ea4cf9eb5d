import * as z from "zod/mini";
import { about, checks, groupsMax, max, path, text, window } from "./schema-checks.ts";

/** `mode`, of a document and of a rule. */
export const mode = z
  .enum(["enforce", "shadow"])
  .check(about("shadow records what would be refused, and refuses nothing; enforce if absent.", "shadow"));
/** `record`, of a document and of a rule. */
export const record = z
  .enum(["keys", "values"])
  .check(
    about(
      "What the log keeps of the arguments: their names and a keyed hash (if absent), or the values too.",
      "keys",
    ),
  );

const approve = z
  .strictObject({
    approvers: z
      .optional(z.enum(["approver", "admin"]))
      .check(about("Who may agree: any approver or admin (if absent), or admins only.", "admin")),
    expires: z
      .optional(z.int().check(z.minimum(1), z.maximum(604_800)))
      .check(about("Seconds until an unanswered request expires; 900 if absent.", 900)),
    quorum: z
      .optional(z.int().check(z.minimum(1), z.maximum(20)))
      .check(about("How many people must agree; 1 if absent.", 1)),
    hold: z
      .optional(z.int().check(z.minimum(0), z.maximum(3_600)))
      .check(about("Seconds to hold the call open while it waits; 0 if absent.", 30)),
  })
  .register(z.globalRegistry, {
    id: "PolicyApproval",
    description: "How a person's approval is had.",
    examples: [{ approvers: "admin", expires: 900, quorum: 1, hold: 0 }],
  });

const exampleNested = { each: "args.steps[*]", tool: "tool", arguments: "params" };
const nested = z
  .strictObject({
    each: path.check(about("The path of the inner calls.", "args.steps[*]")),
    tool: path.check(about("Where an inner call names its tool.", "tool")),
    arguments: path.check(about("Where an inner call holds its arguments.", "params")),
    template: z
      .optional(path)
      .check(
        about("A pattern of text that the server fills in later; nothing reads past it.", "\\$[a-z]+\\["),
      ),
  })
  .register(z.globalRegistry, {
    id: "PolicyNested",
    description:
      "Where a tool carries further calls. Each is judged as if it came alone; one that is denied denies all.",
    examples: [exampleNested],
  });

const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())], {
  error: "expected a JSON Schema",
});
const ruleShape = {
  mode: z.optional(mode),
  record: z.optional(record),
  redact: z
    .optional(z.array(path).check(z.maxLength(groupsMax)))
    .check(about("Argument paths that are never stored nor shown.", ["args.card.number", "args.keys[*]"])),
  action: z
    .optional(z.enum(["allow", "deny", "approve", "require_approval"]))
    .check(
      about(
        "What happens to every call: allow (if absent), deny, or approve by a person; require_approval is another word for approve.",
        "deny",
      ),
    ),
  reason: z
    .optional(text)
    .check(about("What the agent reads when action refuses or asks a person.", "Too dangerous.")),
  ...checks,
  approve: z
    .optional(approve)
    .check(about("How a person's approval is had.", { approvers: "admin", expires: 900 })),
  rate_limit: z
    .optional(
      z.strictObject({ max, window }).register(z.globalRegistry, {
        id: "PolicyRateLimit",
        description: "Short for one limit.",
        examples: [{ max: 10, window: 60 }],
      }),
    )
    .check(
      about("Short for one limit whose counter is the key with _rate behind it.", { max: 10, window: 60 }),
    ),
  arguments: z.optional(jsonSchema).check(
    about("A JSON Schema (2020-12) that the arguments must satisfy.", {
      type: "object",
      properties: { amount: { type: "number", maximum: 100 } },
      required: ["amount"],
    }),
  ),
};

const exampleRule = { limits: [{ counter: "charge_rate", window: "minute", max: 10 }] };

/** A rule of `resources` and `prompts`. */
export const targetRule = z.strictObject(ruleShape).register(z.globalRegistry, {
  id: "PolicyTargetRule",
  description: "What is asked of a resource's or prompt's use. {} permits it.",
  examples: [{}, { action: "deny", reason: "Not for agents." }],
});

/** A rule of `tools`. */
export const toolRule = z
  .strictObject({
    ...ruleShape,
    nested: z
      .optional(nested)
      .check(about("Says that the tool carries further calls, and where.", exampleNested)),
  })
  .register(z.globalRegistry, {
    id: "PolicyToolRule",
    description: "What is asked of a tool's calls. {} permits them.",
    examples: [{}, exampleRule, { action: "deny", reason: "Too dangerous." }],
  });
