import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { callPlainly, clients, post, toolCall } from "./agent.ts";
import { startEverything, until } from "./harness.ts";
import { type Server, Team } from "./team.ts";

const policy = {
  version: "1",
  default: "deny",
  tools: {
    cmux_send: { action: "approve", reason: "Somebody must look." },
    cmux_send_submit: { action: "approve", approve: { hold: 20 } },
    cmux_watch: { action: "approve", approve: { hold: 20 } },
    cmux_session_save: { action: "approve", approve: { hold: 2 } },
  },
};

const inbox = z.object({ items: z.array(z.object({ id: z.string(), state: z.string() })) });

let cmux: Cmux;
let team: Team;
let server: Server;
let token: string;

beforeAll(async () => {
  cmux = await startCmux();
  team = await Team.signUp(inject("gateway").url);
  server = await team.register("cmux", cmux.url);
  await team.savePolicy(server, "asks", policy);
});
afterAll(() => cmux.stop());
beforeEach(async () => {
  token = (await team.grant(server, "asks")).token;
});

async function pending(): Promise<string[]> {
  const page = await team.rest.must(inbox, "GET", team.path("approvals?state=pending"));
  return page.items.map(({ id }) => id);
}

/** Waits until one request is in the inbox, and gives its id. */
async function asked(): Promise<string> {
  let ids: string[] = [];
  await until(async () => {
    ids = await pending();
    return ids.length > 0;
  });
  return ids[0] ?? "";
}

const say = (word: "approve" | "refuse", id: string, note?: string) =>
  team.rest.must(
    z.object({ state: z.string() }),
    "POST",
    team.path(`approvals/${id}/${word}`),
    note === undefined ? undefined : { note },
  );

const calls = (tool: string): number => cmux.seen().tools[tool] ?? 0;

describe.each(clients)("%s", (_name, connect) => {
  it("is refused with an address, and once approved the same call goes through once", async () => {
    const agent = await connect(server.gateway_url, token);
    const before = calls("cmux_send");
    const refused = await agent.call("cmux_send", { text: "x" });
    expect(refused.isError).toBe(true);
    expect(refused.text).toMatch(
      /^\[APPROVAL REQUIRED\] Somebody must look\. Ask for approval at \S+\/approvals\/apr_\S+, then make exactly the same call/,
    );
    expect(refused.decision).toMatchObject({ outcome: "approval_required", rule: "/tools/cmux_send/action" });
    const id = await asked();
    await say("approve", id);
    expect(await agent.call("cmux_send", { text: "y" })).toMatchObject({ isError: true });
    expect(await agent.call("cmux_send", { text: "x" })).toMatchObject({ isError: false });
    expect(await agent.call("cmux_send", { text: "x" })).toMatchObject({ isError: true });
    expect(calls("cmux_send")).toBe(before + 1);
    for (const open of await pending()) await say("refuse", open);
    await agent.close();
  });

  it("is held while a person decides, and then gets the answer", async () => {
    const agent = await connect(server.gateway_url, token);
    const before = calls("cmux_send_submit");
    const held = agent.call("cmux_send_submit", { text: "make" });
    const id = await asked();
    expect(calls("cmux_send_submit")).toBe(before);
    await say("approve", id);
    expect(await held).toMatchObject({ isError: false });
    expect(calls("cmux_send_submit")).toBe(before + 1);
    await agent.close();
  });

  it("sees the tool's progress through a stream that was held", async () => {
    const agent = await connect(server.gateway_url, token);
    let told = 0;
    const held = agent.call("cmux_watch", { ticks: 3, interval_ms: 200 }, () => {
      told += 1;
    });
    await say("approve", await asked());
    expect(await held).toMatchObject({ isError: false, text: "Watched for 3 ticks." });
    expect(told).toBeGreaterThanOrEqual(3);
    await agent.close();
  });

  it("that is held hears a refusal with its reason", async () => {
    const agent = await connect(server.gateway_url, token);
    const held = agent.call("cmux_send_submit", { text: "make" });
    await say("refuse", await asked(), "Not today.");
    const refused = await held;
    expect(refused).toMatchObject({ isError: true, decision: { outcome: "denied" } });
    expect(refused.text).toContain("Not today.");
    await agent.close();
  });

  it("that nobody answers in time gets the address, and may come back", async () => {
    const agent = await connect(server.gateway_url, token);
    const late = await agent.call("cmux_session_save", { name: "a" });
    expect(late).toMatchObject({ isError: true, decision: { outcome: "approval_required" } });
    await say("approve", await asked());
    expect(await agent.call("cmux_session_save", { name: "a" })).toMatchObject({ isError: false });
    await agent.close();
  });
});

