import { isAlwaysAllowed, methodRuleId } from "./method-names.ts";
import { type Policy, type ServerRequest, serverRequests } from "./rule.ts";

export type MethodRule =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly rule: string; readonly reason: string };

// `subscriptions/listen` may name no resource at all, and giving a subscription up is never a risk.
const harmlessWithoutName = new Set(["subscriptions/listen", "resources/unsubscribe"]);

/**
 * Whether a message that names nothing may pass (policy.md §2, `methods`). A method that names something is refused here:
 * if it arrives without a name, nobody has judged it.
 */
export function methodRule(method: string, team: Policy | null, server: Policy | null): MethodRule {
  if (isAlwaysAllowed(method) || harmlessWithoutName.has(method)) return { allowed: true };
  if (!server) return refusedBy("(no policy)");
  const refusedByTeam = team && refusal(method, team, "/team");
  return refusedByTeam ?? refusal(method, server, "") ?? { allowed: true };
}

const namesSomething = new Set(["tools/call", "resources/read", "resources/subscribe", "prompts/get"]);

function refusal(method: string, policy: Policy, prefix: string): MethodRule | null {
  if (namesSomething.has(method)) return refusedBy("(default deny)");
  const said = policy.methods.get(method);
  if (said === "allow" || policy.shadow) return null;
  return refusedBy(said ? prefix + methodRuleId(method) : "(default deny)");
}

const refusedBy = (rule: string): MethodRule => ({ allowed: false, rule, reason: `Denied by rule ${rule}.` });

/** The rule that refuses each kind of request of a server's to the client; nothing where every layer permits it. */
export type RefusedRequests = Readonly<Partial<Record<ServerRequest, string>>>;

/** Which requests the server may not make of the client (policy.md §2, `requests`). */
export function refusedRequests(team: Policy | null, server: Policy | null): RefusedRequests {
  return { ...requestRules(server, ""), ...(team && requestRules(team, "/team")) };
}

function requestRules(policy: Policy | null, prefix: string): RefusedRequests {
  const refused = serverRequests.filter(
    (request) => !policy?.shadow && policy?.requests[request] !== "allow",
  );
  const rule = (request: ServerRequest) => (policy ? `${prefix}/requests/${request}` : "(no policy)");
  return Object.fromEntries(refused.map((request) => [request, rule(request)]));
}
