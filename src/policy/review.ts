import type { Finding } from "../fault.ts";
import { isHidden, keyTable, lookUp } from "./key.ts";
import { type LiveTool, misfits } from "./misfit.ts";
import { suggestion } from "./nearest.ts";
import { pointerOf } from "./pointer.ts";
import type { Policy, Rule } from "./rule.ts";

/** A server by the name that a team policy's keys call it (null for a server policy), and its tools. */
export interface LiveServer {
  readonly name: string | null;
  readonly tools: readonly LiveTool[];
}

/**
 * What a save warns of when a policy meets the server's real tools (policy.md §2, §9): keys that match nothing, rules and
 * conditions that can never fire, refusals that an optional argument walks round.
 */
export function review(policy: Policy, tools: readonly LiveTool[]): Finding[] {
  if (isTooMuch(policy, tools)) return [notCompared];
  return [...openToHarm(policy, tools), ...rulesReviewed(policy, [{ name: null, tools }], "server")];
}

/** As `review`, for the team's policy: a key is unused only where no server has a tool for it. */
export function reviewTeam(policy: Policy, servers: readonly LiveServer[]): Finding[] {
  if (servers.length === 0) return [];
  const tools = servers.flatMap((server) => server.tools);
  return isTooMuch(policy, tools) ? [notCompared] : rulesReviewed(policy, servers, "team");
}

// A pattern may walk as many positions as its own length for each character of a name: below a second at this product.
const workMax = 100_000_000;

const lengthOf = (names: readonly { readonly length: number }[]): number =>
  names.reduce((sum, { length }) => sum + length, 0);

const isTooMuch = (policy: Policy, tools: readonly LiveTool[]): boolean =>
  lengthOf(policy.rules.tool.map(({ key }) => key).filter((key) => /[*?/]/.test(key))) *
    lengthOf(tools.map(({ name }) => name)) >
  workMax;

const notCompared: Finding = {
  pointer: "/tools",
  message: "these are too many patterns to compare with so many tools, so none was looked at",
};

function rulesReviewed(policy: Policy, servers: readonly LiveServer[], whose: "server" | "team"): Finding[] {
  const live = servers.flatMap(({ name: server, tools }) => tools.map((tool) => ({ server, tool })));
  const ruled = Map.groupBy(live, ({ server, tool }) => lookUp(policy.ruleFor.tool, server, tool.name));
  const suggest = suggester(live.map(({ tool }) => tool.name));
  return policy.rules.tool.flatMap((rule) => {
    const tools = ruled.get(rule)?.map(({ tool }) => tool);
    return tools ? misfits(rule, tools) : [unused(rule, servers, suggest, whose)];
  });
}

// Each is measured against every tool, and nobody reads more of them than this.
const suggestionsMax = 20;

function suggester(names: readonly string[]): (key: string) => string {
  let left = suggestionsMax;
  return (key) => (left-- > 0 ? suggestion(key, names) : "");
}

function unused(
  { key }: Rule,
  servers: readonly LiveServer[],
  suggest: (key: string) => string,
  whose: "server" | "team",
): Finding {
  const pointer = pointerOf(["tools", key]);
  if (matchesAny(key, servers, ({ tools }) => tools.map(({ name }) => name))) {
    return { pointer, message: "never applies: another key goes before it for every tool that it matches" };
  }
  const nobody = whose === "server" ? "the server has no such tool" : "no server of the team has such a tool";
  return { pointer, message: `${nobody}${suggest(key)}` };
}

function matchesAny(
  key: string,
  servers: readonly LiveServer[],
  namesOf: (server: LiveServer) => readonly string[],
): boolean {
  const alone = keyTable([[key, true]], "tool");
  return servers.some((server) => namesOf(server).some((name) => lookUp(alone, server.name, name)));
}

function openToHarm(policy: Policy, tools: readonly LiveTool[]): Finding[] {
  if (policy.default !== "allow") return [];
  const open = tools.filter(
    ({ name, category }) =>
      category === "Destructive" &&
      !lookUp(policy.ruleFor.tool, null, name) &&
      !isHidden(policy.hidden.tool, null, name),
  );
  if (open.length === 0) return [];
  const names = open.map(({ name }) => name).join(", ");
  return [{ pointer: "/default", message: `allows Destructive tools that no key lists: ${names}` }];
}