describe("over plain HTTP", () => {
  it("the refusal names the approval, whose page says how to decide", async () => {
    const refused = await post(server.gateway_url, token, toolCall("cmux_send", { text: "x" }));
    const shape = z.object({
      result: z.object({
        _meta: z.object({
          "portcullis/decision": z.object({
            approval: z.object({ id: z.string(), url: z.url(), expires_at: z.iso.datetime() }),
          }),
        }),
      }),
    });
    const { approval } = shape.parse(await refused.json()).result._meta["portcullis/decision"];
    expect(new URL(approval.url).pathname).toBe(`/approvals/${approval.id}`);
    expect(Date.parse(approval.expires_at) - Date.now()).toBeGreaterThan(890_000);
    const page = await fetch(approval.url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain(`/approvals/${approval.id}/approve`);
    expect((await fetch(new URL("/approvals/apr_x", approval.url))).status).toBe(404);
    await say("refuse", approval.id);
  });

  it("a held stream shows that it lives, and tells progress to a client that asked", async () => {
    const message = toolCall("cmux_send_submit", { text: "make" });
    const params = { ...message.params, _meta: { progressToken: "p" } };
    const response = await post(server.gateway_url, token, { ...message, params });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const id = await asked();
    setTimeout(() => void say("approve", id), 6_500);
    const events = await response.text();
    expect(events.match(/^:$/gm)?.length).toBeGreaterThan(4);
    expect(events).toContain('"method":"notifications/progress","params":{"progressToken":"p"');
    expect(events).toContain("Ran: make");
  });

  it("a client that leaves has given the call up, whatever is decided then", async () => {
    const before = calls("cmux_send_submit");
    const leaving = new AbortController();
    const gone = fetch(server.gateway_url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(toolCall("cmux_send_submit", { text: "make" })),
      signal: leaving.signal,
    });
    const reading = (await gone).text().catch(() => "gone");
    const id = await asked();
    leaving.abort();
    expect(await reading).toBe("gone");
    await new Promise((done) => setTimeout(done, 4_000));
    await say("approve", id);
    await new Promise((done) => setTimeout(done, 3_000));
    expect(calls("cmux_send_submit")).toBe(before);
    const again = await callPlainly(server.gateway_url, token, "cmux_send_submit", { text: "make" });
    expect(again.isError).toBe(false);
    expect(calls("cmux_send_submit")).toBe(before + 1);
  });

  it("a client that takes no stream is not held", async () => {
    const response = await fetch(server.gateway_url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(toolCall("cmux_send_submit", { text: "now" })),
    });
    expect(response.headers.get("content-type")).toBe("application/json");
    await say("refuse", await asked());
  });
});

const name = { name: "portcullis-tests", version: "1.0.0" };
const capabilities = { elicitation: { form: {}, url: {} } };

