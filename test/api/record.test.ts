import { env, runDurableObjectAlarm } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { ExportCheck, type Jwks, type Report } from "../../scripts/record/check.ts";
import { keptBytesMax } from "../../src/gate/values.ts";
import { publicKeys } from "../../src/identity/keys.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, type Person, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let agent: AgentCalls;
let viewer: TeamSetting;
let auditor: TeamSetting;

const policy = {
  version: "1",
  default: "deny",
  tools: {
    pay: { record: "values", redact: ["args.card.number", "args.notes[*].secret"] },
    read_a: {},
    "=cmd": {},
  },
};

async function member(auditing: 0 | 1): Promise<TeamSetting> {
  const person: Person = await plane.signUp("Elsewhere");
  await env.DB.prepare(
    "INSERT INTO member (team_id, user_id, role, auditor, created_at) VALUES (?1, ?2, 'viewer', ?3, 0)",
  )
    .bind(team.person.team.id, person.id, auditing)
    .run();
  return team.as(person);
}

const sealLog = () => runDurableObjectAlarm(env.LOGS.get(env.LOGS.idFromName(team.person.team.id)));

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Recorded");
  await team.server("Tools", [seenTool("pay"), seenTool("read_a")]);
  await team.policy("tools", "Kept", policy);
  const grant = await team.grant("tools", "kept");
  agent = new AgentCalls(team, grant);
  [viewer, auditor] = [await member(0), await member(1)];
  await agent.call("tools", "pay", {
    amount: 1e3,
    card: { number: "4111-1111", name: "A" },
    notes: [{ secret: "s1", text: "t" }, { text: "u" }],
  });
  await agent.call("tools", "read_a", { path: "/private/file" });
  await agent.call("tools", "other", {});
  await agent.ship();
  await sealLog();
});

const exported = async (as: TeamSetting, query = ""): Promise<string> =>
  (await as.ask("GET", `/log/export${query}`)).text;

function check(text: string, held: readonly string[] = []): Report {
  const reader = new ExportCheck(publicKeys(plane.deps.keys) as Jwks, held);
  for (const line of text.split("\n")) reader.line(line);
  return reader.end();
}

