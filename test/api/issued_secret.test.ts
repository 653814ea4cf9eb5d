import { env, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { inspect } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { operations } from "../../src/api/operations.ts";
import { totpCode } from "../../src/identity/totp.ts";
import { Person as Browser, World } from "../connect/world.ts";
import { callback, OAuthSetting, verifier } from "../oauth/oauth_setting.ts";

// T17 for secrets that the gateway itself gives out, and for those of servers and providers that it signs in to: each kind
// is made once, and found nowhere but in the answer that gave it out.
const secrets = new Map<string, string>();
const places = new Map<string, string>();
const written: unknown[][] = [];

/** Knows a secret from now on; nothing that was answered before counts. */
function plant(what: string, secret: unknown): string {
  if (typeof secret !== "string" || secret.length < 6) throw new Error(`${what} is no secret: ${secret}`);
  secrets.set(secret, what);
  return secret;
}

/** The ways in which a text could stand somewhere: as it is, encoded, or inside of JSON. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encodings = (["base64", "base64url", "hex"] as const).map((encoding) => bytes.toString(encoding));
  return [secret, ...encodings, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
}

let s: OAuthSetting;
beforeAll(async () => {
  for (const level of ["error", "warn", "log", "info"] as const) {
    const plain = console[level];
    console[level] = (...given: unknown[]) => {
      written.push(given);
      plain(...given);
    };
  }
  s = await OAuthSetting.start();
  await forScripts();
  await forPrograms();
  await forPeople();
  await forServers();
  await readEverything();
  await readStorage();
}, 120_000);

async function forScripts(): Promise<void> {
  const body = { label: "ci", team: s.team.person.team.slug, role: "admin" };
  const script = await s.plane.ask("POST", "/v1/tokens", { token: s.team.person.token, body });
  plant("script token", script.body.token);
  const events = ["approval.requested"];
  const hook = await s.team.must(201, "POST", "/hooks", { url: "https://hook.example", events });
  plant("webhook secret", hook.secret);
}

/** A program that a person agrees to, one with a secret of its own, and a machine. */
async function forPrograms(): Promise<void> {
  const metadata = { token_endpoint_auth_method: "client_secret_post" };
  const client = await s.register(metadata);
  const client_secret = plant("registered client's secret", client.client_secret);
  const back = await s.consent(client.client_id);
  const code = plant("authorization code", back.searchParams.get("code"));
  const form = { client_id: client.client_id, client_secret, code, redirect_uri: callback };
  const first = await s.token({
    ...form,
    grant_type: "authorization_code",
    code_verifier: verifier,
    resource: s.resource,
  });
  plant("access token", first.body.access_token);
  const refresh_token = plant("refresh token", first.body.refresh_token);
  const next = await s.refresh(client.client_id, refresh_token, { client_secret });
  plant("renewed access token", next.body.access_token);
  plant("renewed refresh token", next.body.refresh_token);
  const grant = await s.team.grant("tools", "open");
  plant("grant token", grant.token);
  const auth = { type: "secret" };
  const machine = await s.team.must(201, "POST", `/grants/${grant.id}/clients`, { name: "CI", auth });
  const secret = plant("machine's secret", machine.client_secret);
  const asked = { grant_type: "client_credentials", client_id: machine.id, client_secret: secret };
  const given = await s.token(asked);
  plant("machine's token", given.body.access_token);
  await s.call(given.body.access_token);
  // What fails must not give anything back either.
  const wrong = [
    await s.token({ ...asked, client_secret: plant("wrong secret", crypto.randomUUID()) }),
    await s.token({ ...form, grant_type: "authorization_code", code_verifier: verifier }),
    await s.refresh(client.client_id, refresh_token, { client_secret }),
  ];
  places.set("refused token requests", JSON.stringify(wrong.map(({ body }) => body)));
}

/** Links in mails, and what a second factor is made of. */
async function forPeople(): Promise<void> {
  const { plane, team } = s;
  const { email, password, token } = team.person;
  plant("password", password);
  plant("session token", token);
  await team.must(201, "POST", "/members", { email: "invited@example.com", role: "viewer" });
  await plane.ask("POST", "/v1/password/forgotten", { body: { email } });
  for (const { subject, text } of plane.mails) {
    for (const [, secret] of text.matchAll(/#(\S+)/g)) plant(`link in the mail "${subject}"`, secret);
  }
  const begun = await plane.ask("POST", "/v1/me/totp", { token, body: { password } });
  const written = plant("authenticator's secret", begun.body.secret);
  const code = totpCode(bytesOf(written), Math.floor(Date.now() / 30_000));
  const confirmed = await plane.ask("POST", "/v1/me/totp/confirm", { token, body: { code } });
  expect(confirmed.status, confirmed.text).toBe(200);
  for (const one of confirmed.body.recovery_codes) plant("recovery code", one);
}

/** RFC 4648 §6. */
function bytesOf(base32: string): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...base32].map((one) => alphabet.indexOf(one).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

let browser: Browser;

/** A server that is signed in to by OAuth, with what its authorization server gives out. */
async function forServers(): Promise<void> {
  const world = await World.start();
  browser = await Browser.signUp();
  const { server, gives } = world.upstream();
  const auth = {
    type: "oauth",
    issuer: gives.issuer,
    client_id: "by-hand",
    client_secret: plant("client's secret at a server", `s3cr3t/+ %${crypto.randomUUID()}`),
  };
  const made = await browser.must(201, "POST", "/servers", { name: "Mine", url: server.url, auth });
  gives.preset("by-hand", auth.client_secret, made.auth.redirect_uri);
  await browser.connect(made.slug);
  const agent = await browser.agent(made.slug);
  expect((await agent.call()).status).toBe(200);
  for (const secret of gives.secrets) plant("token of a server", secret);
}

/** Asks every operation that only reads, as whoever may see the most. */
async function readEverything(): Promise<void> {
  const { person } = s.team;
  const grants = await s.team.must(200, "GET", "/grants");
  const hooks = await s.team.must(200, "GET", "/hooks");
  const of = {
    server: "tools",
    policy: "open",
    tool: "read_a",
    grant: grants.items.at(-1).id,
    hook: hooks.items[0].id,
    revision: "1",
  };
  const names: Record<string, string> = { team: person.team.slug, ...of };
  const answered: string[] = [];
  for (const { id, path, method } of operations) {
    if (method !== "get" || id === "follow_log") continue;
    const at = path.replaceAll(/\{(\w+)\}/g, (_, name) => names[name] ?? "absent");
    const { status, text } = await s.plane.ask("GET", at, { token: person.token });
    places.set(id, text);
    if (status === 200) answered.push(id);
    if (!at.startsWith("/v1/teams/") || id === "export_log") continue;
    const theirs = at.replace(`/v1/teams/${person.team.slug}`, "").replace("tools", "mine");
    places.set(`${id} of the other team`, (await browser.ask("GET", theirs)).text);
  }
  expect(answered.length).toBeGreaterThan(25);
  places.set("the console", written.map((line) => inspect(line, { depth: 10 })).join("\n"));
}

const tableNames =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'";

/** Every row of D1, and of every object that there is, whatever its class. */
async function readStorage(): Promise<void> {
  const { results } = await env.DB.prepare(tableNames).all<{ name: string }>();
  for (const { name } of results) {
    places.set(`D1 ${name}`, JSON.stringify((await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results));
  }
  const namespaces = Object.entries(env).filter(([, binding]) => isNamespace(binding));
  for (const [name, binding] of namespaces as [string, DurableObjectNamespace][]) {
    for (const id of await listDurableObjectIds(binding)) {
      const rows = await runInDurableObject(binding.get(id), async (_, { storage }) => {
        const tables = storage.sql.exec<{ name: string }>(tableNames).toArray();
        const all = tables.map((table) => storage.sql.exec(`SELECT * FROM "${table.name}"`).toArray());
        return JSON.stringify([all, [...(await storage.list())]]);
      });
      places.set(`${name} ${id}`, rows);
    }
  }
  expect(namespaces.map(([name]) => name).toSorted()).toEqual([
    "ACCOUNTS",
    "COUNTERS",
    "GATES",
    "LOGS",
    "THROTTLES",
  ]);
}

const isNamespace = (binding: unknown): boolean => binding?.constructor.name === "DurableObjectNamespace";

it("every kind of secret was made, and every place looked into", () => {
  const kinds = new Set(secrets.values());
  expect(kinds.size).toBeGreaterThanOrEqual(20);
  expect(places.get("D1 server")).toContain("by-hand");
  expect([...places.keys()].filter((place) => place.startsWith("ACCOUNTS"))).toHaveLength(1);
  expect(places.get("D1 mail_link")).toContain("purpose");
});

it("no secret is found in an answer, a log, an error or a database, in clear or encoded", () => {
  const found = [...places].flatMap(([place, text]) =>
    [...secrets]
      .filter(([secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([, what]) => `${what} in ${place}`),
  );
  expect(found).toEqual([]);
});
