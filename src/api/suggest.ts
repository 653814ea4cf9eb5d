import * as z from "zod/mini";
import type { LogRow } from "../audit/entry.ts";
import { type Fault, type Finding, isFault } from "../fault.ts";
import type { Route } from "../gate/snapshot.ts";
import { compactJson } from "../json/write.ts";
import { readPolicy } from "../policy/document.ts";
import { type Evidence, type Gap, type Suggestion, suggestPolicy } from "../policy/suggest.ts";
import { usesOf } from "../policy/use.ts";
import { loadSnapshot } from "../store/snapshot.ts";
import { grantOf } from "./grant_view.ts";
import { lastDecisions } from "./history.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { documentBody } from "./policy_view.ts";
import { Exact, type Reply, reply } from "./reply.ts";

const decisionsMax = 5_000;
const time = z.optional(z.iso.datetime({ offset: true }));

const suggestQuery = z.strictObject({
  last: z
    ._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(decisionsMax)), decisionsMax)
    .check(z.describe("How many recorded decisions at most, counted from the newest.")),
  from: time,
  to: time,
});

const named = z.string().check(z.describe("The name of a tool or prompt, or a resource's URI."));

const evidence = z.strictObject({
  kind: z.enum(["tool", "resource", "prompt"]),
  tool: named,
  calls: z.int().check(z.describe("How many were allowed.")),
  peak_per_minute: z.int(),
  peak_per_hour: z.int(),
  why: z.string(),
});

const suggestion = z.strictObject({
  server: z.strictObject({ id: z.string(), slug: z.string() }),
  document: z
    .nullable(documentBody)
    .check(z.describe("Permits what was used and no more; null where it would be no valid document.")),
  evidence: z.array(evidence),
  not_known: z.array(z.strictObject({ tool: z.nullable(named), reason: z.string() })),
});

/** Learning a policy from use. */
export const suggestOperations: readonly Operation[] = [
  teamOperation(
    "policy_manager",
    {
      id: "suggest_policies",
      method: "get",
      path: "/v1/teams/{team}/grants/{grant}/suggest",
      tag: "Grants",
      summary: "For each server, the least that permits what the grant was allowed to do so far",
      query: suggestQuery,
      answers: { 200: z.strictObject({ considered: z.int(), servers: z.array(suggestion) }) },
    },
    suggest,
  ),
];

async function suggest(call: TeamCall<unknown, z.output<typeof suggestQuery>>): Promise<Reply | Fault> {
  const grant = await grantOf(call);
  if (isFault(grant)) return grant;
  const snapshot = await loadSnapshot(call.db, grant.id);
  if (!snapshot) return nothingHere;
  const { last, from, to } = call.query;
  const query = {
    grant: grant.id,
    ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
    ...(to === undefined ? {} : { toMs: Date.parse(to) }),
  };
  const { rows, more } = await lastDecisions(call.deps.log(call.team.id), query, last);
  const routes = new Map(snapshot.routes.map((route) => [route.server.id, route]));
  const byServer = Map.groupBy(rows, ({ decision }) => decision.server.id);
  const servers = [...byServer].flatMap(([id, its]) => {
    const route = routes.get(id);
    return route ? [forServer(route, its, more)] : [];
  });
  return reply(200, { considered: rows.length, servers });
}

function forServer({ server, policy, pins }: Route, rows: readonly LogRow[], more: boolean) {
  const shown = { id: server.id, slug: server.slug };
  const current = policy && readPolicy(policy.text);
  if (current && !current.ok) return { server: shown, ...show(unreadable, more) };
  const used = {
    slug: server.slug,
    current: current?.policy ?? null,
    pinned: new Set(pins.map(({ name }) => name)),
  };
  const suggested = suggestPolicy(used, usesOf(rows.map(({ decision }) => decision)));
  return { server: shown, ...show(suggested, more) };
}

const unreadable: Suggestion = {
  document: null,
  evidence: [],
  notKnown: [
    { name: null, reason: "The policy attached here cannot be read by this version of the gateway." },
  ],
};

function show({ document, evidence, notKnown }: Suggestion, more: boolean) {
  const text = document && compactJson(document);
  const errors = text === null ? [] : mistakes(text);
  const gaps = [
    ...(more ? [{ name: null, reason: "There are older decisions, which were not looked at." }] : []),
    ...errors.map(({ pointer, message }) => ({ name: null, reason: `${pointer}: ${message}` })),
    ...notKnown,
  ];
  return {
    document: text === null || errors.length > 0 ? null : new Exact(text),
    evidence: evidence.map(showEvidence),
    not_known: gaps.map(({ name, reason }: Gap) => ({ tool: name, reason })),
  };
}

/** None, unless it grew past what a document may be. */
function mistakes(text: string): readonly Finding[] {
  const read = readPolicy(text);
  return read.ok ? [] : read.errors;
}

const showEvidence = ({ kind, name, calls, peakPerMinute, peakPerHour, why }: Evidence) => ({
  kind,
  tool: name,
  calls,
  peak_per_minute: peakPerMinute,
  peak_per_hour: peakPerHour,
  why,
});
