import type { Call, Context, Situation } from "../asked.ts";
import type { Documents } from "../compare.ts";
import { Draft } from "./draft.ts";
import { oddUris, promptNames, serverNames, toolNames, uris } from "./names.ts";
import type { Random } from "./random.ts";
import { strings } from "./sample.ts";

/** A call as a client would send it, and the moment at which it is judged. */
export interface Asking extends Call {
  readonly frozen: Situation["frozen"];
  readonly context: Context;
}

/** One call, in four of five cases with something near a boundary of a rule that concerns it. */
export function asking(random: Random, documents: Documents["oracle"], tools: string[]): Asking {
  const kind = random.chance(0.86) ? "tool" : random.chance(0.5) ? "resource" : "prompt";
  const server = random.pick(serverNames);
  const name = nameFor(random, kind, tools);
  const context = contextFor(random, server);
  const frozen = random.chance(0.04) ? "all" : random.chance(0.06) ? "writes" : "off";
  const draft = new Draft(random, documents, context, tools);
  const bare = kind === "resource" || random.chance(0.03);
  const args = bare ? undefined : draft.args(kind, name, 1);
  return { kind, name, args, frozen, context: draft.context };
}

function nameFor(random: Random, kind: Asking["kind"], tools: string[]): string {
  if (kind === "prompt") return random.chance(0.9) ? random.pick(promptNames) : "unlisted";
  if (kind === "resource") return random.chance(0.75) ? random.pick(uris) : random.pick(oddUris);
  return random.chance(0.93) ? random.pick(tools) : random.pick([...toolNames, "ghost"]);
}

function contextFor(random: Random, server: string): Context {
  const label = random.pick(strings);
  const tags = random.some(strings, random.below(3));
  const member = { email: random.pick(strings), role: random.pick(["admin", "member"]) };
  const now = {
    hour: random.below(24),
    weekday: 1 + random.below(7),
    date: random.pick(["2026-11-21", "2026-12-01"]),
  };
  return {
    server: { name: server },
    grant: { label, tags },
    member: random.chance(0.8) ? member : null,
    client: random.chance(0.7) ? { name: random.pick(strings) } : null,
    now,
  };
}
