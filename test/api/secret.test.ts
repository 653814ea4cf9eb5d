import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { inspect } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { operations } from "../../src/api/operations.ts";
import type { TeamId } from "../../src/id.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

// T17: 200 secrets go in where secrets go in, and nothing that comes out or is stored holds one in clear.
const serversMax = 40;
const callsMax = 35;

let plane: ControlPlane;
let team: TeamSetting;
const planted = new Map<string, string>();
/** Everything that was answered, by where. */
const answered = new Map<string, string>();
const written: unknown[][] = [];

function plant(what: string): string {
  const secret = `sk-${crypto.randomUUID().replaceAll("-", "")}`;
  planted.set(secret, `${what} ${planted.size + 1}`);
  return secret;
}

const policy = {
  version: "1",
  default: "allow",
  tools: {
    keyed: { deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 10 }] }] },
    valued: { record: "values", redact: ["args.password", "args.deep.token", "args.list[*].key"] },
    schemed: { arguments: { type: "object", properties: { pin: { type: "number" } } } },
    matched: {
      require: [{ conditions: [{ path: "args.code", op: "regex", value: "^ok" }], on_deny: "No." }],
    },
  },
};
const tools = ["keyed", "valued", "schemed", "matched", "plain"];

beforeAll(async () => {
  for (const level of ["error", "warn", "log", "info"] as const) {
    const plain = console[level];
    console[level] = (...given: unknown[]) => {
      written.push(given);
      plain(...given);
    };
  }
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane, "Planted");
  planted.set(team.person.token, "session token");
  planted.set(team.person.password, "password");
  for (let n = 1; n <= serversMax; n++) {
    const headers = {
      Authorization: `Bearer ${plant("upstream bearer")}`,
      "X-Api-Key": plant("upstream key"),
    };
    const url = `https://s${n}.example/mcp`;
    plane.upstreams.set(url, ready(...tools.map((name) => seenTool(name))));
    const body = { name: `S${n}`, url, auth: { type: "headers", headers } };
    keep(`server ${n}`, (await team.ask("POST", "/servers", body)).text);
  }
  await team.policy("s1", "Mixed", policy);
  const grant = await team.grant("s1", "mixed");
  planted.set(grant.token, "grant token");
  const rotated = await team.must(200, "POST", `/grants/${grant.id}/rotate`, { overlap_seconds: 60 });
  planted.set(rotated.token, "rotated token");
  const agent = new AgentCalls(team, rotated);
  const call = async (name: string, args: unknown) => {
    keep(`call of ${name} ${answered.size}`, JSON.stringify(await agent.call("s1", name, args)));
  };
  for (let n = 0; n < callsMax; n++) {
    await call("plain", { text: plant("plain argument") });
    await call(["keyed", "schemed", "matched"][n % 3] ?? "", {
      amount: plant("argument of another type"),
      pin: "x",
      code: "no",
    });
    const deep =
      n % 2 === 0 ? { token: plant("redacted member") } : plant("redacted member of another shape");
    await call("valued", { password: plant("redacted"), deep, list: [{ key: "short", label: "kept" }] });
  }
  await agent.ship();
  await runDurableObjectAlarm(env.LOGS.get(env.LOGS.idFromName(team.person.team.id)));
  await readEverything(grant.id);
  await provoke();
}, 120_000);

const keep = (where: string, text: string): void => {
  answered.set(where, text);
};

/** Asks every operation that only reads, as the team's admin, who may see the most. */
async function readEverything(grant: string): Promise<void> {
  const { items } = await team.must(200, "GET", "/log?limit=200");
  const given: Record<string, string> = {
    team: team.person.team.slug,
    server: "s1",
    policy: "mixed",
    tool: "plain",
    grant,
    revision: "1",
    decision: items[0].id,
  };
  for (const operation of operations.filter((one) => one.method === "get" && one.id !== "follow_log")) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => given[name] ?? "absent");
    const { text } = await plane.ask("GET", path, { token: team.person.token });
    keep(operation.id, text);
  }
  for (const format of ["csv", "jsonl"]) {
    keep(`export ${format}`, (await team.ask("GET", `/log/export?format=${format}`)).text);
  }
  keep("the whole log", JSON.stringify(await team.must(200, "GET", "/log?limit=200")));
}

/** Requests that go wrong with a secret in them: an error must not give it back either. */
async function provoke(): Promise<void> {
  for (let n = 0; n < 10; n++) {
    const secret = plant("credential in a mistaken request");
    const auth = { type: "headers", headers: { "X-Key": secret }, extra: true };
    keep(`mistake ${n}`, (await team.ask("POST", "/servers", { name: "x", url: "nowhere", auth })).text);
    keep(`refusal ${n}`, (await team.ask("PATCH", "/servers/s1", { auth: { type: secret } })).text);
    const login = { email: team.person.email, password: plant("wrong password") };
    keep(`login ${n}`, (await plane.ask("POST", "/v1/login", { body: login })).text);
    keep(`bearer ${n}`, (await plane.ask("GET", "/v1/me", { token: plant("forged token") })).text);
  }
}

/** All rows of an SQLite database, as text. */
function dump(sql: SqlStorage): string {
  const tables = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'")
    .toArray();
  return tables.map(({ name }) => JSON.stringify(sql.exec(`SELECT * FROM "${name}"`).toArray())).join("\n");
}

async function databases(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const { results } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
  ).all<{ name: string }>();
  for (const { name } of results) {
    found.set(`D1 ${name}`, JSON.stringify((await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results));
  }
  const log = env.LOGS.get(env.LOGS.idFromName(team.person.team.id as TeamId));
  found.set("log", await runInDurableObject(log, (_, { storage }) => dump(storage.sql)));
  const grants = await team.must(200, "GET", "/grants");
  for (const { id } of grants.items) {
    const gate = env.GATES.get(env.GATES.idFromName(id));
    found.set(`gate ${id}`, await runInDurableObject(gate, (_, { storage }) => dump(storage.sql)));
  }
  return found;
}

const leaks = (places: ReadonlyMap<string, string>): string[] =>
  [...places].flatMap(([where, text]) =>
    [...planted].filter(([secret]) => text.includes(secret)).map(([, what]) => `${what} in ${where}`),
  );

it("no answer, log, export or error holds any of 200 planted secrets", () => {
  expect(planted.size).toBeGreaterThanOrEqual(200);
  expect(answered.size).toBeGreaterThan(150);
  // What is not redacted is there to be seen, so the search looks into the right places.
  expect(answered.get("the whole log")).toContain('"list":[{"key":"[redacted]","label":"kept"}]');
  expect(leaks(answered)).toEqual([]);
  expect(
    leaks(new Map([["the console", written.map((line) => inspect(line, { depth: 10 })).join("\n")]])),
  ).toEqual([]);
});

it("no database holds one in clear, and all of them were looked into", async () => {
  const found = await databases();
  expect(found.get("log")).toContain('\\"verdict\\":\\"allowed\\"');
  expect(found.get("D1 server")).toContain("https://s1.example/mcp");
  expect(leaks(found)).toEqual([]);
});
