import * as z from "zod/mini";
import type { LogQuery } from "../audit/entry.ts";
import { type Fault, isFault } from "../fault.ts";
import { type Bearer, replay, type Trial } from "../gate/replay.ts";
import { type Tally, tally } from "../gate/tally.ts";
import type { GrantId } from "../id.ts";
import { type Policy, readPolicy } from "../policy/document.ts";
import { findBearers, findGrant } from "../store/grant.ts";
import type { Server } from "../store/server.ts";
import { listPins } from "../store/tool.ts";
import { type History, lastDecisions } from "./history.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { readSaved, readTeamPolicy } from "./policy_read.ts";
import { documentBody, draftOf, policyOf } from "./policy_view.ts";
import { type Reply, reply } from "./reply.ts";
import { serverOf } from "./server_view.ts";

const decisionsMax = 5_000;
const time = z.optional(z.iso.datetime({ offset: true }));

const simulateBody = z.strictObject({
  document: z.optional(documentBody).check(z.describe("The draft; the saved revision if absent.")),
  last: z
    ._default(z.int().check(z.minimum(1), z.maximum(decisionsMax)), 1_000)
    .check(z.describe("How many recorded decisions at most, counted from the newest.")),
  grant: z.optional(z.string().check(z.maxLength(40))).check(z.describe("Only this grant's decisions.")),
  from: time,
  to: time,
});

const outcome = z.enum(["allowed", "denied", "limited", "approval_required", "unknown"]);

const change = z.strictObject({
  rule: z.string().check(z.describe("What refuses now; where nothing does any more, what did.")),
  from: outcome,
  to: outcome,
  count: z.int(),
  examples: z.array(z.string()).check(z.describe("Ids of decisions, the newest last.")),
});

const simulation = z.strictObject({
  considered: z.int().check(z.describe("Recorded decisions that were looked at.")),
  replayed: z.int().check(z.describe("Those of them whose outcome under the draft is certain.")),
  changed: z.int().check(z.describe("Those whose outcome would be another.")),
  by_rule: z.array(change),
  not_replayed: z
    .array(z.strictObject({ rule: z.string(), reason: z.string(), count: z.int() }))
    .check(
      z.describe(
        "Why decisions are not replayed, values that are not stored above all; one may count twice.",
      ),
    ),
});

/** Trying a draft on what was really called. */
export const simulateOperations: readonly Operation[] = [
  teamOperation(
    "policy_manager",
    {
      id: "simulate_policy",
      method: "post",
      path: "/v1/teams/{team}/servers/{server}/policies/{policy}/simulate",
      tag: "Policies",
      summary:
        "Which of the server's last recorded decisions a draft would change, under today's team policy",
      body: simulateBody,
      bodyOptional: true,
      answers: { 200: simulation },
    },
    simulate,
  ),
];

type Asked = TeamCall<z.output<typeof simulateBody>, unknown>;

async function simulate(call: Asked): Promise<Reply | Fault> {
  const server = await serverOf(call);
  if (isFault(server)) return server;
  const draft = await draftPolicy(call, server);
  if (isFault(draft)) return draft;
  const teamPolicy = await readTeamPolicy(call);
  if (isFault(teamPolicy)) return teamPolicy;
  const query = await narrowed(call, server);
  if (isFault(query)) return query;
  const { team } = teamPolicy;
  const { lead, tried } = await histories(call, query, longestWindowMs(team ? [draft, team] : [draft]));
  const rows = [...lead.rows, ...tried.rows];
  const tools = new Map(
    (await listPins(call.db, call.team.id, server.id)).map(({ name, category, level }) => [
      name,
      { category, risk: level },
    ]),
  );
  const bearers = await bearersOf(
    call,
    rows.map(({ decision }) => decision.gate),
  );
  const trial: Trial = { draft, server, team, zone: call.team.zone, tools, bearers };
  const replayed = replay(trial, rows, lead.more).slice(lead.rows.length);
  return reply(200, show(tried.rows.length, tally(replayed)));
}

/** The request's document, or what is saved. */
async function draftPolicy(call: Asked, server: Server): Promise<Policy | Fault> {
  const saved = await policyOf(call, server);
  if (isFault(saved)) return saved;
  if (!(call.tree instanceof Map) || !call.tree.has("document")) return readSaved(call, saved);
  const draft = draftOf(call.tree);
  if (isFault(draft)) return draft;
  const read = readPolicy(draft.text);
  if (!read.ok) throw new Error("a draft without mistakes has mistakes");
  return read.policy;
}

async function narrowed(call: Asked, server: Server): Promise<Omit<LogQuery, "limit"> | Fault> {
  const { grant, from, to } = call.body;
  const granted = grant === undefined ? undefined : await findGrant(call.db, call.team.id, grant);
  if (granted === null) return nothingHere;
  return {
    server: server.id,
    ...(granted === undefined ? {} : { grant: granted.id }),
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
  };
}

/** The decisions to try the draft on, and those before them that still fill the limits' windows when they begin. */
async function histories(
  call: Asked,
  query: Omit<LogQuery, "limit">,
  windowMs: number,
): Promise<{ readonly lead: History; readonly tried: History }> {
  const log = call.deps.log(call.team.id);
  const tried = await lastDecisions(log, query, call.body.last);
  const first = tried.rows[0];
  if (!first || first.n === null || windowMs === 0) return { lead: { rows: [], more: false }, tried };
  const { fromMs: _, toMs: __, ...anyTime } = query;
  const before = { ...anyTime, before: first.n };
  const lead = await lastDecisions(log, before, decisionsMax, first.decision.atMs - windowMs);
  return { lead, tried };
}

const longestWindowMs = (policies: readonly Policy[]): number =>
  policies
    .flatMap(({ allTools, rules }) => [allTools, ...Object.values(rules).flat()])
    .flatMap(({ limits }) => limits)
    .reduce((longest, { windowMs }) => Math.max(longest, windowMs), 0);

async function bearersOf(call: Asked, gates: readonly GrantId[]): Promise<Map<GrantId, Bearer>> {
  const found = await findBearers(call.db, call.team.id, [...new Set(gates)]);
  return new Map(
    [...found].map(([id, { servers, ...bearer }]) => [id, { ...bearer, elsewhere: servers > 1 }]),
  );
}

const show = (considered: number, { replayed, changed, byRule, notReplayed }: Tally) => ({
  considered,
  replayed,
  changed,
  by_rule: byRule,
  not_replayed: notReplayed,
});
