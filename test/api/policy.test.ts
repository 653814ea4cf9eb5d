import { beforeAll, describe, expect, it } from "vitest";
import type { GrantId } from "../../src/id.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { ControlPlane, seenTool } from "./control_plane.ts";
import { closedPolicy, openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
const at = "/servers/tools/policies";
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Policies Inc");
  await team.server(
    "Tools",
    ["a", "b", "c", "d"].map((name) => seenTool(name)),
  );
});

describe("a policy", () => {
  it("comes back as it was written, numbers and all, beside what it means", async () => {
    const document =
      '{"version":"1","default":"deny","tools":{"a":{"deny_if":[{"conditions":[{"path":"args.n","op":"gt","value":1.50}]}]},"b":{"action":"deny","reason":"No."}}}';
    const text = `{ "document": ${document}, "name": "As written" }`;
    const made = await plane.ask("POST", `/v1/teams/${team.person.team.slug}${at}`, {
      token: team.person.token,
      text,
    });
    expect(made.body).toMatchObject({ slug: "as-written", name: "As written", revision: 1 });
    const read = await team.ask("GET", `${at}/as-written`);
    expect(read.headers.get("ETag")).toBe('"1"');
    expect(read.text).toContain(`"document":${document}`);
    expect(read.body.normalised).toMatchObject({ version: "1", default: "deny" });
  });

  it("with mistakes is not saved, and all of them come back with their places", async () => {
    const document = { version: "1", default: "maybe", tools: { a: { limit: [] }, b: { action: "nope" } } };
    const refused = await team.ask("POST", at, { name: "Wrong", document });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid"]);
    const pointers = refused.body.errors.map((error: { pointer: string }) => error.pointer);
    expect(pointers.toSorted()).toEqual([
      "/document/default",
      "/document/tools/a/limit",
      "/document/tools/b/action",
    ]);
    expect((await team.ask("GET", `${at}/wrong`)).status).toBe(404);
  });

  it("is saved without a warning where the gate carries out its duties: limits, approvals, a record of values", async () => {
    const document = {
      version: "1",
      default: "deny",
      tools: {
        a: { limits: [{ counter: "x", window: "minute", max: 1, scope: "team" }] },
        b: { action: "approve" },
        c: { limits: [{ counter: "y", window: "month", max: 1 }] },
        d: { record: "values" },
      },
    };
    const saved = await team.must(201, "POST", at, { name: "Beyond", document });
    expect(saved.warnings).toEqual([]);
  });

  it("is refused without a document, and with a duplicate key in it", async () => {
    const without = await team.ask("POST", at, { name: "None" });
    expect([without.status, without.body.errors[0].pointer]).toEqual([422, "/document"]);
    const twice = await plane.ask("POST", `/v1/teams/${team.person.team.slug}${at}`, {
      token: team.person.token,
      text: '{"name":"x","document":{"version":"1","default":"deny","default":"allow"}}',
    });
    expect([twice.status, twice.body.code]).toEqual([400, "bad_json"]);
  });

  it("keeps every revision: who, why, what changed, and the way back", async () => {
    await team.policy("tools", "History", closedPolicy);
    const saved = await team.must(200, "PUT", `${at}/history`, { document: openPolicy, note: "open up" });
    expect(saved).toEqual({
      revision: 2,
      in_force: { acknowledged: 0, pending: 0 },
      warnings: expect.any(Array),
    });
    const list = await team.must(200, "GET", `${at}/history/revisions`);
    expect(list.items).toMatchObject([
      { revision: 2, note: "open up", author: team.person.id },
      { revision: 1, note: null },
    ]);
    const first = await team.must(200, "GET", `${at}/history/revisions/1?against=2`);
    expect(first.document).toEqual(closedPolicy);
    expect(first.diff).toEqual([{ pointer: "/default", before: "allow", after: "deny" }]);
    const back = await team.must(200, "POST", `${at}/history/rollback`, { revision: 1 });
    expect(back.revision).toBe(3);
    expect((await team.must(200, "GET", `${at}/history`)).document).toEqual(closedPolicy);
  });

  it("is saved only on top of the revision that If-Match names", async () => {
    await team.policy("tools", "Raced");
    const put = (match: string) =>
      team.ask("PUT", `${at}/raced`, { document: closedPolicy }, { "If-Match": match });
    expect((await put('"1"')).status).toBe(200);
    const late = await put('"1"');
    expect([late.status, late.body.code]).toEqual([412, "stale"]);
    expect((await put("junk")).status).toBe(412);
    expect((await put("*")).body.revision).toBe(3);
  });

  it("is removed only at the revision that If-Match names, also where somebody saves at that moment", async () => {
    for (let times = 0; times < 4; times++) {
      const path = `${at}/removed-${times}`;
      await team.policy("tools", `Removed ${times}`);
      const remove = (match: string) => team.ask("DELETE", path, undefined, { "If-Match": match });
      expect((await remove('"2"')).status).toBe(412);
      const put = team.ask("PUT", path, { document: closedPolicy }, { "If-Match": '"1"' });
      const [saved, removed] = await Promise.all([put, remove('"1"')]);
      expect([
        [200, 412],
        [404, 200],
      ]).toContainEqual([saved.status, removed.status]);
    }
  });

  it("takes every one of many saves at once, each as a revision of its own", async () => {
    await team.policy("tools", "Crowded");
    const saves = await Promise.all(
      Array.from({ length: 4 }, () => team.ask("PUT", `${at}/crowded`, { document: closedPolicy })),
    );
    expect(saves.map((save) => save.status)).toEqual([200, 200, 200, 200]);
    expect(saves.map((save) => save.body.revision).toSorted()).toEqual([2, 3, 4, 5]);
  });

  it("goes by id, slug or name, and no name can stand for another policy", async () => {
    const first = await team.policy("tools", "Café_1");
    for (const called of [first.id, "cafe-1", "cafe", encodeURIComponent("Café_1")]) {
      const found = await team.ask("GET", `${at}/${called}`);
      expect([called, found.status]).toEqual([called, called === "cafe" ? 404 : 200]);
    }
    await team.policy("tools", "政策");
    expect((await team.ask("POST", at, { name: "政策", document: openPolicy })).status).toBe(409);
    const impostor = await team.policy("tools", first.id);
    expect((await team.must(200, "GET", `${at}/${first.id}`)).id).toBe(first.id);
    expect((await team.must(200, "GET", `${at}/${impostor.id}`)).name).toBe(first.id);
  });

  it("is removed only once no grant has it attached", async () => {
    await team.policy("tools", "Attached");
    const grant = await team.grant("tools", "attached");
    const refused = await team.ask("DELETE", `${at}/attached`);
    expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
    await team.must(200, "PATCH", `/grants/${grant.id}`, { servers: [{ server: "tools", policy: null }] });
    await team.must(200, "DELETE", `${at}/attached`);
    expect((await team.ask("GET", `${at}/attached`)).status).toBe(404);
  });
});

