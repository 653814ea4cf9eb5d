import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { drainOutbox } from "../../src/gate/push.ts";
import type { Caller } from "../../src/gate/rpc.ts";
import { verifyGrantToken } from "../../src/identity/grant_token.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, origin } from "./control_plane.ts";
import { closedPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Grants Inc");
  await team.server("Tools");
  await team.policy("tools", "Open");
});

const bearer = (token: string) => verifyGrantToken(token, plane.deps.keys, origin, Date.now());

describe("a grant", () => {
  it("shows its token once: one that speaks for it and for its team", async () => {
    const made = await team.grant("tools", "open", { label: "CI", tags: ["ci"], member: team.person.email });
    expect(made).toMatchObject({
      label: "CI",
      tags: ["ci"],
      member: team.person.id,
      state: "active",
      servers: [{ server: { slug: "tools" }, policy: { slug: "open", name: "Open" } }],
      in_force: { acknowledged: 1, pending: 0 },
    });
    const said = await bearer(made.token);
    expect(said).toMatchObject({ grant: made.id, team: team.person.team.id });
    expect(said?.expiresAtMs).toBe(Date.parse(made.expires_at));
    const read = await team.ask("GET", `/grants/${made.id}`);
    const { token, in_force: _, ...rest } = made;
    expect(read.body).toEqual(rest);
    expect((await team.ask("GET", "/grants")).text).not.toContain(token);
    const snapshot = await loadSnapshot(plane.deps.db, made.id);
    expect(snapshot?.grant.tokens).toEqual([{ jti: said?.jti, notAfterMs: said?.expiresAtMs }]);
    expect(snapshot?.grant.member).toEqual({ id: team.person.id, email: team.person.email, role: "admin" });
  });

  it("lives a year unless it is told less, and never more", async () => {
    const year = 365 * 24 * 3_600_000;
    const made = await team.grant("tools", null);
    expect(Math.abs(Date.parse(made.expires_at) - Date.now() - year)).toBeLessThan(5_000);
    for (const at of [Date.now() + year + 60_000, Date.now() - 1_000]) {
      const expires_at = new Date(at).toISOString();
      const refused = await team.ask("POST", "/grants", { label: "x", servers: [], expires_at });
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "/expires_at"]);
    }
  });

  it("names only servers, policies and members that the team has; every other name is told", async () => {
    const servers = [
      { server: "tools", policy: "none" },
      { server: "elsewhere", policy: null },
      { server: "tools", policy: null },
      { server: "tools", policy: "open" },
    ];
    const refused = await team.ask("POST", "/grants", { label: "x", servers });
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([
      "/servers/0/policy",
      "/servers/1/server",
      "/servers/3/server",
    ]);
    const member = await team.ask("POST", "/grants", {
      label: "x",
      servers: [],
      member: "nobody@example.com",
    });
    expect([member.status, member.body.errors[0].pointer]).toEqual([422, "/member"]);
  });

  it("is changed in place, with the edit in force when the answer is there", async () => {
    const made = await team.grant("tools", "open");
    const before = await loadSnapshot(plane.deps.db, made.id);
    const changed = await team.must(200, "PATCH", `/grants/${made.id}`, {
      label: "renamed",
      tags: ["a"],
      servers: [{ server: "tools", policy: null }],
    });
    expect(changed).toMatchObject({
      label: "renamed",
      tags: ["a"],
      servers: [{ policy: null }],
      in_force: { acknowledged: 1, pending: 0 },
    });
    const after = await loadSnapshot(plane.deps.db, made.id);
    expect(after?.epoch).toBe((before?.epoch ?? 0) + 1);
    expect(after?.routes[0]?.policy).toBeNull();
  });

  it("gets a new token by rotation, and the old one ends now or after the overlap", async () => {
    const made = await team.grant("tools", null);
    const first = await bearer(made.token);
    const overlapping = await team.must(200, "POST", `/grants/${made.id}/rotate`, { overlap_seconds: 60 });
    const second = await bearer(overlapping.token);
    const snapshot = await loadSnapshot(plane.deps.db, made.id);
    const ends = new Map(snapshot?.grant.tokens.map((token) => [token.jti, token.notAfterMs]));
    expect(ends.size).toBe(2);
    expect(Math.abs((ends.get(first?.jti ?? "") ?? 0) - Date.now() - 60_000)).toBeLessThan(5_000);
    expect(ends.get(second?.jti ?? "")).toBe(second?.expiresAtMs);
    const third = await bearer((await team.must(200, "POST", `/grants/${made.id}/rotate`)).token);
    const left = await loadSnapshot(plane.deps.db, made.id);
    expect(left?.grant.tokens.map((token) => token.jti)).toEqual([third?.jti]);
  });

  it("is revoked for good, and stays readable", async () => {
    const made = await team.grant("tools", "open");
    const revoked = await team.must(200, "DELETE", `/grants/${made.id}`);
    expect(revoked).toMatchObject({ state: "revoked", in_force: { acknowledged: 1, pending: 0 } });
    expect((await team.must(200, "GET", `/grants/${made.id}`)).state).toBe("revoked");
    expect((await team.ask("POST", `/grants/${made.id}/rotate`)).status).toBe(404);
  });

  it("that is revoked, rotated or moved is judged anew at the very next call", async () => {
    const made = await team.grant("tools", "open");
    const callerOf = async (token: string): Promise<Caller> => {
      const said = await bearer(token);
      if (!said) throw new Error("not a token");
      const { grant, team: id, jti } = said;
      return {
        grant,
        team: id,
        bearer: { kind: "token", jti },
        teamSlug: team.person.team.slug,
        serverSlug: "tools",
      };
    };
    const gate = env.GATES.get(env.GATES.idFromName(made.id));
    const view = async (token: string) => {
      const seen = await gate.view(await callerOf(token), "tools/list");
      return seen.effect === "gone" ? seen.because : "view";
    };
    expect(await view(made.token)).toBe("view");
    const rotated = await team.must(200, "POST", `/grants/${made.id}/rotate`);
    expect([await view(made.token), await view(rotated.token)]).toEqual(["token", "view"]);
    await team.must(200, "PATCH", `/grants/${made.id}`, { servers: [] });
    expect(await view(rotated.token)).toBe("route");
    await team.must(200, "PATCH", `/grants/${made.id}`, { servers: [{ server: "tools", policy: null }] });
    expect(await view(rotated.token)).toBe("view");
    await team.must(200, "DELETE", `/grants/${made.id}`);
    expect(await view(rotated.token)).toBe("token");
  });
});

