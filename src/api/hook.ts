import * as z from "zod/mini";
import { type Fault, isFault } from "../fault.ts";
import { newId } from "../id.ts";
import { deleteHook, findHook, type Hook, hookEvents, insertHook, listHooks } from "../store/hook.ts";
import { type Delivery, listDeliveries } from "../store/hook_delivery.ts";
import { newHookSecret, sealHookSecret } from "../upstream/hook_secret.ts";
import { save } from "./edit.ts";
import { nothingHere, type Operation, type TeamCall, teamOperation } from "./operation.ts";
import { ageCursor, page, pageOf, pageQuery } from "./page.ts";
import { whyFull, withinQuota } from "./quota.ts";
import { reply, timestamp } from "./reply.ts";

const event = z.enum(hookEvents);

const hookShape = z
  .strictObject({
    id: z.string(),
    url: z.url(),
    events: z.array(event),
    created_at: z.iso.datetime(),
  })
  .register(z.globalRegistry, { id: "Hook" });

const created = z.extend(hookShape, {
  secret: z.string().check(z.describe("Signs every delivery (Standard Webhooks). Shown this once.")),
});

const deliveryShape = z
  .strictObject({
    id: z.string().check(z.describe("The `Webhook-Id` of every attempt.")),
    event,
    state: z.enum(["waiting", "delivered", "failed"]),
    attempts: z.int(),
    status: z.nullable(z.int()).check(z.describe("Of the last answer; null where there was none.")),
    problem: z.nullable(z.string()),
    created_at: z.iso.datetime(),
    tried_at: z.nullable(z.iso.datetime()),
    next_at: z.nullable(z.iso.datetime()),
  })
  .register(z.globalRegistry, { id: "HookDelivery" });

const hooks = "/v1/teams/{team}/hooks";
const tag = "Webhooks";

/** Webhooks: who is told of what, and what came of telling them. */
export const hookOperations: readonly Operation[] = [
  teamOperation(
    "admin",
    {
      id: "list_hooks",
      method: "get",
      path: hooks,
      tag,
      summary: "The team's webhooks, without their secrets",
      query: pageQuery,
      answers: { 200: pageOf(hookShape) },
    },
    async ({ db, team, query }) => {
      const rows = await listHooks(db, team.id, query.cursor, query.limit + 1);
      return reply(200, page(rows, query.limit, ageCursor, showHook));
    },
  ),
  teamOperation(
    "admin",
    {
      id: "create_hook",
      method: "post",
      path: hooks,
      tag,
      summary: "Have an address told of events; every delivery is signed and retried",
      body: z.strictObject({
        url: z.string().check(z.maxLength(2048)),
        events: z.array(event).check(z.minLength(1), z.maxLength(10)),
      }),
      answers: { 201: created },
    },
    create,
  ),
  teamOperation(
    "admin",
    {
      id: "delete_hook",
      method: "delete",
      path: `${hooks}/{hook}`,
      tag,
      summary: "Tell an address nothing more; its delivery log goes too",
      answers: { 204: null },
    },
    async (call) => {
      const hook = await hookOf(call);
      if (isFault(hook)) return hook;
      const event = { action: "hook.deleted", subject: hook.id, detail: { url: originOf(hook.url) } };
      await save(call, deleteHook(call.db, call.team.id, hook.id), event);
      return reply(204);
    },
  ),
  teamOperation(
    "admin",
    {
      id: "list_hook_deliveries",
      method: "get",
      path: `${hooks}/{hook}/deliveries`,
      tag,
      summary: "What the address was told and how it answered, newest first, for 30 days",
      query: pageQuery,
      answers: { 200: pageOf(deliveryShape) },
    },
    async (call) => {
      const hook = await hookOf(call);
      if (isFault(hook)) return hook;
      const { cursor, limit } = call.query;
      const before = cursor.id === "" ? null : cursor;
      const rows = await listDeliveries(call.db, call.team.id, hook.id, before, limit + 1);
      return reply(
        200,
        page(rows, limit, ({ createdAt, eventId }) => ageCursor({ createdAt, id: eventId }), showDelivery),
      );
    },
  ),
];

type Given = { readonly url: string; readonly events: z.output<typeof event>[] };

async function create(call: TeamCall<Given, unknown>) {
  const { deps, db, team, body, nowMs } = call;
  const refused = deps.judgeUrl(body.url);
  if (refused) return refused;
  const full = await whyFull(call, "hooks");
  if (full) return full;
  const id = newId("hok", deps.random);
  const secret = newHookSecret(deps.random);
  const sealed = await sealHookSecret(deps.masterKeys, team.id, id, secret, deps.random);
  const events = [...new Set(body.events)];
  const hook: Hook = { id, team: team.id, url: body.url, events, secret: sealed, createdAt: nowMs };
  const detail = { url: originOf(hook.url), events: events.join(" ") };
  const event = { action: "hook.created", subject: id, detail };
  const over = await withinQuota(call, ["hooks"], (held) =>
    save(call, [insertHook(db, hook), ...held], event),
  );
  return over ?? reply(201, { ...showHook(hook), secret });
}

// A path or query can hold a token, and everybody who reads the log would see it.
const originOf = (url: string): string => new URL(url).origin;

async function hookOf(call: TeamCall<unknown, unknown>): Promise<Hook | Fault> {
  return (await findHook(call.db, call.team.id, call.params["hook"] ?? "")) ?? nothingHere;
}

const showHook = ({ id, url, events, createdAt }: Hook) => ({
  id,
  url,
  events,
  created_at: timestamp(createdAt),
});

const showDelivery = (delivery: Delivery) => ({
  id: delivery.eventId,
  event: delivery.event,
  state: delivery.state,
  attempts: delivery.attempts,
  status: delivery.status,
  problem: delivery.problem,
  created_at: timestamp(delivery.createdAt),
  tried_at: delivery.triedAt === null ? null : timestamp(delivery.triedAt),
  next_at: delivery.state === "waiting" ? timestamp(delivery.nextAt) : null,
});
