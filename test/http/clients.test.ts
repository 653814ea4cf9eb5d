import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { callPlainly, clients, post, toolCall } from "./agent.ts";
import { until } from "./harness.ts";
import { type Server, Team } from "./team.ts";

const perMinute = (counter: string, max: number) => ({
  limits: [{ counter, window: "minute", max, scope: "grant" }],
});
const policy = {
  version: "1",
  default: "deny",
  hide: ["cmux_session_*"],
  tools: {
    cmux_send: perMinute("send_rate", 10),
    cmux_send_submit: {
      deny_if: [
        { conditions: [{ path: "args.text", op: "contains", value: "rm " }], on_deny: "No deleting." },
      ],
    },
    cmux_workspace_snapshot: {},
    cmux_watch: {},
    cmux_close_all: { action: "deny", reason: "Too dangerous." },
  },
};

let cmux: Cmux;
let team: Team;
let server: Server;

beforeAll(async () => {
  cmux = await startCmux();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("cmux", cmux.url);
  await team.savePolicy(server, "careful", policy);
});
afterAll(() => cmux.stop());

const surfaces: readonly (readonly [string, (server: Server) => string])[] = [
  ["/mcp", (at) => at.gateway_url],
  ["/key", (at) => at.key_url],
];

describe.each(clients)("%s", (_name, connect) => {
  it.each(surfaces)("lists and calls tools through %s", async (_surface, url) => {
    const agent = await connect(url(server), (await team.grant(server, "careful")).token);
    expect((await agent.tools()).toSorted()).toEqual([
      "cmux_send",
      "cmux_send_submit",
      "cmux_watch",
      "cmux_workspace_snapshot",
    ]);
    expect(await agent.call("cmux_workspace_snapshot", {})).toMatchObject({ isError: false });
    await agent.close();
  });

  it("may send ten times a minute and reads when to try the eleventh again", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    const before = cmux.seen().tools["cmux_send"] ?? 0;
    for (let i = 0; i < 10; i++) {
      expect(await agent.call("cmux_send", { text: "x" })).toMatchObject({ isError: false });
    }
    const refused = await agent.call("cmux_send", { text: "x" });
    expect(refused.isError).toBe(true);
    expect(refused.text).toMatch(/^\[RATE LIMITED\] 10 per minute reached for cmux_send\. Retry in \d+ s\.$/);
    expect(refused.decision).toMatchObject({
      outcome: "limited",
      rule: "/tools/cmux_send/limits/send_rate-per-minute",
    });
    expect(refused.decision?.retry_after_ms).toBeGreaterThan(0);
    expect(refused.decision?.retry_after_ms).toBeLessThanOrEqual(60_600);
    expect(cmux.seen().tools["cmux_send"]).toBe(before + 10);
    await agent.close();
  });

  it("gets a refusal that it can act on, and the call never arrives", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    const before = cmux.seen().tools["cmux_send_submit"] ?? 0;
    const refused = await agent.call("cmux_send_submit", { text: "rm -rf ." });
    expect(refused).toMatchObject({
      isError: true,
      text: "[POLICY DENIED] No deleting.",
      decision: { outcome: "denied", rule: "/tools/cmux_send_submit/deny_if/args.text-contains" },
    });
    expect(await agent.call("cmux_close_all", {})).toMatchObject({
      text: "[POLICY DENIED] Too dangerous.",
      decision: { rule: "/tools/cmux_close_all/action" },
    });
    expect(cmux.seen().tools["cmux_send_submit"] ?? 0).toBe(before);
    expect(cmux.seen().tools["cmux_close_all"]).toBeUndefined();
    await agent.close();
  });

  it("may not call what the policy does not list", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    expect(await agent.call("cmux_batch", { steps: [] })).toMatchObject({
      isError: true,
      decision: { outcome: "denied", rule: "(default deny)" },
    });
    expect(cmux.seen().tools["cmux_batch"]).toBeUndefined();
    await agent.close();
  });

  it("meets a hidden tool as an unknown one", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    const hidden = await agent.call("cmux_session_save", { name: "a" }).catch((error: unknown) => error);
    const unknown = await agent.call("cmux_no_such_tool", {}).catch((error: unknown) => error);
    expect(hidden).toMatchObject({ code: -32602 });
    expect(unknown).toMatchObject({ code: -32602 });
    expect(String(hidden).replace("cmux_session_save", "X")).toBe(
      String(unknown).replace("cmux_no_such_tool", "X"),
    );
    await agent.close();
  });

  it("sees a slow tool's progress while it still runs", async () => {
    const agent = await connect(server.gateway_url, (await team.grant(server, "careful")).token);
    const began = Date.now();
    const arrivals: number[] = [];
    const done = await agent.call("cmux_watch", { ticks: 4, interval_ms: 300 }, () => {
      arrivals.push(Date.now() - began);
    });
    const ended = Date.now() - began;
    expect(done).toMatchObject({ isError: false, text: "Watched for 4 ticks." });
    expect(arrivals).toHaveLength(4);
    expect(ended - (arrivals[0] ?? ended)).toBeGreaterThan(600);
    await agent.close();
  });
});

