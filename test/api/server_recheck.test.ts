import { beforeEach, describe, expect, it } from "vitest";
import type { ApiDeps } from "../../src/api/deps.ts";
import { recheckServers } from "../../src/api/server_recheck.ts";
import type { Look } from "../../src/upstream/enrol.ts";
import { ControlPlane, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

const hour = 3_600_000;
const changed = ready(seenTool("read_a", { hash: "b".repeat(64) }));
const away: Look = { state: "pending", why: "unreachable", detail: "Nobody listens." };

interface Registered {
  readonly slug: string;
  readonly url: string;
}

let plane: ControlPlane;
let team: TeamSetting;
let nowMs: number;
beforeEach(async () => {
  plane = await ControlPlane.start();
  await plane.deps.db.prepare("UPDATE server SET look_at = 9e15").run();
  team = await TeamSetting.on(plane, "Rechecked");
  nowMs = Date.now();
});

/** A run of the cron; the URLs that were looked at. */
async function run(change: Partial<ApiDeps> = {}): Promise<string[]> {
  const before = plane.looks.length;
  await recheckServers({ ...plane.deps, now: () => nowMs, ...change });
  return plane.looks.slice(before).map(({ url }) => url);
}

const stateOf = async ({ slug }: Registered) => (await team.must(200, "GET", `/servers/${slug}`)).state;
const toolStateOf = async ({ slug }: Registered) =>
  (await team.must(200, "GET", `/servers/${slug}/tools/read_a`)).state;

describe("a run of the schedule", () => {
  it("looks at a server a day after the look before, and finds what has changed meanwhile", async () => {
    const server = await team.server("Daily");
    plane.upstreams.set(server.url, changed);
    nowMs += 24 * hour - 1_000;
    expect(await run()).toEqual([]);
    nowMs += 2_000;
    expect(await run()).toEqual([server.url]);
    expect(await toolStateOf(server)).toBe("changed");
    expect(await run()).toEqual([]);
  });

  it("signs in with the server's own credential", async () => {
    const auth = { type: "headers", headers: { "X-Key": "k-1" } };
    const url = "https://credential.example/mcp";
    plane.upstreams.set(url, ready());
    await team.must(201, "POST", "/servers", { name: "Credential", url, auth });
    nowMs += 25 * hour;
    await run();
    expect(plane.looks.at(-1)).toEqual({ url, headers: { "X-Key": "k-1" } });
  });

  it("comes back to one that fails after a minute, later the longer it lasts, and ends its trouble", async () => {
    const server = await team.server("Away");
    plane.upstreams.set(server.url, away);
    nowMs += 25 * hour;
    const looks: number[] = [];
    for (let minute = 0; minute <= 20; minute++, nowMs += 60_000) {
      if ((await run()).length > 0) looks.push(minute);
    }
    expect(looks).toEqual([0, 1, 2, 4, 8, 16]);
    expect(await stateOf(server)).toBe("failing");
    plane.upstreams.set(server.url, ready(seenTool("read_a")));
    nowMs += 24 * hour;
    await run();
    expect(await stateOf(server)).toBe("ok");
  });

  it("takes 200 servers at most, the longest waiting first", async () => {
    const server = await team.server("Model");
    const { db } = plane.deps;
    await db
      .prepare(
        `INSERT INTO server (id, team_id, slug, name, url, auth_type, state, look_at, created_at)
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 219)
         SELECT 'srv_' || i, team_id, 's' || i, 's', 'https://s' || i || '.example/', 'none', 'pending', i, 1
           FROM n, server WHERE id = ?1`,
      )
      .bind(server.id)
      .run();
    const urls = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => `https://s${from + i}.example/`);
    expect((await run()).toSorted()).toEqual(urls(0, 200).toSorted());
    expect((await run()).toSorted()).toEqual(urls(200, 220).toSorted());
  });

  it("looks at no server twice where two runs are under way at once", async () => {
    const server = await team.server("Once");
    nowMs += 25 * hour;
    const before = plane.looks.length;
    await Promise.all([run(), run()]);
    expect(plane.looks.slice(before).map(({ url }) => url)).toEqual([server.url]);
  });

  it("begins nothing after 40 s, and what it did not get to is due in two minutes", async () => {
    const servers = [];
    for (let i = 0; i < 8; i++) servers.push((await team.server(`Slow ${i}`)).url);
    nowMs += 25 * hour;
    const asked: string[] = [];
    const look: ApiDeps["look"] = async (url) => {
      asked.push(url);
      nowMs += 10_000;
      return away;
    };
    await run({ look });
    expect(asked.length).toBeLessThan(8);
    const rest = servers.filter((url) => !asked.includes(url));
    nowMs += 120_000;
    expect((await run()).toSorted()).toEqual(expect.arrayContaining(rest));
  });

  it("is not ended by one server's trouble", async () => {
    const [first, second] = [await team.server("Throws"), await team.server("Works")];
    plane.upstreams.set(second.url, changed);
    nowMs += 25 * hour;
    await run({
      look: async (url) => {
        if (url === first.url) throw new Error("a bug");
        return changed;
      },
    });
    expect(await toolStateOf(second)).toBe("changed");
  });
});
