import { env } from "cloudflare:test";
import { createHmac } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import type { TeamId } from "../../src/id.ts";
import { enqueueForeseen } from "../../src/store/foreseen.ts";
import type { HookEvent } from "../../src/store/hook.ts";
import { enqueue } from "../../src/store/hook_delivery.ts";
import type { Look } from "../../src/upstream/enrol.ts";
import { drainAllHooks, drainHooks, type HookDeps } from "../../src/upstream/hook_outbox.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, origin, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
});

const url = "https://hooks.example/portcullis?key=k";

/** What a receiver was sent, and a gateway that sends to it; `answer` is how it answers. */
class Receiver {
  readonly got: { headers: Headers; body: string }[] = [];
  answer: () => Response = () => new Response("ok");
  nowMs = Date.now();

  get deps(): HookDeps {
    const master = parseMasterKeys(env.MASTER_KEYS);
    if (isFault(master)) throw new Error(master.detail);
    const fetch = async (...[input, init]: Parameters<typeof globalThis.fetch>) => {
      const request = new Request(input, init as RequestInit);
      expect(request.url).toBe(url);
      this.got.push({ headers: request.headers, body: await request.text() });
      return this.answer();
    };
    const rules = { allowLoopback: false, ownOrigin: origin };
    return {
      db: env.DB,
      master,
      fetch: { fetch: fetch as typeof globalThis.fetch, rules },
      now: () => this.nowMs,
    };
  }

  async happen(id: string, event: HookEvent = "approval.requested"): Promise<void> {
    const id_ = team.person.team.id as TeamId;
    await enqueue(env.DB, id_, [{ id, event, body: `{"id":"${id}"}` }], this.nowMs);
  }

  drain(): Promise<number> {
    return drainHooks(this.deps, team.person.team.id as TeamId);
  }
}

const make = (events: readonly string[] = ["approval.requested"]) =>
  team.must(201, "POST", "/hooks", { url, events });

