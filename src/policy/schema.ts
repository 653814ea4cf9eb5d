import * as z from "zod/mini";
import { about, checks, keyMax, text } from "./schema-checks.ts";
import { mode, record, targetRule, toolRule } from "./schema-rule.ts";

export { type OperatorName, operatorNames, type WindowName, windowNames } from "./schema-checks.ts";

const toolsMax = 2_000;

const permission = z.enum(["allow", "deny"]);
const key = z.string().check(z.minLength(1), z.maxLength(keyMax));
const fewEnough = z.refine<object>((rules) => Object.keys(rules).length <= toolsMax, {
  error: `more than ${toolsMax} keys`,
});
const few = z.meta({ maxProperties: toolsMax });
const targetRules = z.record(key, targetRule).check(fewEnough, few);

const hidden = z.union([key, z.array(key).check(z.maxLength(toolsMax))], {
  error: "expected a name or a list of names",
});
const requests = z
  .strictObject({
    sampling: z.optional(permission).check(about("Asking the client's model; deny if absent.", "deny")),
    elicitation: z
      .optional(permission)
      .check(about("Asking the person at the client; allow if absent.", "allow")),
    roots: z.optional(permission).check(about("Asking for the client's folders; deny if absent.", "deny")),
  })
  .register(z.globalRegistry, {
    id: "PolicyRequests",
    description: "Which requests the server may send to the client.",
    examples: [{ sampling: "deny", elicitation: "allow", roots: "deny" }],
  });

const exampleTools = {
  read_status: {},
  create_charge: {
    deny_if: [
      { conditions: [{ path: "args.amount", op: "gt", value: 100 }], on_deny: "Refund exceeds the limit." },
    ],
    limits: [{ counter: "charge_rate", window: "minute", max: 10, scope: "grant" }],
  },
};

/** The one definition of a policy document's shape: validation, JSON Schema, editor and docs come from it. */
export const policySchema = z
  .strictObject({
    $schema: z
      .optional(z.string())
      .check(about("Where editors find this schema.", "https://gateway.example/schemas/policy-v1.json")),
    version: z.literal("1").check(about("The language's version.", "1")),
    description: z.optional(text).check(about("For people.", "What the support agents may do.")),
    default: permission.check(
      about("What happens to a tool, resource or prompt that no key matches.", "deny"),
    ),
    mode: z.optional(mode),
    record: z.optional(record),
    hide: z
      .optional(hidden)
      .check(
        about('Names or globs that answer as if they did not exist; "*" is all.', ["delete_account"], "*"),
      ),
    all_tools: z
      .optional(
        z.strictObject(checks).register(z.globalRegistry, {
          id: "PolicyAllTools",
          description: "What is asked of every tool's calls.",
          examples: [{ limits: [{ counter: "calls", window: "hour", max: 100 }] }],
        }),
      )
      .check(
        about("Applies to every tool, before its own rule.", {
          limits: [{ counter: "calls", window: "hour", max: 100 }],
        }),
      ),
    tools: z
      .optional(z.record(key, toolRule).check(fewEnough, few))
      .check(
        about(
          "Rules by tool name. * is any run of characters without /, ? is one; the most exact key applies. A team's policy may name servers: github/delete_*.",
          exampleTools,
        ),
      ),
    resources: z
      .optional(targetRules)
      .check(about("Rules by URI; * crosses / here.", { "file:///srv/*": {} })),
    prompts: z.optional(targetRules).check(about("Rules by prompt name.", { review: {} })),
    methods: z
      .optional(z.record(key, permission))
      .check(
        about("Further MCP methods; deny for those that are absent.", { "completion/complete": "allow" }),
      ),
    requests: z
      .optional(requests)
      .check(about("Which requests the server may send to the client.", { sampling: "deny" })),
  })
  .check(
    z.meta({
      title: "Portcullis policy",
      description: 'What an agent may do with the tools of an MCP server, version "1".',
      examples: [{ version: "1", default: "deny", tools: exampleTools }],
    }),
  );
