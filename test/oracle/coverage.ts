import type { Call, Situation } from "./asked.ts";
import type { Use } from "./condition.ts";
import { type Refusal, stages } from "./judge.ts";
import { operators } from "./operator.ts";
import { textAt } from "./value.ts";
import type { Verdict } from "./verdict.ts";

const uses: Use[] = ["require", "deny_if", "approve_if"];

/** Notes what one decision exercised: its layers, what decided, and what would have refused after it. */
export function covered(situation: Situation, kind: Call["kind"], verdict: Verdict, all: Refusal[]): void {
  const { hit } = situation;
  const mode = (layer: "team" | "server"): string =>
    situation[layer] === null ? "no" : (textAt(situation[layer], "mode") ?? "enforce");
  hit(`${mode("team")} team, ${mode("server")} server: ${verdict.effect}`);
  hit(`${kind} ${verdict.effect}`);
  const first = all.find(({ effect }) => effect === "deny") ?? all[0];
  if (first === undefined) return;
  hit(`${first.effect} by ${first.stage} of ${placeOf(first.rule)}`);
  for (const later of all.slice(all.indexOf(first) + 1)) {
    if (later.stage !== first.stage) hit(`${first.stage} before ${later.stage}`);
    else if (later.rule !== first.rule)
      hit(`${first.stage}: ${placeOf(first.rule)} before ${placeOf(later.rule)}`);
  }
  if (first.effect === "deny" && all[0]?.effect === "approve") hit("a denial outweighs an approval");
}

function placeOf(rule: string): string {
  if (rule.startsWith("(")) return rule;
  return `${rule.startsWith("/team/") ? "team" : "server"} ${rule.includes("/all_tools/") ? "all_tools" : "rule"}`;
}

/** Everything that a run must exercise at least once, or it proves less than it claims. */
export function expected(): string[] {
  return [...conditionsExpected(), ...layersExpected(), ...placesExpected(), ...pairsExpected(), ...others];
}

function conditionsExpected(): string[] {
  const answers = ["true", "false", "missing", "cannot"];
  const each = operators.flatMap((op) => answers.map((answer) => `${op} ${answer}`));
  return uses.flatMap((use) => [
    ...each.map((name) => `${use} ${name}`),
    `${use} over nothing`,
    `shadow ${use}`,
  ]);
}

function layersExpected(): string[] {
  const modes = ["no", "enforce", "shadow"];
  const attached = modes.flatMap((team) =>
    ["enforce", "shadow"].flatMap((server) =>
      ["allow", "deny", "approve"].map((effect) => `${team} team, ${server} server: ${effect}`),
    ),
  );
  // In two shadow documents only a rule that says `enforce` for itself refuses.
  return [...attached, ...modes.map((team) => `${team} team, no server: deny`)];
}

function placesExpected(): string[] {
  const both = ["team rule", "server rule"];
  const four = [...both, "team all_tools", "server all_tools"];
  const deny = {
    action: both,
    require: four,
    deny_if: four,
    arguments: both,
    limits: both,
    approve: four,
    nested: both,
  };
  const ordered = Object.entries(deny).flatMap(([stage, places]) => [
    ...places.map((place) => `deny by ${stage} of ${place}`),
    `${stage}: team rule before server rule`,
  ]);
  return [
    ...ordered,
    ...four.map((place) => `approve by approve of ${place}`),
    ...uses.flatMap((use) => allFirst.map((order) => `${use === "approve_if" ? "approve" : use}: ${order}`)),
    ...["(frozen)", "(unknown tool)", "(hidden)", "(ambiguous uri)", "(default deny)", "(no policy)"].map(
      (rule) => `deny by ${stageOf[rule]} of ${rule}`,
    ),
  ];
}
const allFirst = [
  "team all_tools before team rule",
  "server all_tools before server rule",
  "team rule before server all_tools",
  "team rule before team rule",
];
const stageOf: Record<string, string> = {
  "(frozen)": "frozen",
  "(unknown tool)": "unknown",
  "(hidden)": "hidden",
  "(ambiguous uri)": "hidden",
  "(default deny)": "default",
  "(no policy)": "default",
};

const pairsExpected = (): string[] =>
  stages.flatMap((stage, at) => stages.slice(at + 1).map((later) => `${stage} before ${later}`));

const others = [
  ...["server part", "exact", "literals", "code points"].map((criterion) => `key by ${criterion}`),
  ...["tool", "resource", "prompt"].flatMap((kind) =>
    ["allow", "deny", "approve"].map((effect) => `${kind} ${effect}`),
  ),
  ...["tool", "resource", "prompt"].flatMap((kind) => [`team hides a ${kind}`, `server hides a ${kind}`]),
  ...["deny", "approve", "require_approval"].flatMap((action) => [
    `action ${action}`,
    `shadow action ${action}`,
  ]),
  ...["hold", "fail", "cannot"].flatMap((answer) => [`arguments ${answer}`, `shadow arguments ${answer}`]),
  ...["by one", "by rate_limit", "by increment counts", "by increment cannot"].map((way) => `limit ${way}`),
  ...["allow", "deny", "approve"].map((effect) => `nested inner ${effect} at depth 2`),
  ...["allow", "deny"].map((effect) => `nested inner ${effect} at depth 4`),
  ...["nested malformed", "shadow nested malformed", "nested not a list of calls", "nested too deep"],
  ...["frozen all refuses", "frozen writes refuses", "frozen writes passes"],
  ...["shadow hide", "shadow default deny", "template read by a condition", "a denial outweighs an approval"],
];
