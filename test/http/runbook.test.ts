import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod";
import { Rest } from "../../scripts/start/rest.ts";
import { envFile, newSecrets } from "../../scripts/start/secrets.ts";
import { newId } from "../../src/id.ts";
import { mintGrantToken, verifyGrantToken } from "../../src/identity/grant_token.ts";
import { readSigningKeys } from "../../src/identity/keys.ts";
import { type Cmux, startCmux } from "../support/cmux.ts";
import { root, scratch } from "./harness.ts";

// Every block of docs/runbooks.md, run in the order of the page, each section by its own people.
const page = readFileSync(join(root, "docs/runbooks.md"), "utf8");
const sections = new Map(
  page.split(/^## /m).map((text) => {
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
    return [text.split("\n")[0] ?? "", blocks] as const;
  }),
);
const [preamble = ""] = sections.get("# Runbooks") ?? [];
const walked = new Set(["# Runbooks"]);

function blocksOf(title: string): readonly string[] {
  walked.add(title);
  const blocks = sections.get(title);
  if (!blocks) throw new Error(`docs/runbooks.md has no section "${title}"`);
  return blocks;
}

const { url } = inject("gateway");
const { dir, drop } = scratch();

/** Runs blocks as a reader would, with what they take for granted, and gives what they print. */
async function run(blocks: readonly string[], given: Record<string, string>): Promise<string> {
  const env = { ...process.env, URL: url, HOME: dir, ...given };
  const script = ["cd $WORK", ...blocks].join("\n").replaceAll(/\bscripts\//g, `${root}/scripts/`);
  const options = { env: { ...env, WORK: dir } };
  const { stdout } = await promisify(execFile)("sh", ["-euc", `${preamble}\n${script}`], options);
  return stdout.trim();
}

/** A person with a team, a server and an agent that reaches it. */
class Setting {
  readonly email: string;
  readonly password = "correct horse battery";
  token = "";
  team = "";
  grant = { id: "", token: "" };
  user = "";

  private constructor(email: string) {
    this.email = email;
  }

  static async start(cmux: Cmux): Promise<Setting> {
    const setting = new Setting(`${crypto.randomUUID()}@example.com`);
    const { email, password } = setting;
    const signedUp = z.object({
      token: z.string(),
      user: z.object({ id: z.string() }),
      team: z.object({ slug: z.string() }),
    });
    const body = { email, password, team: "Incident" };
    const made = await new Rest(url).must(signedUp, "POST", "/v1/signup", body);
    setting.token = made.token;
    setting.user = made.user.id;
    setting.team = `${url}/v1/teams/${made.team.slug}`;
    const auth = { type: "headers", headers: { Authorization: "Bearer leaked" } };
    await setting.ask("POST", "/servers", { name: "cmux", url: cmux.url, auth });
    await setting.ask("POST", "/servers/cmux/policies", {
      name: "open",
      document: { version: "1", default: "allow" },
    });
    const servers = [{ server: "cmux", policy: "open" }];
    setting.grant = z
      .object({ id: z.string(), token: z.string() })
      .parse(await setting.ask("POST", "/grants", { label: "agent", servers }));
    return setting;
  }

  ask(method: string, path: string, body: unknown): Promise<unknown> {
    const at = this.team.slice(url.length) + path;
    return new Rest(url, this.token).must(z.unknown(), method, at, body);
  }

  get given(): Record<string, string> {
    return { TEAM: this.team, TOKEN: this.token, GRANT: this.grant.id, SERVER: "cmux" };
  }

  /** What comes of a call: the status, or `denied` where the gateway's policy or freeze refuses. */
  async call(token = this.grant.token): Promise<number | "denied"> {
    const gateway = this.team.replace("/v1/teams/", "/key/");
    const answer = await fetch(`${gateway}/cmux`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"cmux_workspace_snapshot","arguments":{}}}',
    });
    return (await answer.text()).includes("[POLICY DENIED]") ? "denied" : answer.status;
  }
}

let cmux: Cmux;
let setting: Setting;
beforeAll(async () => {
  cmux = await startCmux();
  setting = await Setting.start(cmux);
});
afterAll(async () => {
  await cmux.stop();
  drop();
});

it("stops everything, and lets it go on", async () => {
  const [stop = "", go = ""] = blocksOf("Stop everything (freeze)");
  expect(await setting.call()).toBe(200);
  expect(await run([stop], setting.given)).toBe("0");
  expect(await setting.call()).toBe("denied");
  expect(await run([go], setting.given)).toBe("0");
  expect(await setting.call()).toBe(200);
});

it("gives a server its new credential from the next call on", async () => {
  const [change = ""] = blocksOf("A server's credential leaked");
  expect(await run([change], { ...setting.given, CREDENTIAL: "renewed" })).toBe("ok");
  expect(await setting.call()).toBe(200);
  expect(cmux.seen().headers["authorization"]).toBe("Bearer renewed");
});

/** The log lists a decision within two seconds of its answer. */
const listed = () => new Promise((done) => setTimeout(done, 2_500));