describe("a webhook", () => {
  it("is told, signed so that its owner can tell, and its secret is shown once", async () => {
    const hook = await make();
    expect(hook.secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(JSON.stringify(await team.must(200, "GET", "/hooks"))).not.toContain("whsec_");
    const rows = await env.DB.prepare("SELECT * FROM hook WHERE id = ?1").bind(hook.id).all();
    expect(JSON.stringify(rows.results)).not.toContain(hook.secret.slice("whsec_".length));
    const receiver = new Receiver();
    await receiver.happen("e1");
    await receiver.drain();
    const [{ headers, body } = { headers: new Headers(), body: "" }] = receiver.got;
    const time = headers.get("Webhook-Timestamp");
    const key = Buffer.from(hook.secret.slice("whsec_".length), "base64");
    const signature = createHmac("sha256", key).update(`e1.${time}.${body}`).digest("base64");
    expect(headers.get("Webhook-Id")).toBe("e1");
    expect(headers.get("Webhook-Signature")).toBe(`v1,${signature}`);
    expect(body).toBe('{"id":"e1"}');
  });

  it("hears of an event once, however often it is told, and of no other kind", async () => {
    await make(["approval.refused"]);
    const receiver = new Receiver();
    await receiver.happen("e1", "approval.refused");
    await receiver.happen("e1", "approval.refused");
    await receiver.happen("e2", "approval.requested");
    await receiver.drain();
    await receiver.drain();
    expect(receiver.got.map(({ headers }) => headers.get("Webhook-Id"))).toEqual(["e1"]);
  });

  it("that fails is tried again, ever later, and given up after seven attempts; the log tells", async () => {
    const hook = await make();
    const receiver = new Receiver();
    receiver.answer = () => new Response("no", { status: 500 });
    await receiver.happen("e1");
    const gaps: number[] = [];
    let lastMs = receiver.nowMs;
    // Minute by minute at first; what is waited later is whole twenties on from there.
    for (let minute = 0, step = 1; minute < 16 * 60; minute += step) {
      if (minute === 21) step = 20;
      const before = receiver.got.length;
      await receiver.drain();
      if (receiver.got.length > before && before > 0) {
        gaps.push((receiver.nowMs - lastMs) / 60_000);
      }
      if (receiver.got.length > before) lastMs = receiver.nowMs;
      receiver.nowMs += step * 60_000;
    }
    expect(gaps).toEqual([1, 5, 15, 60, 240, 480]);
    const { items } = await team.must(200, "GET", `/hooks/${hook.id}/deliveries`);
    expect(items).toMatchObject([{ id: "e1", state: "failed", attempts: 7, status: 500, next_at: null }]);
  });

  it("that comes back in time is delivered to", async () => {
    const hook = await make();
    const receiver = new Receiver();
    receiver.answer = () => {
      throw new Error("connection refused");
    };
    await receiver.happen("e1");
    await receiver.drain();
    const log = () => team.must(200, "GET", `/hooks/${hook.id}/deliveries`);
    expect((await log()).items).toMatchObject([{ state: "waiting", attempts: 1, status: null }]);
    receiver.answer = () => new Response(null, { status: 204 });
    receiver.nowMs += 61_000;
    await receiver.drain();
    expect((await log()).items).toMatchObject([
      { state: "delivered", attempts: 2, status: 204, problem: null },
    ]);
  });

  it("follows no redirect", async () => {
    const hook = await make();
    const receiver = new Receiver();
    receiver.answer = () =>
      new Response(null, { status: 307, headers: { Location: "https://other.example" } });
    await receiver.happen("e1");
    await receiver.drain();
    expect(receiver.got).toHaveLength(1);
    const { items } = await team.must(200, "GET", `/hooks/${hook.id}/deliveries`);
    expect(items).toMatchObject([{ state: "waiting", problem: expect.stringContaining("redirect") }]);
  });

  it("is told of twenty things that happen together at once", async () => {
    await make();
    const receiver = new Receiver();
    for (let i = 0; i < 20; i++) await receiver.happen(`e${i}`);
    await receiver.drain();
    expect(receiver.got).toHaveLength(20);
  });

  it("that does not answer takes no turns from others", async () => {
    const dead = await make();
    const receiver = new Receiver();
    // Long before anything that other tests have left.
    receiver.nowMs = 1;
    receiver.answer = () => new Response("no", { status: 500 });
    for (let i = 0; i < 40; i++) await receiver.happen(`e${i}`);
    receiver.nowMs = 2;
    const alive = await make(["approval.refused"]);
    await receiver.happen("last", "approval.refused");
    await drainHooks(receiver.deps, null);
    const log = (hook: { id: string }) => team.must(200, "GET", `/hooks/${hook.id}/deliveries`);
    expect((await log(alive)).items).toMatchObject([{ id: "last", attempts: 1 }]);
    const tried = (await log(dead)).items.filter(({ attempts }: { attempts: number }) => attempts > 0);
    expect(tried).toHaveLength(4);
  });

  it("is told by the cron until nothing is due", async () => {
    const hook = await make();
    const receiver = new Receiver();
    for (let i = 0; i < 45; i++) await receiver.happen(`e${i}`);
    await drainAllHooks(receiver.deps);
    const { items } = await team.must(200, "GET", `/hooks/${hook.id}/deliveries`);
    expect(new Set(items.map(({ state }: { state: string }) => state))).toEqual(new Set(["delivered"]));
  });

  it("that is deleted hears nothing more", async () => {
    const hook = await make();
    const receiver = new Receiver();
    await receiver.happen("e1");
    await team.must(204, "DELETE", `/hooks/${hook.id}`);
    await receiver.drain();
    expect(receiver.got).toEqual([]);
    expect((await team.ask("GET", `/hooks/${hook.id}/deliveries`)).status).toBe(404);
  });

  it.each(["http://hooks.example/", "https://10.0.0.1/", "https://localhost/", origin, "hooks"])(
    "cannot be %s",
    async (bad) => {
      const refused = await team.ask("POST", "/hooks", { url: bad, events: ["approval.requested"] });
      expect(refused.status).toBe(422);
      expect((await team.must(200, "GET", "/hooks")).items).toEqual([]);
    },
  );

  it("tells its address to the log without what may be a token", async () => {
    await make();
    const { items } = await team.must(200, "GET", "/events");
    expect(items[0]).toMatchObject({ action: "hook.created", detail: { url: "https://hooks.example" } });
    expect(JSON.stringify(items)).not.toContain("key=k");
  });

  it("hears of a request within the gate's own second, and never its arguments", async () => {
    const hook = await make(["approval.requested", "approval.refused"]);
    await team.server("Tools", [seenTool("pay")]);
    const document = { version: "1", default: "deny", tools: { pay: { action: "approve" } } };
    await team.policy("tools", "Ask", document);
    const agent = new AgentCalls(team, await team.grant("tools", "ask"));
    const asked = await agent.call("tools", "pay", { iban: "DE00" });
    const id = asked.effect === "deny" ? asked.waitsFor?.id : undefined;
    await team.must(200, "POST", `/approvals/${id}/refuse`);
    await agent.ship();
    const { results } = await env.DB.prepare(
      "SELECT event, body FROM hook_delivery WHERE hook_id = ?1 ORDER BY event DESC",
    )
      .bind(hook.id)
      .all<{ event: string; body: string }>();
    expect(results.map(({ body }) => JSON.parse(body))).toMatchObject([
      { type: "approval.requested", data: { approval: { id, state: "pending" } } },
      { type: "approval.refused", data: { approval: { id, state: "refused" } } },
    ]);
    expect(JSON.stringify(results)).not.toContain("DE00");
  });
});

/** What stands before a hook, oldest first. */
async function told(hook: { id: string }) {
  const { results } = await env.DB.prepare(
    "SELECT body FROM hook_delivery WHERE hook_id = ?1 ORDER BY created_at, event_id",
  )
    .bind(hook.id)
    .all<{ body: string }>();
  return results.map(({ body }) => JSON.parse(body));
}

describe("a webhook hears of a grant that", () => {
  it("is refused again and again, once", async () => {
    const hook = await make(["grant.denied_burst"]);
    await team.server("Tools", [seenTool("pay")]);
    await team.policy("tools", "No", { version: "1", default: "deny" });
    const grant = await team.grant("tools", "no");
    const agent = new AgentCalls(team, grant);
    for (let i = 0; i < 45; i++) await agent.call("tools", "pay");
    await agent.ship();
    await expect
      .poll(() => told(hook))
      .toMatchObject([
        { type: "grant.denied_burst", data: { grant: { id: grant.id }, refusals: 20, within_seconds: 60 } },
      ]);
  });

  it("ends soon: a week before, and a day before, once each", async () => {
    const hook = await make(["grant.expiring"]);
    await team.server();
    await team.policy("tools", "Open");
    const dayMs = 86_400_000;
    const expires_at = new Date(Date.now() + 30 * dayMs).toISOString();
    const grant = await team.grant("tools", "open", { expires_at });
    const short = new Date(Date.now() + 3_600_000).toISOString();
    await team.grant("tools", "open", { expires_at: short });
    const revoked = await team.grant("tools", "open", { expires_at });
    await team.must(200, "DELETE", `/grants/${revoked.id}`);
    const daysLeft: number[] = [];
    for (let hours = 0; hours < 31 * 24; hours += 6) {
      const before = (await told(hook)).length;
      await env.DB.batch(enqueueForeseen(env.DB, Date.now() + hours * 3_600_000, origin));
      if ((await told(hook)).length > before) daysLeft.push(30 - hours / 24);
    }
    expect(daysLeft).toEqual([7, 1].map((days) => expect.closeTo(days, 0)));
    const data = { grant: { id: grant.id, label: "agent", expires_at: grant.expires_at } };
    expect(await told(hook)).toMatchObject([
      { type: "grant.expiring", data },
      { type: "grant.expiring", data },
    ]);
  });
});

describe("a webhook hears of a server that", () => {
  it("changed its tools, until somebody accepts them: each change once", async () => {
    const hook = await make(["server.definition_changed"]);
    const server = await team.server("Tools", [seenTool("pay"), seenTool("read")]);
    const changed = seenTool("pay", { hash: "b".repeat(64) });
    plane.upstreams.set(server.url, ready(changed, seenTool("read"), seenTool("wipe")));
    for (let i = 0; i < 2; i++) await team.must(200, "POST", "/servers/tools/refresh");
    expect(await told(hook)).toMatchObject([
      {
        type: "server.definition_changed",
        data: { server: { id: server.id, slug: "tools" }, changed: ["pay"], added: ["wipe"] },
      },
    ]);
  });

  it("refuses its credential, once for each time that it begins to", async () => {
    const hook = await make(["server.credential_failing"]);
    const server = await team.server();
    const detail = "The server answered 401: it wants a credential, or another one.";
    const look = async (found: Look) => {
      plane.upstreams.set(server.url, found);
      await team.must(200, "POST", "/servers/tools/refresh");
      await env.DB.batch(enqueueForeseen(env.DB, Date.now(), origin));
    };
    const refused = { state: "pending", why: "needs_sign_in", detail } as const;
    await look(refused);
    await look(refused);
    expect(await told(hook)).toMatchObject([
      { type: "server.credential_failing", data: { server: { id: server.id, slug: "tools" }, detail } },
    ]);
    await look(ready(seenTool("read_a")));
    await look({ ...refused, why: "unreachable" });
    expect(await told(hook)).toHaveLength(1);
    await look(ready(seenTool("read_a")));
    await look(refused);
    expect(await told(hook)).toHaveLength(2);
  });
});
