import type { Finding } from "../fault.ts";
import type { Policy } from "../policy/document.ts";

type Rule = Policy["rules"]["tool"][number];

/**
 * What of a policy this gate cannot carry out yet, and therefore denies: told when the policy is saved, because nobody
 * should find out by a refusal.
 */
export function beyondThisGate(policy: Policy): Finding[] {
  const rules = Object.values(policy.rules).flat();
  return [...askFindings("/all_tools", policy.allTools.approveIf.length > 0), ...rules.flatMap(ruleFindings)];
}

const ruleFindings = (rule: Rule): Finding[] =>
  askFindings(rule.id, rule.action === "approve" || rule.approveIf.length > 0);

const askFindings = (at: string, asks: boolean): Finding[] =>
  asks
    ? [{ pointer: at, message: "approvals cannot be given yet, so a call that needs one is refused" }]
    : [];