it("ends a leaked grant's token, by another and for good, and shows what it did", async () => {
  const [rotate = "", revoke = "", look = ""] = blocksOf("A grant's token leaked");
  const old = setting.grant.token;
  await run([rotate], setting.given);
  const renewed = readFileSync(join(dir, "token.new"), "utf8").trim();
  expect([await setting.call(old), await setting.call(renewed)]).toEqual([401, 200]);
  expect(await run([revoke], setting.given)).toBe("revoked");
  expect(await setting.call(renewed)).toBe(401);
  await listed();
  const seen = await run([look], setting.given);
  expect(seen).toContain("cmux_workspace_snapshot");
  expect(seen).toContain("grant.revoked");
});

describe("a hostile server", () => {
  it("is detached from every grant, looked at and deleted", async () => {
    const other = await Setting.start(cmux);
    const [detach = "", remove = ""] = blocksOf("A server turned hostile");
    expect(await other.call()).toBe(200);
    await listed();
    const [pending, calls, ...tools] = (await run([detach], other.given)).split("\n");
    expect([pending, calls]).toEqual(["0", "1"]);
    expect(tools).toContain("cmux_workspace_snapshot  accepted");
    expect(await other.call()).toBe(404);
    await run([remove], other.given);
    expect(
      (await fetch(`${other.team}/servers/cmux`, { headers: { Authorization: `Bearer ${other.token}` } }))
        .status,
    ).toBe(404);
  });
});

it("ends a leaked session and all that its password opened", async () => {
  const [end = "", look = "", remove = ""] = blocksOf("A session leaked");
  const body = { email: setting.email, password: setting.password };
  const signedIn = z.object({ token: z.string() });
  const leaked = await new Rest(url).must(signedIn, "POST", "/v1/login", body);
  const me = (token: string) => fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${token}` } });
  expect((await me(leaked.token)).status).toBe(200);
  const passwords = { PASSWORD: setting.password, NEW_PASSWORD: "another horse battery" };
  await run([end], { ...setting.given, ...passwords });
  expect([(await me(leaked.token)).status, (await me(setting.token)).status]).toEqual([401, 200]);
  expect(await run([look], setting.given)).toContain(`${setting.user}  grant.created`);
  // The last admin stays: the command says so, and changes nothing.
  await expect(run([remove], { ...setting.given, MEMBER: setting.user })).rejects.toThrow("409");
});

describe("the signing keys", () => {
  const issuer = "https://gate.example.com";
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const nowMs = Date.now();
  const kept = (): string =>
    /SIGNING_KEYS='(.*)'/.exec(readFileSync(join(dir, "state/secrets.env"), "utf8"))?.[1] ?? "";
  const mint = async () => {
    const bearer = {
      grant: newId("grt", random),
      team: newId("tm", random),
      jti: newId("jti", random),
      expiresAtMs: nowMs + 3_600_000,
    };
    return mintGrantToken(bearer, await readSigningKeys(kept()), issuer, nowMs);
  };
  const stands = async (token: string) =>
    (await verifyGrantToken(token, await readSigningKeys(kept()), issuer, nowMs)) !== null;

  it("are added, used and dropped in turn, and a leaked one is replaced", async () => {
    const [add = "", use = "", dropIt = "", addHere = "", replace = ""] = blocksOf("Rotate SIGNING_KEYS");
    const secrets = newSecrets();
    await promisify(execFile)("mkdir", ["-p", join(dir, "state")]);
    writeFileSync(join(dir, "state/secrets.env"), envFile(secrets));
    const given = { STATE: join(dir, "state") };
    const old = await mint();
    await run([add], given);
    expect(JSON.parse(kept())).toHaveLength(2);
    expect([await stands(old), decodeProtectedHeader(await mint()).kid]).toEqual([
      true,
      decodeProtectedHeader(old).kid,
    ]);
    await run([use], given);
    const next = await mint();
    expect(decodeProtectedHeader(next).kid).not.toBe(decodeProtectedHeader(old).kid);
    expect([await stands(old), await stands(next)]).toEqual([true, true]);
    await run([dropIt], given);
    expect([await stands(old), await stands(next), decodeJwt(next).iss]).toEqual([false, true, issuer]);
    expect(readFileSync(join(dir, "state/secrets.env"), "utf8")).toContain(
      `MASTER_KEYS='${secrets.MASTER_KEYS}'`,
    );
    writeFileSync(join(dir, "keys.json"), kept());
    await run([addHere], given);
    expect(JSON.parse(readFileSync(join(dir, "next.json"), "utf8"))).toEqual([
      ...JSON.parse(kept()),
      expect.anything(),
    ]);
    await run([replace], given);
    const [only, ...more] = JSON.parse(readFileSync(join(dir, "next.json"), "utf8")) as JWK[];
    expect([more, await calculateJwkThumbprint(only ?? {})]).toEqual([[], only?.kid]);
    expect(only?.kid).not.toBe(JSON.parse(kept())[0].kid);
  });
});

it("every section with commands was walked through", () => {
  const withCommands = [...sections].filter(([, blocks]) => blocks.length > 0).map(([title]) => title);
  expect(withCommands.filter((title) => !walked.has(title))).toEqual([]);
});
