import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import worker from "../../src/index.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import { type Answered, ControlPlane, type Person, seenTool } from "./control_plane.ts";
import { openPolicy, TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;
let viewer: Person;
let key: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  viewer = await team.member();
  await team.server();
});
beforeEach(() => {
  key = crypto.randomUUID();
});

const body = { label: "agent", servers: [] };
const create = (through = team, given: unknown = body, headers: object = {}) =>
  through.ask("POST", "/grants", given, { "Idempotency-Key": key, ...headers });
const grants = async () => (await team.must(200, "GET", "/grants?limit=200")).items.length;
const told = ({ status, body: { code } }: Answered) => [status, code];

describe("a request with an Idempotency-Key", () => {
  it("is done once, and answered the same again, with the token that is shown once", async () => {
    const before = await grants();
    const first = await create();
    const second = await create();
    expect([first.status, second.status, second.text]).toEqual([201, 201, first.text]);
    expect(second.body.token).toMatch(/^ey/);
    const replayed = [first, second].map(({ headers }) => headers.get("Idempotency-Replayed"));
    expect(replayed).toEqual([null, "true"]);
    expect(await grants()).toBe(before + 1);
  });

  it("keeps its headers and its exact text", async () => {
    await team.policy("tools", "Kept");
    const put = () =>
      team.ask("PUT", "/servers/tools/policies/kept", { document: openPolicy }, { "Idempotency-Key": key });
    const [first, second] = [await put(), await put()];
    expect([first, second].map(({ headers }) => headers.get("ETag"))).toEqual(['"2"', '"2"']);
    expect(second.text).toBe(first.text);
  });

  it("is the same in any key order, spelling of a number and form of the header", async () => {
    const first = await create(team, { label: "agent", servers: [] });
    const headers = { "Idempotency-Key": `"${key}"` };
    const again = await team.ask("POST", "/grants", { servers: [], label: "agent" }, headers);
    expect(again.body.id).toBe(first.body.id);
  });

  it("is refused with another body, at another address and with another If-Match", async () => {
    await create();
    expect(told(await create(team, { ...body, label: "other" }))).toEqual([422, "invalid"]);
    expect(told(await create(team, body, { "If-Match": '"1"' }))).toEqual([422, "invalid"]);
    const elsewhere = await team.ask("PATCH", "", { name: "Acme" }, { "Idempotency-Key": key });
    expect(told(elsewhere)).toEqual([422, "invalid"]);
  });

  it("is done once though many come at once; those that wait are told so", async () => {
    const before = await grants();
    const answers = await Promise.all(Array.from({ length: 6 }, () => create()));
    const done = answers.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ body: { id } }) => id)).size).toBe(1);
    const waiting = answers.filter(({ status }) => status !== 201);
    expect(waiting.map(told)).toEqual(waiting.map(() => [409, "conflict"]));
    expect(await grants()).toBe(before + 1);
  });

  it("is one person's: another with the same key is another", async () => {
    const own = (who: Pick<Person, "token">) =>
      plane.ask("POST", "/v1/teams", {
        token: who.token,
        body: { name: "Mine" },
        headers: { "Idempotency-Key": key },
      });
    const [first, other] = [await own(team.person), await own(viewer)];
    expect([first.status, other.status]).toEqual([201, 201]);
    expect(other.body.id).not.toBe(first.body.id);
  });

  it("is answered to whoever may still ask, and to nobody else", async () => {
    const admin = await team.member("admin");
    const own = team.as(admin);
    expect((await create(own)).status).toBe(201);
    await team.must(200, "PATCH", `/members/${admin.id}`, { role: "viewer" });
    expect(told(await create(own))).toEqual([403, "forbidden"]);
    await team.must(200, "DELETE", `/members/${admin.id}`);
    expect(told(await create(own))).toEqual([404, "not_found"]);
  });

  it("that was refused did nothing, and may be sent again, put right", async () => {
    expect((await create(team, { ...body, member: "nobody" })).status).toBe(422);
    expect((await create()).status).toBe(201);
  });

  it("of which it is not known whether it was done is not done again", async () => {
    let batches = 0;
    const batch: D1Database["batch"] = (statements) => {
      batches++;
      return batches === 1 ? env.DB.batch(statements) : Promise.reject(new Error("away"));
    };
    const broken = plane.with({ db: { prepare: (sql) => env.DB.prepare(sql), batch } });
    expect((await create(team.through(broken))).status).toBe(503);
    const again = await create();
    expect([...told(again), again.body.detail]).toEqual([
      409,
      "conflict",
      expect.stringContaining("not known whether it was done"),
    ]);
  });

  it("is forgotten after a day, by the cron too", async () => {
    const first = await create();
    const cron = async () => worker.scheduled({} as ScheduledController, env as never);
    await cron();
    expect((await create()).body.id).toBe(first.body.id);
    await env.DB.prepare("UPDATE idempotency SET expires_at = expires_at - 86400000").run();
    await cron();
    expect(await env.DB.prepare("SELECT count(*) AS n FROM idempotency").first("n")).toBe(0);
    expect((await create()).body.id).not.toBe(first.body.id);
  });

  it.each(["", "x".repeat(256), "tab\tbed"])(
    "has a key of 1 to 255 printable characters, unlike %j",
    async (bad) => {
      const refused = await team.ask("POST", "/grants", body, { "Idempotency-Key": bad });
      expect(told(refused)).toEqual([422, "invalid"]);
    },
  );
});

it("what is kept opens neither by the database nor by the master keys alone", async () => {
  const { body: made } = await create();
  const { results } = await env.DB.prepare("SELECT * FROM idempotency").all<Record<string, string>>();
  const text = JSON.stringify(results);
  for (const secret of [key, made.token, made.id, team.person.id]) expect(text).not.toContain(secret);
  const other = parseMasterKeys(`2:${"B".repeat(43)}`);
  if (isFault(other)) throw new Error(other.detail);
  const lost = await create(team.through(plane.with({ masterKeys: other })));
  expect(told(lost)).toEqual([409, "conflict"]);
});

it("an answer that is too large to keep is not given twice, nor is its request done twice", async () => {
  const definition = JSON.stringify({ inputSchema: { type: "object" }, description: "x".repeat(1_000) });
  const tools = Array.from({ length: 200 }, (_, n) => seenTool(`read_${n}`, { definition }));
  await team.server("Large", tools);
  const rename = () => team.ask("PATCH", "/servers/large", { name: "L" }, { "Idempotency-Key": key });
  const events = async () => (await team.must(200, "GET", "/events?limit=1")).items[0].id;
  expect((await rename()).status).toBe(200);
  const last = await events();
  const again = await rename();
  expect([...told(again), await events()]).toEqual([409, "conflict", last]);
});
