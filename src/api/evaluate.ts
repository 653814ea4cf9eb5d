import * as z from "zod/mini";
import { type Fault, fault, isFault } from "../fault.ts";
import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import type { Obligation, Question } from "../policy/evaluate.ts";
import { decimalText, type Explained, explain, type Step } from "../policy/explain.ts";
import { methodRule } from "../policy/method.ts";
import { type Operation, userOperation } from "./operation.ts";
import { documentBody } from "./policy_view.ts";
import {
  callShape,
  contextOf,
  contextShape,
  namesNothing,
  readCall,
  toolsOf,
  toolsShape,
} from "./question.ts";
import { Exact, reply } from "./reply.ts";

const condition = z.strictObject({
  path: z.string(),
  op: z.string(),
  value: z.string().check(z.describe("The policy's own value, as compact JSON text.")),
  found: z
    .array(z.string())
    .check(z.describe("What was compared with it, as compact JSON text; [redacted] where a rule says so.")),
  outcome: z.enum(["held", "not_held", "missing", "cannot_evaluate"]),
  why: z.nullable(z.string()),
});

const step = z
  .strictObject({
    stage: z.string().check(z.describe("freeze, known, hide, rule, action, require, deny_if, arguments …")),
    call: z.string().check(z.describe("Empty for the call itself; where a call inside it stands.")),
    name: z.string(),
    layer: z.nullable(z.enum(["team", "server"])),
    rule: z.string(),
    outcome: z.enum(["passed", "refused", "approval", "cannot_evaluate"]),
    reason: z.nullable(z.string()),
    shadow: z.boolean().check(z.describe("Only recorded: it refuses nothing.")),
    decides: z.boolean().check(z.describe("This one is the answer's effect, rule and reason.")),
    conditions: z.array(condition),
    note: z.nullable(z.string()),
  })
  .register(z.globalRegistry, { id: "ExplanationStep" });

const obligation = z.union([
  z.strictObject({
    type: z.literal("count"),
    rule: z.string(),
    layer: z.enum(["team", "server"]),
    shadow: z.boolean(),
    counter: z.string(),
    window: z.union([z.string(), z.int()]),
    algorithm: z.enum(["sliding", "calendar"]),
    max: z.number(),
    scope: z.enum(["grant", "member", "server", "team"]),
    amount: z.number().check(z.describe("What the whole call adds to the counter.")),
  }),
  z.strictObject({
    type: z.literal("approve"),
    rule: z.string(),
    reason: z.string(),
    approvers: z.enum(["approver", "admin"]),
    expires: z.int(),
    quorum: z.int(),
    hold: z.int(),
  }),
  z.strictObject({ type: z.literal("record"), values: z.boolean(), redact: z.array(z.string()) }),
]);

/** Judging one call by a draft. */
export const evaluateOperations: readonly Operation[] = [
  userOperation(
    {
      id: "evaluate_policy",
      method: "post",
      path: "/v1/policies/evaluate",
      tag: "Policies",
      summary: "What a document would say to one call, and why; nothing is counted",
      body: z.strictObject({
        document: documentBody,
        team_document: z.optional(documentBody),
        call: callShape,
        tools: z.optional(toolsShape),
        context: z.optional(contextShape),
      }),
      answers: {
        200: z.strictObject({
          effect: z.enum(["allow", "deny", "approve"]),
          rule: z.string().check(z.describe("Empty where nothing fired.")),
          reason: z.string(),
          obligations: z.array(obligation),
          explanation: z.array(step),
        }),
      },
    },
    async ({ tree, body, nowMs }) => {
      const read = readDocuments(tree);
      if (isFault(read)) return read;
      const { server, team } = read;
      if (namesNothing(body.call)) return reply(200, showMethod(body.call.method ?? "", team, server));
      const call = readCall(body.call, memberOf(tree, "call"));
      if (isFault(call)) return call;
      const { tools, quarantined } = toolsOf(memberOf(tree, "tools"), call, body.context);
      const frozen = body.context?.frozen ?? "off";
      const context = contextOf(body.context, nowMs);
      const question: Question = { call, team, server, frozen, tools, quarantined, context };
      return reply(200, show(explain(question)));
    },
  ),
];

const memberOf = (tree: Json, name: string): Json | undefined =>
  tree instanceof Map ? tree.get(name) : undefined;

/** Both documents compiled, or all mistakes of both at their places in the request. */
function readDocuments(tree: Json): { server: Policy; team: Policy | null } | Fault {
  const [server, team] = ["document", "team_document"].map((name) => {
    const document = memberOf(tree, name);
    return document === undefined ? null : readPolicy(compactJson(document));
  });
  if (!server) throw new Error("a body without its document passed its schema");
  if (server.ok && (!team || team.ok)) return { server: server.policy, team: team ? team.policy : null };
  const errors = [
    ...(server.ok ? [] : server.errors.map((error) => ({ ...error, pointer: `/document${error.pointer}` }))),
    ...(!team || team.ok
      ? []
      : team.errors.map((error) => ({ ...error, pointer: `/team_document${error.pointer}` }))),
  ];
  return fault("invalid", "The policy has mistakes; `errors` says where and what to write instead.", errors);
}

/** The answer for a method that names nothing: only `methods` speaks of it. */
function showMethod(method: string, team: Policy | null, server: Policy) {
  const said = methodRule(method, team, server);
  const verdict = said.allowed
    ? ({ effect: "allow", rule: "", reason: "" } as const)
    : ({ effect: "deny", rule: said.rule, reason: said.reason } as const);
  return { ...verdict, obligations: [], explanation: [methodStep(method, said.allowed, verdict)] };
}

const methodStep = (
  method: string,
  allowed: boolean,
  { rule, reason }: { rule: string; reason: string },
): Step => ({
  stage: "rule",
  call: "",
  name: method,
  layer: null,
  rule,
  outcome: allowed ? "passed" : "refused",
  reason: allowed ? null : reason,
  shadow: false,
  decides: !allowed,
  conditions: [],
  note: null,
});

const show = ({ decision, steps }: Explained) => ({
  effect: decision.effect,
  rule: decision.rule,
  reason: decision.reason,
  obligations: decision.obligations.map(showObligation),
  explanation: steps,
});

function showObligation(duty: Obligation) {
  if (duty.type !== "count") return duty;
  const { type, rule, layer, shadow, counter, window, algorithm, maxMicros, scope, amount } = duty;
  const max = new Exact(decimalText(maxMicros));
  return {
    type,
    rule,
    layer,
    shadow,
    counter,
    window,
    algorithm,
    max,
    scope,
    amount: new Exact(decimalText(amount)),
  };
}
