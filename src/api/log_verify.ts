import * as z from "zod/mini";
import type { Checkpoint } from "../audit/checkpoint.ts";
import { type Fault, fault } from "../fault.ts";
import { readCheckpoint } from "../identity/checkpoint.ts";
import { type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { page, pageLimit, pageOf } from "./page.ts";
import { type Reply, reply, timestamp } from "./reply.ts";

const log = "/v1/teams/{team}/log";
const tag = "Log";
const place = z.coerce.number().check(z.int(), z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));

const checkpointShape = z
  .strictObject({ n: z.int(), hash: z.string(), at: z.iso.datetime(), jws: z.string() })
  .register(z.globalRegistry, {
    id: "Checkpoint",
    description:
      "A compact JWS over `{ team, n, hash, at }`: keep it, and nobody can rewrite what it covers.",
  });

const headShape = z.strictObject({ n: z.int(), hash: z.string() });

const verifyQuery = z.strictObject({
  cursor: z.optional(place).check(z.describe("`next_cursor` of the answer before.")),
  checkpoint: z
    .optional(z.string().check(z.maxLength(2048)))
    .check(z.describe("The `jws` of a checkpoint that you kept: does the log still agree with it?")),
});

const verifiedShape = z.strictObject({
  ok: z.boolean(),
  from: z.int(),
  to: z.int(),
  head: headShape,
  sealed: z.int().check(z.describe("The last entry, of those looked at, that a checkpoint covers.")),
  problem: z.nullable(z.strictObject({ n: z.int(), what: z.string() })),
  next_cursor: z.nullable(z.string()),
});

/** Whether the record is whole: its checkpoints, and the chain computed again. */
export const verifyOperations: readonly Operation[] = [
  teamOperation(
    "viewer",
    {
      id: "list_checkpoints",
      method: "get",
      path: `${log}/checkpoints`,
      tag,
      summary: "Signed checkpoints, oldest first",
      query: z.strictObject({ limit: pageLimit, cursor: z.optional(place) }),
      answers: { 200: pageOf(checkpointShape) },
    },
    async ({ deps, team, query }) => {
      const { limit, cursor } = query;
      const found = await deps.log(team.id).checkpoints(cursor ?? 0, limit + 1);
      return reply(
        200,
        page(found, limit, ({ n }) => String(n), show),
      );
    },
  ),
  teamOperation(
    "viewer",
    {
      id: "verify_log",
      method: "get",
      path: `${log}/verify`,
      tag,
      summary: "Recompute the hash chain and check every checkpoint; a long log goes on from `next_cursor`",
      query: verifyQuery,
      answers: { 200: verifiedShape },
    },
    verify,
  ),
];

const show = ({ n, hash, atMs, jws }: Checkpoint) => ({ n, hash, at: timestamp(atMs), jws });

// What one answer may take; the object itself is asked in short turns.
const verifyBudgetMs = 15_000;

async function verify(call: TeamCall<unknown, z.output<typeof verifyQuery>>): Promise<Reply | Fault> {
  const { deps, team, query } = call;
  const held = query.checkpoint === undefined ? null : await heldProblem(call, query.checkpoint);
  if (held && "fault" in held) return held;
  const stub = deps.log(team.id);
  const until = deps.now() + verifyBudgetMs;
  let range = await stub.verify(query.cursor ?? null);
  const { from } = range;
  let sealed = 0;
  let problem = held ?? range.problem;
  for (;;) {
    problem ??= range.problem ?? (await forged(call, range.checkpoints));
    sealed = range.checkpoints.at(-1)?.n ?? sealed;
    if (problem || range.next === null || deps.now() > until) break;
    range = await stub.verify(range.next);
  }
  const next = problem || range.next === null ? null : String(range.next);
  const { to, head } = range;
  return reply(200, { ok: !problem, from, to, head, sealed, problem, next_cursor: next });
}

type Problem = { readonly n: number; readonly what: string };

/** The first checkpoint that this gateway has not signed for just this place of this team's log, or null. */
async function forged(
  { deps, team }: Pick<TeamCall<unknown, unknown>, "deps" | "team">,
  checkpoints: readonly Checkpoint[],
): Promise<Problem | null> {
  for (const { n, hash, atMs, jws } of checkpoints) {
    const said = await readCheckpoint(jws, deps.keys);
    const fits = said?.team === team.id && said.n === n && said.hash === hash && said.at === timestamp(atMs);
    if (!fits) return { n, what: `the checkpoint at ${n} does not carry a signature of this gateway` };
  }
  return null;
}

/** Whether the log has another history than a checkpoint that the caller kept. */
async function heldProblem(
  { deps, team }: Pick<TeamCall<unknown, unknown>, "deps" | "team">,
  jws: string,
): Promise<Problem | Fault | null> {
  const said = await readCheckpoint(jws, deps.keys);
  if (!said || said.team !== team.id) {
    return fault("invalid", "The request has mistakes; `errors` says where.", [
      { pointer: "/checkpoint", message: "not a checkpoint of this team's log by a key of this gateway" },
    ]);
  }
  const stub = deps.log(team.id);
  const { floor } = await stub.read(0, 1);
  // What retention dropped cannot be compared any more; `from` says that it is gone.
  if (said.n < floor.n || (await stub.hashAt(said.n)) === said.hash) return null;
  return { n: said.n, what: `the log differs from your checkpoint at ${said.n}` };
}