describe("checking a document", () => {
  const validate = (document: unknown) =>
    plane.ask("POST", "/v1/policies/validate", { token: team.person.token, body: { document } });

  it("says what it means, or every mistake, and saves nothing", async () => {
    const good = await validate({
      version: "1",
      default: "deny",
      tools: { a: { rate_limit: { max: 10, window: 60 } } },
    });
    expect(good.body).toMatchObject({ ok: true, errors: [] });
    expect(good.body.normalised.tools.a.limits).toMatchObject([{ counter: "a_rate", window: 60, max: 10 }]);
    const bad = await validate({ version: "2" });
    expect(bad.body.ok).toBe(false);
    expect(bad.body.errors.map((error: { pointer: string }) => error.pointer).toSorted()).toEqual([
      "/default",
      "/version",
    ]);
    expect((await validate("text")).body.ok).toBe(false);
  });
});

describe("the team policy", () => {
  it("is absent at first, then revised, and reaches every gate of the team", async () => {
    expect((await team.ask("GET", "/policy")).status).toBe(404);
    const grant = await team.grant("tools", null);
    const first = await team.must(200, "PUT", "/policy", { document: openPolicy });
    expect(first.revision).toBe(1);
    expect(first.in_force).toMatchObject({ pending: 0 });
    const second = await team.must(200, "PUT", "/policy", { document: closedPolicy });
    expect(second.revision).toBe(2);
    expect((await team.must(200, "GET", "/policy")).document).toEqual(closedPolicy);
    const snapshot = await loadSnapshot(plane.deps.db, grant.id as GrantId);
    expect(snapshot?.team.policy).toMatchObject({ revision: 2, text: JSON.stringify(closedPolicy) });
  });
});

