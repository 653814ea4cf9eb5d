import { beforeAll, expect, test } from "vitest";
import { storeLook } from "../../src/gate/look_again.ts";
import type { GrantId, ServerId, TeamId } from "../../src/id.ts";
import { readJson } from "../../src/json/read.ts";
import { rateText } from "../../src/risk/rated.ts";
import { recommend } from "../../src/risk/recommend.ts";
import { tiers } from "../../src/risk/tier.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { definitionHash } from "../../src/upstream/definition.ts";
import type { SeenTool } from "../../src/upstream/enrol.ts";
import { ControlPlane, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Advised Inc");
});

/** A tool as a look finds it: rated and hashed by its definition. */
function looked(definition: { name: string } & object): SeenTool {
  const text = JSON.stringify(definition);
  const read = readJson(text);
  if (!read.ok || !(read.value instanceof Map)) throw new TypeError("a definition is an object");
  const { category, level, flags, evidence } = rateText(text).risk;
  const hash = definitionHash(read.value);
  return seenTool(definition.name, { hash, definition: text, category, level, flags, evidence });
}

const reads = { name: "get_page", inputSchema: { type: "object", properties: { url: { type: "string" } } } };
const writes = { name: "create_page", description: "Creates a page." };
const ends = { name: "delete_site" };

test("a server's recommendation is one document in each tier, with the reason of each part", async () => {
  const { slug, recommended_policy } = await team.server("Pages", [reads, writes, ends].map(looked));
  const rated = [writes, ends, reads].map((one) => rateText(JSON.stringify(one)));
  for (const tier of tiers) {
    const answer = await team.must(200, "GET", `/servers/${slug}/recommendation?tier=${tier}`);
    expect(answer).toEqual({ tier, ...recommend(rated, tier) });
  }
  const usual = await team.must(200, "GET", `/servers/${slug}/recommendation`);
  expect([usual.tier, usual.document]).toEqual(["recommended", recommended_policy]);
  expect(usual.document.hide).toEqual(["delete_site"]);
  expect(usual.tools[1]).toEqual({
    tool: "delete_site",
    effect: "hide",
    rule: null,
    why: [{ pointer: "/hide/0", because: "Destructive/critical (delete in its name): agents never see it." }],
  });
  const saved = await team.must(201, "POST", `/servers/${slug}/policies`, {
    name: "Recommended",
    document: usual.document,
  });
  expect(saved.revision).toBe(1);
});

test("whoever may look at a server may read it, and nobody else", async () => {
  const { slug } = await team.server("Ours", [looked(reads)]);
  await team.as(await team.member("viewer")).must(200, "GET", `/servers/${slug}/recommendation`);
  const stranger = await TeamSetting.on(plane, "Strangers");
  expect((await stranger.ask("GET", `/servers/${slug}/recommendation`)).status).toBe(404);
  const wrong = await team.ask("GET", `/servers/${slug}/recommendation?tier=lax`);
  expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, "/tier"]);
});

test("a definition that changes is classed again, for people, policies and gates", async () => {
  const before = { name: "fetch_notes", inputSchema: { type: "object", properties: {} } };
  const after = { ...before, inputSchema: { type: "object", properties: { command: { type: "string" } } } };
  const server = await team.server("Changing", [looked(before)]);
  const grant = await team.grant(server.slug, null);
  const shown = async () => {
    const { items } = await team.must(200, "GET", `/servers/${server.slug}/tools`);
    const { document } = await team.must(200, "GET", `/servers/${server.slug}/recommendation`);
    const snapshot = await loadSnapshot(plane.deps.db, grant.id as GrantId);
    const { category, level, roles } = items[0].risk;
    const pin = snapshot?.routes[0]?.pins[0];
    return {
      risk: { category, level, roles },
      rule: document.tools.fetch_notes,
      pin: pin && [pin.category, pin.level],
    };
  };
  expect(await shown()).toEqual({
    risk: { category: "Read", level: "medium", roles: {} },
    rule: {},
    pin: ["Read", "medium"],
  });
  await storeLook(
    { db: plane.deps.db, gate: plane.deps.gate, random: plane.deps.random },
    { team: team.person.team.id as TeamId, server: server.id as ServerId, url: server.url },
    ready(looked(after)),
    Date.now(),
  );
  await team.must(200, "POST", `/servers/${server.slug}/tools/fetch_notes/accept`);
  expect(await shown()).toEqual({
    risk: { category: "Execute", level: "critical", roles: { command: "shell" } },
    rule: { limits: [{ counter: "fetch_notes_rate", window: "minute", max: 10, scope: "grant" }] },
    pin: ["Execute", "critical"],
  });
});