describe("arguments that a policy has recorded", () => {
  it("are kept without what it redacts, and of no other call", async () => {
    const { items } = await team.must(200, "GET", "/log");
    expect(items.map((row: { arguments: unknown }) => row.arguments)).toEqual([
      null,
      null,
      {
        amount: 1000,
        card: { name: "A", number: "[redacted]" },
        notes: [{ secret: "[redacted]", text: "t" }, { text: "u" }],
      },
    ]);
    expect(JSON.stringify(items)).not.toContain("/private/file");
  });

  it("are shown to admins and auditors, not to viewers, in lists, single decisions and exports", async () => {
    const { items } = await team.must(200, "GET", "/log");
    const id = items[2].id;
    expect((await auditor.must(200, "GET", `/log/${id}`)).arguments.amount).toBe(1000);
    expect(await exported(auditor)).toContain("card");
    const seen = [
      JSON.stringify(await viewer.must(200, "GET", `/log/${id}`)),
      JSON.stringify(await viewer.must(200, "GET", "/log")),
      (await exported(viewer)).replaceAll('"argumentKeys":["amount","card","notes"]', ""),
    ];
    for (const text of seen) expect(text).not.toMatch(/"arguments"|"values"|card"?:|\\"name\\"/);
  });

  it("are refused where they are larger than the record keeps, since the call would go unrecorded", async () => {
    const admission = await agent.call("tools", "pay", { text: "x".repeat(keptBytesMax) });
    expect(admission).toMatchObject({
      effect: "deny",
      refusal: { outcome: "denied", reason: expect.stringContaining("larger than the record keeps") },
    });
  });
});

describe("the record", () => {
  it("verifies, and names the checkpoint that covers it", async () => {
    const { items } = await team.must(200, "GET", "/log/checkpoints");
    expect(items).toHaveLength(1);
    const verified = await viewer.must(200, "GET", "/log/verify");
    expect(verified).toMatchObject({
      ok: true,
      from: 1,
      sealed: items[0].n,
      problem: null,
      next_cursor: null,
    });
    const held = `?checkpoint=${items[0].jws}`;
    expect(await viewer.must(200, "GET", `/log/verify${held}`)).toEqual(verified);
  });

  it("refuses a checkpoint of another team, and one that nobody signed", async () => {
    const { items } = await team.must(200, "GET", "/log/checkpoints");
    const stranger = await TeamSetting.on(plane, "Stranger");
    const foreign = await stranger.ask("GET", `/log/verify?checkpoint=${items[0].jws}`);
    const made = await stranger.ask("GET", "/log/verify?checkpoint=a.b.c");
    expect([foreign.status, made.status]).toEqual([422, 422]);
  });

  it("verifies as an export too, from the start and from where the last one ended", async () => {
    const { items } = await team.must(200, "GET", "/log/checkpoints");
    const { n, jws } = items[0];
    const whole = check(await exported(team), [jws]);
    expect(whole).toMatchObject({ ok: true, team: team.person.team.id, from: 1, sealed: n, problem: null });
    expect(check(await exported(viewer), [jws])).toMatchObject({ ok: true, sealed: n });
    expect(check(await exported(team, "?after=2"), [jws])).toMatchObject({ ok: true, from: 3, sealed: n });
    expect(check((await exported(team)).replace("policy.created", "policy.deleted")).problem).toMatch(
      /is not what was recorded/,
    );
  });

  it("gives a spreadsheet no formula", async () => {
    const hostile = "=cmd|' /C calc'!A0";
    await agent.admit("tools", {
      method: "tools/call",
      targets: [{ kind: "tool", name: "read_a" }],
      clientName: hostile,
    });
    await agent.ship();
    const csv = await exported(team, "?format=csv");
    expect(csv.split("\r\n")[0]).toMatch(/^n,at,kind,decision,/);
    expect(csv).toContain(`"'${hostile}"`);
    expect(csv.replaceAll('""', "")).not.toMatch(/(^|,)"[=+\-@\t]/m);
  });

  it("is counted for charts by tool, grant, member and server", async () => {
    const stats = await viewer.must(200, "GET", "/stats?by=tool&step=day");
    const counts = stats.items.map((cell: Record<string, unknown>) => [
      String(cell["key"]).replace(/^srv_\w+\//, ""),
      cell["allowed"],
      cell["unknown"],
      cell["denied"],
    ]);
    expect(counts).toEqual([
      ["(unknown)", 0, 1, 0],
      ["pay", 1, 0, 1],
      ["read_a", 2, 0, 0],
    ]);
    const byGrant = await viewer.must(200, "GET", "/stats?by=grant");
    expect(byGrant.items).toMatchObject([{ allowed: 3, unknown: 1, denied: 1 }]);
    expect((await viewer.must(200, "GET", "/stats?by=member")).items).toEqual([]);
    const page = await viewer.must(200, "GET", "/stats?limit=2");
    const rest = await viewer.must(200, "GET", `/stats?limit=2&cursor=${page.next_cursor}`);
    expect([page.items.length, rest.items.length, rest.next_cursor]).toEqual([2, 1, null]);
  });

  it("streams what happens, and goes on from the last event that the client has", async () => {
    const open = async (after: string): Promise<string> => {
      const { slug } = team.person.team;
      const response = await plane.open(`/v1/teams/${slug}/log/stream`, {
        token: viewer.person.token,
        headers: { "Last-Event-ID": after },
      });
      expect(response.headers.get("Content-Type")).toBe("text/event-stream");
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      let text = "";
      while (!text.includes("event:")) text += decoder.decode((await reader.read()).value);
      await reader.cancel();
      return text;
    };
    const all = await open("0");
    expect(all).toMatch(/^retry: 1000\n/);
    expect(all).toContain("id: 1\nevent: control\n");
    expect(all).toMatch(/event: decision\ndata: \{"id":"dec_/);
    expect(all).not.toContain('card":');
    expect(await open("3")).toMatch(/: from 3\n\nid: 4\n/);
  });

  it("keeps its log for as long as the team says, which its own events tell it", async () => {
    const changed = await team.must(200, "PATCH", "", { retention_days: 30 });
    expect(changed.retention_days).toBe(30);
    const { items } = await viewer.must(200, "GET", "/events?limit=1");
    expect(items[0]).toMatchObject({ action: "team.changed", detail: { retention_days: 30 } });
    expect((await team.ask("PATCH", "", { retention_days: 0 })).status).toBe(422);
  });
});