describe("a policy that meets its server's tools", () => {
  const pay = seenTool("pay", {
    category: "Financial",
    definition: JSON.stringify({
      inputSchema: {
        type: "object",
        properties: { amount: { type: "number", maximum: 1000 }, note: { type: "string" } },
        required: ["amount"],
        additionalProperties: false,
      },
      name: "pay",
    }),
  });
  const above = (path: string, value: unknown) => ({ conditions: [{ path, op: "gt", value }] });
  const document = {
    version: "1",
    default: "deny",
    tools: {
      pay: { deny_if: [above("args.amount", 1000), above("args.amuont", 5), above("args.amount", 10)] },
      payy: {},
    },
  };
  const told = [
    {
      pointer: "/tools/pay/deny_if/0/conditions/0",
      message: "no value that pay takes at args.amount makes args.amount gt 1000 hold",
    },
    {
      pointer: "/tools/pay/deny_if/1/conditions/0",
      message: "pay takes no args.amuont, so this can never hold",
    },
    { pointer: "/tools/payy", message: 'the server has no such tool: did you mean "pay"?' },
  ];
  let shop: TeamSetting;
  beforeAll(async () => {
    shop = await TeamSetting.on(plane, "Shop");
    await shop.server("Shop", [pay]);
    await shop.server("Mail", [seenTool("send")]);
  });

  it("is saved with each rule named that can never match", async () => {
    const policies = "/servers/shop/policies";
    const made = await shop.must(201, "POST", policies, { name: "Misfit", document });
    expect(made.warnings).toEqual(told);
    const saved = await shop.must(200, "PUT", `${policies}/misfit`, { document });
    expect(saved.warnings).toEqual(told);
    const back = await shop.must(200, "POST", `${policies}/misfit/rollback`, { revision: 1 });
    expect(back.warnings).toEqual(told);
  });

  it("is compared with the tools of every server where it is the team's", async () => {
    const team = { ...document, tools: { ...document.tools, send: {}, "mail/sned": {} } };
    const unused = (pointer: string, near: string) => ({
      pointer,
      message: `no server of the team has such a tool${near}`,
    });
    const expected = [
      ...told.slice(0, 2),
      unused("/tools/payy", ': did you mean "pay"?'),
      unused("/tools/mail~1sned", ""),
    ];
    for (let save = 0; save < 2; save++) {
      expect((await shop.must(200, "PUT", "/policy", { document: team })).warnings).toEqual(expected);
    }
  });

  it("is not compared with anything before its server's tools were seen", async () => {
    plane.upstreams.set("https://away.example/mcp", {
      state: "pending",
      why: "unreachable",
      detail: "No answer.",
    });
    const url = "https://away.example/mcp";
    await shop.must(201, "POST", "/servers", { name: "Away", url, auth: { type: "none" } });
    const made = await shop.must(201, "POST", "/servers/away/policies", { name: "Early", document });
    expect(made.warnings).toEqual([]);
  });
});
