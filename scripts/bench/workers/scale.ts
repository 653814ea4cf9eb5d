import type { DecisionEntry, Entry, OutcomeEntry, Verdict } from "../../../src/audit/entry.ts";
import type { GrantId, ServerId, TeamId, UserId } from "../../../src/id.ts";
import type { TeamLog } from "../../../src/index.ts";
import gateway from "./gateway.ts";

export * from "./gateway.ts";

type Env = Parameters<typeof gateway.fetch>[1] & { readonly LOGS: DurableObjectNamespace<TeamLog> };

/** What to put into a team's log: so many calls from `first` on, one every `everyMs`. */
export interface Fill {
  readonly team: TeamId;
  readonly grants: readonly GrantId[];
  readonly member: UserId;
  readonly server: ServerId;
  readonly first: number;
  readonly calls: number;
  readonly startMs: number;
  readonly everyMs: number;
}

const callsTogether = 250;
/** One call in so many is to the tool that hardly anybody calls. */
const rareEvery = 100_000;
const verdicts: readonly [every: number, verdict: Verdict][] = [
  [200, "approval_required"],
  [50, "limited"],
  [25, "denied"],
];

/** The Worker as it is deployed, behind two addresses: one fills a team's log as its gates would, one verifies a part of it. */
export default {
  async fetch(
    request: Parameters<typeof gateway.fetch>[0],
    env: Env,
    ctx: ExecutionContext,
  ): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/bench/log") return fill(env, await request.json<Fill>());
    if (pathname === "/bench/verify") {
      const team = searchParams.get("team") ?? "";
      const log = env.LOGS.get(env.LOGS.idFromName(team));
      return Response.json(await log.verify(Number(searchParams.get("from"))));
    }
    return gateway.fetch(request, env, ctx);
  },
};

async function fill(env: Env, given: Fill): Promise<Response> {
  const log = env.LOGS.get(env.LOGS.idFromName(given.team));
  let head = { n: 0, hash: "" };
  for (let done = 0; done < given.calls; done += callsTogether) {
    const calls = Array.from({ length: callsTogether }, (_, i) => callOf(given, given.first + done + i));
    head = await log.append(calls.flat());
  }
  return Response.json(head);
}

function callOf({ grants, member, server, startMs, everyMs }: Fill, i: number): Entry[] {
  const gate = grants[i % grants.length] as GrantId;
  const seq = Math.floor(i / grants.length) + 1;
  const atMs = startMs + i * everyMs;
  const verdict = verdicts.find(([every]) => i % every === 0)?.[1] ?? "allowed";
  const decision: DecisionEntry = {
    kind: "decision",
    gate,
    seq,
    atMs,
    requestId: `req_${i.toString(36).padStart(26, "0")}`,
    epoch: 7,
    member,
    server: { id: server, slug: "s0" },
    method: "tools/call",
    target: { kind: "tool", name: i % rareEvery === 1 ? "rare" : `tool_${i % 20}` },
    verdict,
    rule: `/tools/tool_${i % 20}`,
    reason: verdict === "allowed" ? "The rule permits it." : "The rule does not permit it.",
    notes: [],
    policy: null,
    client: "bench 1.0",
    argumentKeys: ["text", "workspace", "count"],
    argumentHash: "0".repeat(64),
    values: null,
  };
  const outcome: OutcomeEntry = {
    kind: "outcome",
    gate,
    seq,
    atMs: atMs + 40,
    end: "answered",
    status: 200,
    bytes: 512,
    ms: 40,
  };
  return verdict === "allowed" ? [decision, outcome] : [decision];
}
