import { hideTable, isHidden, type Kind, keyTable, lookUp } from "./key.ts";
import type { Policy, Rule } from "./rule.ts";

/** What one policy lets a list show, as plain data: it travels between objects. */
export interface ListRules {
  readonly kind: Kind;
  /** null in a server policy, whose keys name no server. */
  readonly server: string | null;
  readonly default: boolean;
  readonly hide: readonly string[];
  readonly keys: readonly { readonly key: string; readonly permit: boolean }[];
}

/** The list rules of a team policy for one server, or (`serverName` null) of a server policy; of null, those that show nothing. */
export function listRules(policy: Policy | null, kind: Kind, serverName: string | null): ListRules {
  const base = { kind, server: serverName };
  if (!policy) return { ...base, default: false, hide: [], keys: [] };
  const never = kind === "tool" && !policy.shadow && alwaysDenied(policy.allTools);
  if (never) return { ...base, default: false, hide: [], keys: [] };
  return {
    ...base,
    default: policy.shadow || policy.default === "allow",
    hide: policy.shadow ? [] : policy.hide,
    keys: policy.rules[kind].map((rule) => ({ key: rule.key, permit: permits(rule, policy.shadow) })),
  };
}

/** Whether some call of the name might be permitted: no `action: deny`, no `deny_if` that always holds. */
function permits(rule: Rule, documentShadow: boolean): boolean {
  const shadow = rule.mode ? rule.mode === "shadow" : documentShadow;
  return shadow || (rule.action !== "deny" && !alwaysDenied(rule));
}

const alwaysDenied = ({ denyIf }: Pick<Rule, "denyIf">): boolean =>
  denyIf.some(({ conditions }) => conditions.length === 0);

/** A filter for many names: true for those that every layer may show. */
export function listFilter(rules: readonly ListRules[]): (name: string) => boolean {
  const layers = rules.map((layer) => {
    const hidden = hideTable(layer.hide, layer.kind);
    const keys = keyTable(
      layer.keys.map(({ key, permit }) => [key, permit] as const),
      layer.kind,
    );
    return (name: string) =>
      !isHidden(hidden, layer.server, name) && (lookUp(keys, layer.server, name) ?? layer.default);
  });
  return (name) => layers.every((shows) => shows(name));
}

/** Whether a list may show the name: false for hidden, default-denied and never-permittable ones. */
export const listable = (rules: readonly ListRules[], name: string): boolean => listFilter(rules)(name);
