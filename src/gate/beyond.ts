import type { Finding } from "../fault.ts";
import type { Policy } from "../policy/document.ts";

type Rule = Policy["rules"]["tool"][number];

/**
 * What of a policy this gate cannot carry out yet, and therefore denies: told when the policy is saved, because nobody
 * should find out by a refusal.
 */
export function beyondThisGate(policy: Policy): Finding[] {
  const rules = Object.values(policy.rules).flat();
  return [
    ...(policy.record === "values" ? [{ pointer: "/record", message: keepsNoValues }] : []),
    ...askFindings("/all_tools", policy.allTools.approveIf.length > 0),
    ...rules.flatMap(ruleFindings),
  ];
}

const ruleFindings = (rule: Rule): Finding[] => [
  ...(rule.record === "values" ? [{ pointer: `${rule.id}/record`, message: keepsNoValues }] : []),
  ...askFindings(rule.id, rule.action === "approve" || rule.approveIf.length > 0),
];

const keepsNoValues =
  'the log keeps no argument values yet, so calls under this rule are denied: leave it out, or say "keys"';

const askFindings = (at: string, asks: boolean): Finding[] =>
  asks
    ? [{ pointer: at, message: "approvals cannot be given yet, so a call that needs one is refused" }]
    : [];