describe("URL elicitation", () => {
  const authorized = () => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

  async function modern(onUrl: (url: string) => Promise<"accept" | "decline">): Promise<Client> {
    const client = new Client(name, { capabilities, versionNegotiation: { mode: { pin: "2026-07-28" } } });
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      if (params.mode !== "url") throw new Error("not a URL");
      return { action: await onUrl(params.url) };
    });
    await client.connect(new StreamableHTTPClientTransport(new URL(server.gateway_url), authorized()));
    return client;
  }

  it("sends a modern client's user to the page, and the call comes back by itself", async () => {
    const before = calls("cmux_send");
    const urls: string[] = [];
    const client = await modern(async (url) => {
      urls.push(url);
      await say("approve", url.split("/").at(-1) ?? "");
      return "accept";
    });
    const done = await client.callTool({ name: "cmux_send", arguments: { text: "hello" } });
    expect(done.isError ?? false).toBe(false);
    expect(urls).toEqual([expect.stringMatching(/\/approvals\/apr_/)]);
    expect(calls("cmux_send")).toBe(before + 1);
    expect(cmux.seen().body).not.toContain("requestState");
    await client.close();
  });

  it("tells a modern client that comes back too early how to go on, and asks its user no second time", async () => {
    let asks = 0;
    const client = await modern(async () => {
      asks += 1;
      return "accept";
    });
    const early = await client.callTool({ name: "cmux_send", arguments: { text: "early" } });
    expect(early).toMatchObject({
      isError: true,
      _meta: { "portcullis/decision": { outcome: "approval_required" } },
    });
    expect(asks).toBe(1);
    await say("refuse", await asked());
    await client.close();
  });

  const modernCall = (state: Record<string, unknown>, bearer: string) => {
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "cmux_send",
        arguments: { text: "state" },
        ...state,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": name,
          "io.modelcontextprotocol/clientCapabilities": capabilities,
        },
      },
    };
    return fetch(server.gateway_url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${bearer}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "cmux_send",
      },
      body: JSON.stringify(message),
    });
  };

  it("takes back only the state that this grant was given", async () => {
    const given = z.object({ result: z.object({ resultType: z.string(), requestState: z.string() }) });
    const { result } = given.parse(await (await modernCall({}, token)).json());
    expect(result.resultType).toBe("input_required");
    const { requestState } = result;
    const other = (await team.grant(server, "asks")).token;
    const error = z.object({ error: z.object({ code: z.number() }) });
    const flipped = requestState.slice(0, -1) + (requestState.endsWith("A") ? "B" : "A");
    for (const [state, bearer] of [
      [requestState, other],
      [flipped, token],
      ["portcullis.x", token],
    ] as const) {
      const refused = error.parse(await (await modernCall({ requestState: state }, bearer)).json());
      expect(refused.error.code).toBe(-32602);
    }
    const inputResponses = { approval: { action: "accept" } };
    const back = await modernCall({ requestState, inputResponses }, token);
    expect(await back.text()).toContain("[APPROVAL REQUIRED]");
    for (const open of await pending()) await say("refuse", open);
  });

  it("gives a client of the initialize era the error that names the page, until it is approved", async () => {
    const everything = await startEverything();
    const stateful = await team.register("everything", everything.url);
    await team.savePolicy(stateful, "asks", {
      version: "1",
      default: "deny",
      tools: { echo: { action: "approve", reason: "Look." } },
    });
    token = (await team.grant(stateful, "asks")).token;
    const client = new LegacyClient(name, { capabilities });
    const transport = new LegacyTransport(new URL(stateful.gateway_url), authorized());
    await client.connect(transport as Parameters<LegacyClient["connect"]>[0]);
    const call = () => client.callTool({ name: "echo", arguments: { message: "hi" } });
    const error = await call().catch((thrown: unknown) => thrown);
    const id = await asked();
    expect(error).toMatchObject({
      code: -32042,
      data: { elicitations: [{ mode: "url", elicitationId: id, message: expect.stringContaining("Look.") }] },
    });
    await say("approve", id);
    expect(JSON.stringify(await call())).toContain("hi");
    expect(await call().catch((thrown: unknown) => thrown)).toMatchObject({ code: -32042 });
    await client.close();
    await everything.stop();
  });
});

describe("a webhook", () => {
  it("hears of a call that waits, within seconds", async () => {
    const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
    const receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on("end", () => {
        heard.push({ headers: request.headers, body });
        response.end();
      });
    });
    await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const made = z.object({ id: z.string(), secret: z.string() });
    const hook = await team.rest.must(made, "POST", team.path("hooks"), {
      url,
      events: ["approval.requested"],
    });
    await callPlainly(server.gateway_url, token, "cmux_send", { text: "told" });
    const id = await asked();
    const told = () => heard.find(({ body }) => body.includes(id));
    await until(async () => told() !== undefined, 5_000);
    expect(JSON.parse(told()?.body ?? "")).toMatchObject({
      type: "approval.requested",
      data: { approval: { id, server: { slug: "cmux" }, targets: [{ name: "cmux_send" }] } },
    });
    expect(told()?.body).not.toContain('"told"');
    expect(told()?.headers["webhook-signature"]).toMatch(/^v1,/);
    const log = z.object({ items: z.array(z.object({ state: z.string(), status: z.number().nullable() })) });
    await until(async () => {
      const { items } = await team.rest.must(log, "GET", team.path(`hooks/${hook.id}/deliveries`));
      return items[0]?.state === "delivered";
    }, 5_000);
    await say("refuse", id);
    receiver.close();
  });
});
