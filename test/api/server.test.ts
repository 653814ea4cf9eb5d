import { beforeAll, describe, expect, it } from "vitest";
import { fault } from "../../src/fault.ts";
import type { GrantId } from "../../src/id.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { ControlPlane, origin, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Servers Inc");
});

const url = () => `https://${crypto.randomUUID()}.example/mcp`;
const pinsOf = async (grant: string) =>
  (await loadSnapshot(plane.deps.db, grant as GrantId))?.routes[0]?.pins.map((pin) => pin.name);

describe("registering a server", () => {
  it("pins the tools that the first look finds, and gives the gateway URLs", async () => {
    const address = url();
    plane.upstreams.set(address, ready(seenTool("read_a"), seenTool("drop_b", { category: "Destructive" })));
    const body = { name: "My Tools!", url: address, auth: { type: "none" } };
    const made = await team.must(201, "POST", "/servers", body);
    expect(made).toMatchObject({
      slug: "my-tools",
      state: "ok",
      why: null,
      auth: { type: "none" },
      gateway_url: `${origin}/mcp/${team.person.team.slug}/my-tools`,
      key_url: `${origin}/key/${team.person.team.slug}/my-tools`,
    });
    expect(made.tools.map((tool: { name: string; state: string }) => [tool.name, tool.state])).toEqual([
      ["drop_b", "accepted"],
      ["read_a", "accepted"],
    ]);
    expect(made.recommended_policy).toMatchObject({ version: "1", default: "deny" });
    const listed = await team.must(200, "GET", "/servers/my-tools/tools");
    expect(listed).toEqual({ items: made.tools, next_cursor: null });
  });

  it("saves one that cannot be reached as pending, with the reason", async () => {
    const address = url();
    plane.upstreams.set(address, { state: "pending", why: "unreachable", detail: "refused" });
    const made = await team.must(201, "POST", "/servers", { name: "Away", url: address });
    expect(made).toMatchObject({ state: "pending", why: "unreachable", detail: "refused", tools: [] });
    plane.upstreams.set(address, ready(seenTool("read_a")));
    const looked = await team.must(200, "POST", "/servers/away/refresh");
    expect(looked).toMatchObject({ state: "ok", why: null, detail: null });
    expect(looked.tools[0]).toMatchObject({ name: "read_a", state: "accepted" });
  });

  it("saves nothing of one whose address the guard refuses", async () => {
    plane.upstreams.set("https://10.0.0.1/", fault("invalid", "This address is not allowed."));
    const refused = await team.ask("POST", "/servers", { name: "Inside", url: "https://10.0.0.1/" });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid"]);
    expect((await team.ask("GET", "/servers/inside")).status).toBe(404);
  });

  it("refuses a second one of the same name in the team, not in another", async () => {
    await team.server("Twice");
    const address = url();
    plane.upstreams.set(address, ready());
    const again = await team.ask("POST", "/servers", { name: "Twice", url: address });
    expect([again.status, again.body.errors[0].pointer]).toEqual([409, "/name"]);
    await (await TeamSetting.on(plane, "Others")).server("Twice");
  });

  it.each([
    [{ type: "basic" }, "/auth/type", "none, headers or oauth"],
    [{ type: "oauth", per: "grant" }, "/auth/per", "team"],
    [{ type: "oauth", scope: 'a "b"' }, "/auth/scope", "one space between"],
    [{ type: "oauth", client_secret: "x" }, "/auth/client_id", "the secret of"],
    [{ type: "headers", headers: {} }, "/auth/headers", "at least one"],
    [{ type: "headers", headers: { Host: "x" } }, "/auth/headers/Host", "not a credential's"],
    [
      { type: "headers", headers: { "Mcp-Session-Id": "x" } },
      "/auth/headers/Mcp-Session-Id",
      "not a credential's",
    ],
    [{ type: "headers", headers: { "X-A": "a\r\nb" } }, "/auth/headers/X-A", "printable"],
  ])("refuses the credential %j", async (auth, pointer, message) => {
    const refused = await team.ask("POST", "/servers", { name: "Refused", url: url(), auth });
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual([{ pointer, message: expect.stringContaining(message) }]);
  });
});

