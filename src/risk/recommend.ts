import type { Rated } from "./rated.ts";
import { safeguardsOf } from "./safeguard.ts";
import { carriesUnseen, type Tier, type Treatment, treatmentOf } from "./tier.ts";

/** Why a part of the document is there. */
export interface Reason {
  /** JSON pointer into the document. */
  readonly pointer: string;
  readonly because: string;
}

/** What is recommended for one tool: the rule that `tools` has for it, or null where it is hidden or left to the default. */
export interface Advice {
  readonly tool: string;
  readonly effect: Treatment["effect"] | "deny";
  readonly rule: Readonly<Record<string, unknown>> | null;
  readonly why: readonly Reason[];
}

export interface Recommendation {
  readonly document: Record<string, unknown>;
  readonly tools: readonly Advice[];
}

// A document has at most 256 KiB and 2,000 tools; people indent it, too. What has no room is denied by the default.
const charactersMax = 120_000;
const elementsMax = 256;

/**
 * The policy to begin with for a server's tools: version "1", default deny, plain JSON, always valid. One function for
 * whatever shows it. Each tool's part says why it is there.
 */
export function recommend(tools: readonly Rated[], tier: Tier): Recommendation {
  let room = charactersMax;
  const hide: string[] = [];
  const advised = tools.map((tool): Advice => {
    const advice = adviceFor(tool, tier, hide.length);
    room -= JSON.stringify([advice.tool, advice.rule]).length;
    if (room < 0) return noRoom(tool.name);
    if (advice.effect === "hide") hide.push(tool.name);
    return advice;
  });
  const rules = advised.flatMap(({ tool, rule }) => (rule ? [[tool, rule] as const] : []));
  const document = {
    version: "1",
    default: "deny",
    ...(hide.length > 0 && { hide }),
    tools: Object.fromEntries(rules),
  };
  return { document, tools: advised };
}

function adviceFor(tool: Rated, tier: Tier, hidden: number): Advice {
  const { name, risk } = tool;
  // The language refuses `__proto__`, and reads patterns in other characters; what is not listed is denied.
  if (name === "__proto__" || !/^[A-Za-z0-9_.-]{1,128}$/.test(name))
    return { tool: name, effect: "deny", rule: null, why: [reason("/default", "No key may be called so.")] };
  const treatment = treatmentOf(tier, risk);
  if (treatment.effect === "hide") {
    return {
      tool: name,
      effect: "hide",
      rule: null,
      why: [reason(`/hide/${hidden}`, `${judged(tool)}: agents never see it.`)],
    };
  }
  const safeguards = safeguardsOf(tool, tier);
  if (safeguards.some(({ value }) => Array.isArray(value) && value.length > elementsMax)) return noRoom(name);
  const rule = {
    ...ruleOf(name, treatment),
    ...Object.fromEntries(safeguards.map(({ key, value }) => [key, value])),
  };
  const at = `/tools/${name}`;
  const why = [
    reason(treated(at, treatment), `${judged(tool)}: ${told(treatment, tool)}`),
    ...safeguards.map(({ key, because }) => reason(`${at}/${key}`, because)),
  ];
  return { tool: name, effect: treatment.effect, rule, why };
}

const reason = (pointer: string, because: string): Reason => ({ pointer, because });

const noRoom = (tool: string): Advice => ({
  tool,
  effect: "deny",
  rule: null,
  why: [reason("/default", "There is no room for it: write a rule for it where it is needed.")],
});

function ruleOf(name: string, treatment: Treatment): Record<string, unknown> {
  if (treatment.effect === "approve") return { action: "approve" };
  if (treatment.effect === "hide" || treatment.perMinute === null) return {};
  return {
    limits: [{ counter: `${name}_rate`, window: "minute", max: treatment.perMinute, scope: "grant" }],
  };
}

function treated(at: string, treatment: Treatment): string {
  if (treatment.effect === "approve") return `${at}/action`;
  return treatment.effect === "allow" && treatment.perMinute !== null ? `${at}/limits/0` : at;
}

/** "Write/medium (save in its name)": what it was taken for, and by which word. */
function judged({ risk }: Rated): string {
  const [{ source, token, says }] = risk.evidence;
  const where = source === "parameter" ? `parameter ${token}` : `${token} in its ${source}`;
  return `${risk.category}/${risk.level} (${says.startsWith("no known verb") ? "no verb that we know" : where})`;
}

function told(treatment: Treatment, { risk }: Rated): string {
  if (treatment.effect === "approve" && carriesUnseen(risk)) {
    return "it carries calls of other tools that no rule would see, so a person decides each.";
  }
  if (treatment.effect === "approve") return "a person decides each call.";
  if (treatment.effect === "hide") return "agents never see it.";
  if (treatment.perMinute === null) return "it may be called freely.";
  return `${treatment.perMinute} calls a minute are enough to work with, and stop a loop.`;
}