describe("a grant", () => {
  it("has a count of its own", async () => {
    const [first, second] = [await team.grant(server, "careful"), await team.grant(server, "careful")];
    for (let i = 0; i < 10; i++)
      await callPlainly(server.gateway_url, first.token, "cmux_send", { text: "x" });
    const over = await callPlainly(server.gateway_url, first.token, "cmux_send", { text: "x" });
    expect(over.decision?.outcome).toBe("limited");
    const other = await callPlainly(server.gateway_url, second.token, "cmux_send", { text: "x" });
    expect(other.isError).toBe(false);
  });

  it("is never over its limit, however many calls come at once", async () => {
    const { token } = await team.grant(server, "careful");
    const before = cmux.seen().tools["cmux_send"] ?? 0;
    const calls = Array.from({ length: 30 }, () =>
      callPlainly(server.gateway_url, token, "cmux_send", { text: "x" }),
    );
    const outcomes = (await Promise.all(calls)).map((call) => call.decision?.outcome ?? "allowed");
    expect(outcomes.toSorted()).toEqual([...Array(10).fill("allowed"), ...Array(20).fill("limited")]);
    expect(cmux.seen().tools["cmux_send"]).toBe(before + 10);
  });

  it("that is revoked is refused at the very next call", async () => {
    const grant = await team.grant(server, "careful");
    expect((await callPlainly(server.gateway_url, grant.token, "cmux_workspace_snapshot")).isError).toBe(
      false,
    );
    await team.revoke(grant);
    const refused = await post(server.gateway_url, grant.token, toolCall("cmux_workspace_snapshot"));
    expect(refused.status).toBe(401);
  });

  it("without a policy may do nothing", async () => {
    const { token } = await team.grant(server, null);
    const refused = await callPlainly(server.gateway_url, token, "cmux_workspace_snapshot");
    expect(refused.decision).toMatchObject({ outcome: "denied", rule: "(no policy)" });
  });
});

describe("an edited policy", () => {
  it("is in force at the very next call", async () => {
    const open = { version: "1", default: "deny", tools: { cmux_workspace_snapshot: {} } };
    const shut = { version: "1", default: "deny", tools: {} };
    await team.savePolicy(server, "edited", open);
    const { token } = await team.grant(server, "edited");
    for (let round = 0; round < 3; round++) {
      expect((await callPlainly(server.gateway_url, token, "cmux_workspace_snapshot")).isError).toBe(false);
      expect((await team.editPolicy(server, "edited", shut)).in_force.pending).toBe(0);
      expect((await callPlainly(server.gateway_url, token, "cmux_workspace_snapshot")).isError).toBe(true);
      await team.editPolicy(server, "edited", open);
    }
  });
});

describe("over plain HTTP", () => {
  it("a refusal for a limit carries Retry-After and the RateLimit headers", async () => {
    const { token } = await team.grant(server, "careful");
    const first = await callPlainly(server.gateway_url, token, "cmux_send", { text: "x" });
    expect(first.headers.get("ratelimit")).toMatch(/^"send_rate";r=9;t=\d+$/);
    for (let i = 0; i < 9; i++) await callPlainly(server.gateway_url, token, "cmux_send", { text: "x" });
    const refused = await callPlainly(server.gateway_url, token, "cmux_send", { text: "x" });
    expect(refused.headers.get("ratelimit-policy")).toBe('"send_rate";q=10;w=60');
    expect(refused.headers.get("ratelimit")).toMatch(/^"send_rate";r=0;t=\d+$/);
    const retry = Number(refused.headers.get("retry-after"));
    expect(retry).toBe(Math.ceil((refused.decision?.retry_after_ms ?? 0) / 1000));
    expect(refused.headers.get("portcullis-decision")).toBe(refused.decision?.id);
  });

  it.each(surfaces)("%s answers 401 without a token and with a bad one", async (_surface, url) => {
    const { token } = await team.grant(server, "careful");
    const [header, body, signature] = token.split(".");
    const forged = `${header}.${body}.${signature?.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`;
    for (const bad of [null, "nonsense", forged]) {
      const refused = await post(url(server), bad, toolCall("cmux_workspace_snapshot"));
      expect(refused.status).toBe(401);
      expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  it("another team's server and one that never was are the same 404", async () => {
    const { token } = await team.grant(server, "careful");
    const stranger = await Team.signUp(inject("gateway").url);
    const theirs = await stranger.register("cmux", cmux.url);
    const never = `${inject("gateway").url}/mcp/${team.slug}/never`;
    const answers = await Promise.all(
      [theirs.gateway_url, never].map((url) => post(url, token, toolCall("cmux_send", { text: "x" }))),
    );
    expect(answers.map((answer) => answer.status)).toEqual([404, 404]);
  });

  it("the server behind never saw a client's token", () => {
    expect(cmux.seen().requests).toBeGreaterThan(0);
    expect(cmux.seen().credentials).toEqual([]);
  });
});

const log = z.object({ items: z.array(z.object({ id: z.string() })) });

describe("the team's log", () => {
  it("shows a decision within two seconds of its answer", async () => {
    const grant = await team.grant(server, "careful");
    const allowed = await callPlainly(server.gateway_url, grant.token, "cmux_workspace_snapshot");
    const denied = await callPlainly(server.gateway_url, grant.token, "cmux_batch", { steps: [] });
    const wanted = [denied, allowed].map((call) => call.headers.get("portcullis-decision"));
    let shown: string[] = [];
    await until(async () => {
      const page = await team.rest.must(log, "GET", team.path(`log?grant=${grant.id}`));
      shown = page.items.map((item) => item.id);
      return shown.length === 2;
    }, 2_000);
    expect(shown).toEqual(wanted);
  });
});
