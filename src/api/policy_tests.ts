import * as z from "zod/mini";
import { type Fault, type Finding, fault, isFault } from "../fault.ts";
import { readJson } from "../json/read.ts";
import type { Json } from "../json/value.ts";
import { compactJson } from "../json/write.ts";
import type { Verdict } from "../policy/decision.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import { evaluate } from "../policy/evaluate.ts";
import { methodRule } from "../policy/method.ts";
import { bodyCaps, checkBody } from "./body.ts";
import {
  callShape,
  contextOf,
  contextShape,
  namesNothing,
  readCall,
  toolsOf,
  toolsShape,
} from "./question.ts";

const testsMax = 100;
const testsCharsMax = 262_144;

/** A call that a policy must answer in a certain way, or it is not saved (policy.md §10). */
const testShape = z
  .strictObject({
    name: z.optional(z.string().check(z.maxLength(200))),
    call: callShape,
    tools: z.optional(toolsShape),
    context: z
      .optional(contextShape)
      .check(z.describe("`now` is a Monday at noon if absent, so that a test says the same on any day.")),
    expect: z.enum(["allow", "deny", "approve"]),
    rule: z
      .optional(z.string().check(z.maxLength(16_384)))
      .check(z.describe("The rule that must decide, as a decision names it; any if absent.")),
  })
  .register(z.globalRegistry, { id: "PolicyTest" });

export const testsShape = z.array(testShape).check(z.maxLength(testsMax));
export const testsBody = z
  .optional(testsShape)
  .check(z.describe("Run before every save. Absent in a PUT: those saved before are kept; [] is none."));

type Test = z.output<typeof testShape>;

/** The text to store of a request's `tests`, null where it has none (`[]` too), undefined where it does not say. */
export function testsText(tree: Json): string | null | undefined {
  const tests = tree instanceof Map ? tree.get("tests") : undefined;
  if (tests === undefined) return undefined;
  return Array.isArray(tests) && tests.length > 0 ? compactJson(tests) : null;
}

/** The policy that is tested: alone, as the team's or as a server's. `server` is what a test's context calls it. */
export interface Subject {
  readonly policy: Policy;
  readonly layer: "team" | "server";
  readonly server: string;
}

/** Every test that does not come out as it says, with its place below `/tests`. */
export function failingTests(text: string | null, subject: Subject): Finding[] {
  if (text === null) return [];
  if (text.length > testsCharsMax) return [{ pointer: "/tests", message: "tests have at most 256 KiB" }];
  const read = readJson(text, bodyCaps);
  if (!read.ok) return [{ pointer: "/tests", message: read.problem }];
  const tests = checkBody(testsShape, read.value);
  if (isFault(tests)) return below("/tests", tests);
  const trees = Array.isArray(read.value) ? read.value : [];
  return tests.flatMap((test, index) => failure(test, trees[index] ?? null, subject, `/tests/${index}`));
}

/** A save that its tests refuse. */
export const refusedByTests = (failing: readonly Finding[]): Fault =>
  fault("invalid", "Nothing was saved, because tests of the policy fail; `errors` says which.", failing);

const below = (pointer: string, { errors = [] }: Fault): Finding[] =>
  errors.map((error) => ({ ...error, pointer: pointer + error.pointer }));

function failure(test: Test, tree: Json, subject: Subject, pointer: string): Finding[] {
  const got = verdict(test, tree, subject);
  if (isFault(got)) return below(pointer, got);
  if (got.effect === test.expect && (test.rule === undefined || test.rule === got.rule)) return [];
  const whose = test.name === undefined ? "" : `${test.name}: `;
  return [
    {
      pointer,
      message: `${whose}expected ${said(test.expect, test.rule)}, got ${said(got.effect, got.rule)}`,
    },
  ];
}

function said(effect: string, rule: string | undefined): string {
  if (rule === undefined) return effect;
  return rule === "" ? `${effect} by no rule` : `${effect} by ${rule}`;
}

const mondayNoonMs = Date.UTC(2026, 0, 5, 12);

function verdict(
  { call, context }: Test,
  tree: Json,
  { policy, layer, server: name }: Subject,
): Verdict | Fault {
  const method = call.method ?? "tools/call";
  const [team, server] = layer === "team" ? [policy, openTo(method)] : [null, policy];
  if (namesNothing(call)) return methodVerdict(method, team, server);
  const asked = readCall(call, memberOf(tree, "call"));
  if (isFault(asked)) return asked;
  const here = { ...context, server: { name: context?.server?.name ?? name } };
  return evaluate({
    call: asked,
    team,
    server,
    frozen: context?.frozen ?? "off",
    ...toolsOf(memberOf(tree, "tools"), asked, context),
    context: contextOf(here, mondayNoonMs),
  });
}

function methodVerdict(method: string, team: Policy | null, server: Policy): Verdict {
  const rule = methodRule(method, team, server);
  return rule.allowed ? { effect: "allow", rule: "", reason: "" } : { effect: "deny", ...rule };
}

const memberOf = (tree: Json, name: string): Json | undefined =>
  tree instanceof Map ? tree.get(name) : undefined;

/** A server's policy that leaves every word to the team's. */
function openTo(method: string): Policy {
  const open = readPolicy('{"version":"1","default":"allow"}');
  if (!open.ok) throw new Error("the smallest document does not read");
  return { ...open.policy, methods: new Map([[method, "allow"]]) };
}