describe("a credential", () => {
  const secret = "Bearer s3cr3t-value";
  const auth = { type: "headers", headers: { Authorization: secret } };

  it("goes to its server's look and comes back in no answer", async () => {
    const address = url();
    plane.upstreams.set(address, ready(seenTool("read_a")));
    const made = await team.ask("POST", "/servers", { name: "Secret", url: address, auth });
    expect([made.status, made.body.auth]).toEqual([201, { type: "headers" }]);
    expect(plane.looks.at(-1)).toEqual({ url: address, headers: { Authorization: secret } });
    const again = await team.ask("POST", "/servers/secret/refresh");
    expect(plane.looks.at(-1)).toEqual({ url: address, headers: { Authorization: secret } });
    const answers = [
      made,
      again,
      await team.ask("GET", "/servers"),
      await team.ask("GET", "/servers/secret"),
    ];
    expect(answers.filter((answer) => answer.text.includes("s3cr3t"))).toEqual([]);
  });

  it("does not follow its server to another origin", async () => {
    const address = url();
    plane.upstreams.set(address, ready(seenTool("read_a")));
    await team.must(201, "POST", "/servers", { name: "Moving", url: address, auth });
    const elsewhere = url();
    plane.upstreams.set(elsewhere, ready(seenTool("read_a")));
    const looks = plane.looks.length;
    const refused = await team.ask("PATCH", "/servers/moving", { url: elsewhere });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "/auth"]);
    expect(plane.looks.length).toBe(looks);
    await team.must(200, "PATCH", "/servers/moving", { url: elsewhere, auth });
  });
});

describe("a tool's definition", () => {
  it("is held back once it changes, until an admin accepts what they saw", async () => {
    const server = await team.server("Drift", [seenTool("read_a"), seenTool("read_b")]);
    const { id: grant } = await team.grant(server.slug, null);
    expect(await pinsOf(grant)).toEqual(["read_a", "read_b"]);
    const changed = seenTool("read_a", {
      hash: "b".repeat(64),
      definition: JSON.stringify({ inputSchema: { type: "object", required: ["x"] }, name: "read_a" }),
    });
    plane.upstreams.set(server.url, ready(changed, seenTool("read_c")));
    const looked = await team.must(200, "POST", "/servers/drift/refresh");
    expect(looked.tools.map((tool: { name: string; state: string }) => [tool.name, tool.state])).toEqual([
      ["read_a", "changed"],
      ["read_b", "gone"],
      ["read_c", "new"],
    ]);
    expect(await pinsOf(grant)).toEqual([]);
    const other = await team.ask("POST", "/servers/drift/tools/read_a/accept", { hash: "c".repeat(64) });
    expect([other.status, other.body.code]).toEqual([412, "stale"]);
    const accepted = await team.must(200, "POST", "/servers/drift/tools/read_a/accept", {
      hash: "b".repeat(64),
    });
    expect(accepted.tool.state).toBe("accepted");
    expect(accepted.diff).toEqual([{ pointer: "/inputSchema/required", after: ["x"] }]);
    expect(await pinsOf(grant)).toEqual(["read_a"]);
    await team.must(200, "POST", "/servers/drift/tools/read_c/accept");
    expect(await pinsOf(grant)).toEqual(["read_a", "read_c"]);
  });
});

describe("a server's address", () => {
  it("that changes is looked at afresh: what was accepted before does not count", async () => {
    const server = await team.server("Moved", [seenTool("read_a"), seenTool("read_b")]);
    const elsewhere = url();
    plane.upstreams.set(elsewhere, ready(seenTool("read_c")));
    const moved = await team.must(200, "PATCH", `/servers/${server.id}`, {
      url: elsewhere,
      name: "Moved on",
    });
    expect([moved.name, moved.slug, moved.url]).toEqual(["Moved on", "moved", elsewhere]);
    expect(moved.tools.map((tool: { name: string }) => tool.name)).toEqual(["read_c"]);
  });
});

describe("removing a server", () => {
  it("takes its policies along and takes it from the grants", async () => {
    const server = await team.server("Leaving");
    await team.policy(server.slug, "p");
    const grant = await team.grant(server.slug, "p");
    const gone = await team.must(200, "DELETE", "/servers/leaving");
    expect(gone).toEqual({ in_force: { acknowledged: 1, pending: 0 } });
    expect((await team.ask("GET", "/servers/leaving")).status).toBe(404);
    expect((await team.must(200, "GET", `/grants/${grant.id}`)).servers).toEqual([]);
    expect((await loadSnapshot(plane.deps.db, grant.id))?.routes).toEqual([]);
  });
});
