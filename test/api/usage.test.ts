import { env } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import type { Caller, GateStub } from "../../src/gate/rpc.ts";
import { verifyGrantToken } from "../../src/identity/grant_token.ts";
import { ControlPlane, origin } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Usage Inc");
  await team.server("Tools");
});

const document = {
  version: "1",
  default: "deny",
  all_tools: { limits: [{ counter: "calls", window: "hour", max: 100, scope: "server" }] },
  tools: {
    read_a: {
      limits: [
        { counter: "spent", window: "month", max: 10.5, increment_from: "args.amount" },
        { counter: "spent", window: 90, max: 8, increment_from: "args.amount" },
      ],
    },
  },
};

async function call(made: { id: string; token: string }, argumentsText: string) {
  const said = await verifyGrantToken(made.token, plane.deps.keys, origin, Date.now());
  if (!said) throw new Error("a new token does not verify");
  const { slug: teamSlug } = team.person.team;
  const caller: Caller = {
    grant: said.grant,
    team: said.team,
    bearer: { kind: "token", jti: said.jti },
    teamSlug,
    serverSlug: "tools",
  };
  const gate = env.GATES.get(env.GATES.idFromName(made.id)) as unknown as GateStub;
  const targets = [{ kind: "tool" as const, name: "read_a" }];
  return gate.admit(caller, { method: "tools/call", targets, argumentsText, requestId: "req_1" });
}

it("a grant's usage says of every limit what is used, what is left and when it comes back", async () => {
  await team.policy("tools", "Counted", document);
  const [one, two] = [await team.grant("tools", "counted"), await team.grant("tools", "counted")];
  expect((await call(one, '{"amount":2.25}')).effect).toBe("allow");
  expect((await call(two, '{"amount":1}')).effect).toBe("allow");
  const { items } = await team.must(200, "GET", `/grants/${one.id}/usage`);
  const now = new Date();
  const nextMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString();
  const common = { server: "tools", shadow: false, resets_at: expect.any(String) };
  expect(items).toEqual([
    {
      ...common,
      rule: "/all_tools/limits/calls-per-hour",
      counter: "calls",
      scope: "server",
      window: "hour",
      max: 100,
      used: 2,
      remaining: 98,
    },
    {
      ...common,
      rule: "/tools/read_a/limits/spent-per-month",
      counter: "spent",
      scope: "grant",
      window: "month",
      max: 10.5,
      used: 2.25,
      remaining: 8.25,
      resets_at: nextMonth,
    },
    {
      ...common,
      rule: "/tools/read_a/limits/spent-per-90",
      counter: "spent",
      scope: "grant",
      window: 90,
      max: 8,
      used: 2.25,
      remaining: 5.75,
    },
  ]);
});

it("usage of a grant that never called is nothing used, and of another team's grant not to be had", async () => {
  const made = await team.grant("tools", "counted");
  const { items } = await team.must(200, "GET", `/grants/${made.id}/usage`);
  expect(items.slice(1)).toMatchObject([{ used: 0 }, { used: 0, remaining: 8, resets_at: null }]);
  const stranger = await TeamSetting.on(plane, "Elsewhere");
  expect((await stranger.ask("GET", `/grants/${made.id}/usage`)).status).toBe(404);
});