describe("lists", () => {
  it("go on at their cursor until there is no more, and skip nothing", async () => {
    const own = await TeamSetting.on(plane, "Pages");
    await own.server("Tools");
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.push((await own.grant("tools", null)).id);
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const next: string = cursor ? `&cursor=${cursor}` : "";
      const page = await own.must(200, "GET", `/grants?limit=2${next}`);
      seen.push(...page.items.map((item: { id: string }) => item.id));
      cursor = page.next_cursor;
    }
    expect(seen.toSorted()).toEqual(made.toSorted());
    for (const query of ["limit=0", "limit=201", "cursor=x", "page=1"]) {
      expect((await own.ask("GET", `/grants?${query}`)).status).toBe(422);
    }
  });
});

describe("an edit", () => {
  it("is answered 202 while a gate does not answer, and reaches it by the outbox", async () => {
    const deaf = plane.with({
      gate: () => ({
        apply: () => Promise.reject(new Error("away")),
        find: () => Promise.resolve(null),
        forget: () => Promise.reject(new Error("away")),
        usage: () => Promise.resolve([]),
      }),
    });
    const made = await team.grant("tools", "open");
    const path = "/servers/tools/policies/open";
    const saved = await team.through(deaf).must(202, "PUT", path, { document: closedPolicy });
    expect(saved.in_force.acknowledged).toBe(0);
    expect(saved.in_force.pending).toBeGreaterThan(0);
    const gate = plane.deps.gate(made.id);
    const behind = await loadSnapshot(plane.deps.db, made.id);
    const drained = await drainOutbox({ db: plane.deps.db, gate: plane.deps.gate }, Date.now());
    expect(drained).toEqual({ acknowledged: saved.in_force.pending, pending: 0 });
    expect(behind && (await gate.apply({ ...behind, epoch: 1 })).epoch).toBe(behind?.epoch);
    expect(await drainOutbox({ db: plane.deps.db, gate: plane.deps.gate }, Date.now())).toEqual({
      acknowledged: 0,
      pending: 0,
    });
  });
});

it("a grant ends with its member's membership", async () => {
  const own = await TeamSetting.on(plane);
  await own.server();
  await own.policy("tools", "Open");
  const other = await plane.signUp("Elsewhere");
  const ids = [own.person.team.id, other.id];
  const insert = "INSERT INTO member (team_id, user_id, role, created_at) VALUES (?1, ?2, 'viewer', 0)";
  await env.DB.prepare(insert)
    .bind(...ids)
    .run();
  const made = await own.grant("tools", "open", { member: other.id });
  const agent = new AgentCalls(own, made);
  expect(await agent.call("tools", "read_a")).toMatchObject({ effect: "allow" });
  await env.DB.prepare("DELETE FROM member WHERE team_id = ?1 AND user_id = ?2")
    .bind(...ids)
    .run();
  await own.must(200, "PATCH", `/grants/${made.id}`, { label: "left" });
  expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
});
