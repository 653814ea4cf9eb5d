import { existsSync, readdirSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { Rest } from "../../scripts/start/rest.ts";
import { wrangler } from "../../scripts/start/wrangler.ts";
import { callPlainly } from "./agent.ts";
import { alive, descendants, root, Started, scratch, sql, startPortcullis, until } from "./harness.ts";

const session = z.object({ token: z.string() });
const me = z.object({ teams: z.array(z.object({ slug: z.string() })) });

describe("npm start", () => {
  const { dir, drop } = scratch();
  let running: Started;
  beforeAll(async () => {
    running = startPortcullis(dir);
    await running.ready();
  });
  afterAll(async () => {
    await running.stop();
    drop();
  });

  it("prints one JSON line, whose sign-in and token work at once", async () => {
    const ready = await running.ready();
    expect(running.lines).toEqual([JSON.stringify(ready)]);
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(ready.gateway_url).toMatch(`${ready.url}/mcp/${ready.team}/`);
    const { email, password } = ready;
    const { token } = await new Rest(ready.url).must(session, "POST", "/v1/login", { email, password });
    expect((await new Rest(ready.url, token).must(me, "GET", "/v1/me")).teams).toMatchObject([
      { slug: ready.team },
    ]);
    const called = await callPlainly(ready.gateway_url ?? "", ready.token ?? "", "cmux_send", { text: "ab" });
    expect(called).toMatchObject({ isError: false, text: "Typed 2 characters into main-1." });
  });

  it("warns that loopback servers may be registered", () => {
    expect(running.stderr).toContain("127.0.0.1 and localhost may be registered");
  });

  it("keeps its data and its token from one start to the next", async () => {
    const before = await running.ready();
    expect(await running.stop()).toBe(0);
    sql(dir, waitingEvent);
    running = startPortcullis(dir);
    const after = await running.ready();
    expect(after).toEqual(before);
    const called = await callPlainly(after.gateway_url ?? "", after.token ?? "", "cmux_workspace_snapshot");
    expect(called).toMatchObject({ isError: false, decision: null });
  });

  it("runs the cron, which Cloudflare would: what waited at the start is told", async () => {
    const { url, team, email, password } = await running.ready();
    const { token } = await new Rest(url).must(session, "POST", "/v1/login", { email, password });
    await until(async () => {
      const { body } = await new Rest(url, token).call("GET", `/v1/teams/${team}/events`);
      return JSON.stringify(body).includes("evt_waiting");
    });
  });

  it("refuses a second gateway on the same data", async () => {
    const second = startPortcullis(dir);
    expect(await second.ended).toBe(1);
    expect(second.stderr).toContain(`is in use by a gateway at ${(await running.ready()).url}`);
  });

  it("renews the token, and says so, when the gateway's address had to change", async () => {
    const before = await running.ready();
    expect(await running.stop()).toBe(0);
    const squatter = createServer();
    await new Promise<void>((done) => {
      squatter.listen(Number(new URL(before.url).port), "127.0.0.1", done);
    });
    running = startPortcullis(dir);
    const after = await running.ready();
    await new Promise((done) => squatter.close(done));
    expect(after.url).not.toBe(before.url);
    expect(after.token).not.toBe(before.token);
    expect(running.stderr).toContain("token was renewed");
    const called = await callPlainly(after.gateway_url ?? "", after.token ?? "", "cmux_workspace_snapshot");
    expect(called.isError).toBe(false);
  });

  it("leaves no process behind on SIGTERM", async () => {
    const pids = descendants(running.pid).map((one) => one.pid);
    expect(descendants(running.pid).some((one) => one.command.includes("workerd"))).toBe(true);
    expect(await running.stop()).toBe(0);
    expect(alive(pids)).toEqual([]);
  });
});

describe("npm start, when something is wrong", () => {
  const { dir, drop } = scratch();
  afterAll(drop);

  it("names the busy port and how to take another", async () => {
    const squatter = createServer();
    await new Promise<void>((done) => squatter.listen(0, "127.0.0.1", done));
    const address = squatter.address();
    const port = typeof address === "object" ? address?.port : null;
    const started = new Started(["--port", String(port), "--state", dir]);
    expect(await started.ended).toBe(1);
    await new Promise((done) => squatter.close(done));
    expect(started.stderr).toContain(`Port ${port} is taken by another program.`);
    expect(started.stderr).not.toContain("    at ");
  });

  it("refuses a flag that it does not know, with the right usage", async () => {
    const started = new Started(["--prot", "1"]);
    expect(await started.ended).toBe(1);
    expect(started.stderr).toContain("Usage: npm start");
  });

  it("says that the registry cannot be reached when there is no network", async () => {
    const copy = await mkdtemp(join(tmpdir(), "portcullis-clone-"));
    for (const name of ["package.json", "package-lock.json", "scripts"]) {
      await cp(join(root, name), join(copy, name), { recursive: true });
    }
    const started = new Started([], copy, {
      npm_config_registry: "http://127.0.0.1:9",
      npm_config_cache: join(copy, "cache"),
      npm_config_fetch_retries: "0",
    });
    expect(await started.ended).toBe(1);
    expect(started.stderr).toContain("The npm registry cannot be reached.");
    await rm(copy, { recursive: true, force: true });
  });
});

/** Makes the database as a version had it that knew no migration after this one. */
async function migrateUpTo(last: string, dir: string): Promise<void> {
  const old = await mkdtemp(join(tmpdir(), "portcullis-old-"));
  const names = readdirSync(join(root, "migrations")).filter((name) => name <= last);
  for (const name of names) await cp(join(root, "migrations", name), join(old, "migrations", name));
  const config = join(old, "wrangler.json");
  // The local database goes by this id, so it is the one that the gateway will find.
  const id = "00000000-0000-0000-0000-000000000000";
  const database = { binding: "DB", database_name: "portcullis", database_id: id };
  await writeFile(config, JSON.stringify({ name: "portcullis", d1_databases: [database] }));
  const where = ["--local", "--persist-to", join(dir, "data"), "--config", config];
  const { code, output } = wrangler(["d1", "migrations", "apply", "portcullis", ...where]);
  if (code !== 0) throw new Error(output);
  await rm(old, { recursive: true, force: true });
}

const waitingEvent = `
  INSERT INTO event (id, team_id, body, tried_at)
  SELECT 'evt_waiting', id, json_object('kind', 'control', 'id', 'evt_waiting', 'atMs', 1, 'requestId', '', 'actor', 'system',
    'action', 'team.changed', 'subject', id, 'detail', json_object()), 1 FROM team`;

const policyFromBefore = `
  INSERT INTO user (id, email, password, created_at) VALUES ('usr_1', 'old@example.com', 'x', 1);
  INSERT INTO team (id, slug, name, data_key, created_at) VALUES ('tem_1', 'old', 'Old', 'x', 1);
  INSERT INTO document (hash, body) VALUES ('h', '{"version":"1","default":"deny"}');
  INSERT INTO policy (id, team_id, slug, name, revision, created_at) VALUES ('pol_1', 'tem_1', 'team', 'team', 1, 1);
  INSERT INTO policy_revision (policy_id, revision, document, note, author_id, created_at)
    VALUES ('pol_1', 1, 'h', 'kept', 'usr_1', 1)`;

describe("npm start --no-demo", () => {
  const { dir, drop } = scratch();
  let running: Started;
  beforeAll(async () => {
    await migrateUpTo("0001_init.sql", dir);
    sql(dir, policyFromBefore);
    running = startPortcullis(dir, "--no-demo");
    await running.ready();
  });
  afterAll(async () => {
    await running.stop();
    drop();
  });

  it("has the demo's team, but neither its server nor its token", async () => {
    const ready = await running.ready();
    expect(Object.keys(ready)).toEqual(["url", "team", "email", "password"]);
    const { email, password } = ready;
    const { token } = await new Rest(ready.url).must(session, "POST", "/v1/login", { email, password });
    const servers = await new Rest(ready.url, token).call("GET", `/v1/teams/${ready.team}/servers`);
    expect(servers).toEqual({ status: 200, body: { items: [], next_cursor: null } });
    expect(existsSync(join(dir, "demo.log"))).toBe(false);
  });

  it("brings a database from before to the newest schema and keeps what is in it", () => {
    const kept = sql(dir, "SELECT policy_id, revision, note, tests FROM policy_revision WHERE note = 'kept'");
    expect(JSON.parse(kept)).toMatchObject([
      { results: [{ policy_id: "pol_1", revision: 1, note: "kept", tests: null }] },
    ]);
    const newest = readdirSync(join(root, "migrations")).toSorted().at(-1) ?? "none";
    expect(sql(dir, "SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1")).toContain(newest);
  });

  it("stops with a clear sentence when a part of it dies", async () => {
    const workers = descendants(running.pid).filter((one) => one.command.includes("wrangler-dist/cli.js"));
    const [first] = workers;
    expect(first).toBeDefined();
    if (first) process.kill(first.pid, "SIGKILL");
    expect(await running.ended).toBe(1);
    expect(running.stderr).toContain("The gateway ended by itself");
    await until(async () => descendants(running.pid).length === 0);
  });
});
