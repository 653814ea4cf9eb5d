import { env, runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import { type RotationDeps, rotateKeys } from "../../src/api/key_rotation.ts";
import { isFault } from "../../src/fault.ts";
import { drainOutbox } from "../../src/gate/push.ts";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import type { ConnectionId, GrantId, HookId, ServerId, TeamId, UserId } from "../../src/id.ts";
import { countBehind, listBehind, replaceSealed } from "../../src/store/sealed.ts";
import { Account } from "../../src/upstream/account.ts";
import type { MasterKeys } from "../../src/upstream/aead.ts";
import { openClientSecret, sealClientSecret } from "../../src/upstream/client_secret.ts";
import { openCredential } from "../../src/upstream/credential.ts";
import { argumentKey } from "../../src/upstream/data_key.ts";
import { openHookSecret } from "../../src/upstream/hook_secret.ts";
import { openTotpSecret, sealTotpSecret } from "../../src/upstream/totp_secret.ts";
import { parseMasterKeys } from "../../src/upstream/vault.ts";
import { ControlPlane, ready, seenTool } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

const first = env.MASTER_KEYS;
const second = `2:${"B".repeat(42)}A`;
function keysOf(text: string): MasterKeys {
  const keys = parseMasterKeys(text);
  if (isFault(keys)) throw new Error(keys.detail);
  return keys;
}
const [before, during, after] = [keysOf(first), keysOf(`${first},${second}`), keysOf(second)];
const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

let plane: ControlPlane;
let team: TeamSetting;
let teamId: TeamId;
const pushed = new Map<GrantId, Snapshot>();
let away = false;

const deps: RotationDeps = {
  db: env.DB,
  gate: (grant) => ({
    apply: async (snapshot) => {
      if (away) throw new Error("away");
      pushed.set(grant, snapshot);
      return { epoch: snapshot.epoch };
    },
  }),
  master: during,
  now: () => Date.now(),
  random,
};

const headers = { Authorization: "Bearer upstream-secret" };

beforeEach(async () => {
  away = false;
  plane = await ControlPlane.start();
  team = await TeamSetting.on(plane);
  teamId = team.person.team.id as TeamId;
});

/** A team with everything that is sealed. */
async function everything() {
  const url = `https://${crypto.randomUUID()}.example/mcp`;
  plane.upstreams.set(url, ready(seenTool("read_a")));
  const auth = { type: "headers", headers };
  const server = await team.must(201, "POST", "/servers", { name: "Tools", url, auth });
  await team.policy("tools", "Open");
  const grant = await team.grant("tools", "open");
  const hook = await team.must(201, "POST", "/hooks", {
    url: "https://hooks.example/",
    events: ["grant.expiring"],
  });
  const user = team.person.id as UserId;
  const totp = random(20);
  const client = { team: teamId, issuer: "https://idp.example", clientId: "portcullis" };
  const signIn = JSON.stringify({ clientId: client.clientId });
  const at = Date.now();
  await env.DB.batch([
    env.DB.prepare("INSERT INTO totp (user_id, secret, last_step, created_at) VALUES (?1, ?2, 0, ?3)").bind(
      user,
      await sealTotpSecret(before, user, totp, random),
      at,
    ),
    env.DB.prepare(
      `INSERT INTO identity (team_id, revision, issuer, audience, algorithms, jwks_uri, mapping, sign_in, client_secret, created_at, updated_at)
       VALUES (?1, 1, ?2, 'a', '[]', 'https://idp.example/jwks', '{}', ?3, ?4, ?5, ?5)`,
    ).bind(teamId, client.issuer, signIn, await sealClientSecret(before, client, "idp-secret", random), at),
  ]);
  return { server: server.id as ServerId, grant: grant.id as GrantId, hook, user, totp, client };
}

const column = async (sql: string, id: string): Promise<string> =>
  (await env.DB.prepare(sql).bind(id).first<{ sealed: string }>())?.sealed ?? "";
const dataKey = (): Promise<string> => column("SELECT data_key AS sealed FROM team WHERE id = ?1", teamId);

describe("rotating the master keys", () => {
  it("seals all that lasts anew: with the old key gone everything still opens, and gates have heard", async () => {
    const made = await everything();
    const wrapped = await dataKey();
    await rotateKeys(deps);
    const rewrapped = await dataKey();
    expect([wrapped.slice(0, 2), rewrapped.slice(0, 2)]).toEqual(["1.", "2."]);
    const credential = pushed.get(made.grant)?.routes[0]?.credential;
    if (!credential || !("value" in credential)) throw new Error("no credential");
    expect(credential.wrappedKey).toBe(rewrapped);
    expect(await openCredential(after, rewrapped, teamId, made.server, credential.value)).toEqual(headers);
    const hookSecret = await column("SELECT secret AS sealed FROM hook WHERE id = ?1", made.hook.id);
    expect(await openHookSecret(after, teamId, made.hook.id as HookId, hookSecret)).toBe(made.hook.secret);
    const totp = await column("SELECT secret AS sealed FROM totp WHERE user_id = ?1", made.user);
    expect(await openTotpSecret(after, made.user, totp)).toEqual(made.totp);
    const client = await column("SELECT client_secret AS sealed FROM identity WHERE team_id = ?1", teamId);
    expect(await openClientSecret(after, made.client, client)).toBe("idp-secret");
    expect(await countBehind(env.DB, 2)).toEqual({ data_key: 0, hook: 0, totp: 0, identity: 0, gates: 0 });
    const { items } = await team.must(200, "GET", "/events");
    const event = await env.DB.prepare("SELECT body FROM event WHERE team_id = ?1").bind(teamId).first<{
      body: string;
    }>();
    expect([...items, JSON.parse(event?.body ?? "{}")]).toContainEqual(
      expect.objectContaining({ action: "team.key_rotated", detail: { from: 1, to: 2 } }),
    );
  });

  it("leaves an account's tokens as they are: they open with the data key as it is wrapped now", async () => {
    const { server } = await everything();
    const wrapped = await dataKey();
    const connection = "con_1" as ConnectionId;
    const whose = { connection, team: teamId, server, member: null };
    const client = { id: "c", secret: null, auth: "none", redirectUri: "https://g.example/" } as const;
    const source = {
      issuer: "https://as.example",
      tokenEndpoint: "https://as.example/token",
      revocationEndpoint: null,
      client,
      resource: "https://mcp.example/mcp",
      origin: "https://mcp.example",
    };
    const tokens = { access: "at-1", refresh: null, expiresAtMs: null, renewAtMs: null, scope: "read" };
    const object = env.ACCOUNTS.get(env.ACCOUNTS.idFromName(crypto.randomUUID()));
    const from = (master: MasterKeys, state: DurableObjectState) =>
      new Account(state, env, {
        ...plane.deps,
        master,
        note: async () => undefined,
        dataKey: async () => null,
        now: () => Date.now(),
      });
    await runInDurableObject(object, (_, state) =>
      from(before, state).adopt(whose, wrapped, { source, tokens }),
    );
    await rotateKeys(deps);
    const asked = { origin: source.origin, wrappedKey: await dataKey(), refused: null };
    const access = await runInDurableObject(object, (_, state) => from(after, state).access(asked));
    expect(access).toMatchObject({ token: "at-1" });
    const old = await runInDurableObject(object, (_, state) =>
      from(after, state).access({ ...asked, wrappedKey: wrapped }),
    );
    expect(old).toMatchObject({ fault: "misconfigured" });
  });

  it("does not change the hash of equal arguments", async () => {
    const wrapped = await dataKey();
    const key = argumentKey(before, teamId, wrapped);
    await rotateKeys(deps);
    expect(argumentKey(after, teamId, await dataKey())).toEqual(key);
    expect(() => argumentKey(after, teamId, wrapped)).toThrow("MASTER_KEYS lacks the version");
  });

  it("is not over before the gates have heard, and the next run goes on", async () => {
    await everything();
    away = true;
    await rotateKeys(deps);
    expect(await countBehind(env.DB, 2)).toMatchObject({ data_key: 0, gates: 1 });
    away = false;
    await drainOutbox(deps, Date.now());
    expect(await countBehind(env.DB, 2)).toMatchObject({ gates: 0 });
  });

  it("goes past what does not open, which counts as behind", async () => {
    const stranger = await TeamSetting.on(plane);
    const lost = keysOf(`1:${"C".repeat(42)}A`);
    const { id } = stranger.person.team;
    const sealed = await sealTotpSecret(lost, stranger.person.id as UserId, random(20), random);
    await env.DB.prepare("INSERT INTO totp (user_id, secret, last_step, created_at) VALUES (?1, ?2, 0, 1)")
      .bind(stranger.person.id, sealed)
      .run();
    await rotateKeys(deps);
    expect(await countBehind(env.DB, 2)).toMatchObject({ data_key: 0, totp: 1 });
    expect(await column("SELECT secret AS sealed FROM totp WHERE user_id = ?1", stranger.person.id)).toBe(
      sealed,
    );
    expect(await column("SELECT data_key AS sealed FROM team WHERE id = ?1", id)).toMatch(/^2\./);
    await env.DB.prepare("DELETE FROM totp WHERE user_id = ?1").bind(stranger.person.id).run();
  });

  it("does not undo what somebody has changed meanwhile", async () => {
    const { hook } = await everything();
    const rows = await listBehind(env.DB, "hook", 2, { version: 0, id: "" }, 100);
    const row = rows.find(({ id }) => id === hook.id);
    if (!row) throw new Error("no row");
    await env.DB.prepare("UPDATE hook SET secret = '1.changed' WHERE id = ?1").bind(hook.id).run();
    await replaceSealed(env.DB, row, "2.old").run();
    expect(await column("SELECT secret AS sealed FROM hook WHERE id = ?1", hook.id)).toBe("1.changed");
    await env.DB.prepare("DELETE FROM hook WHERE id = ?1").bind(hook.id).run();
  });

  it("is asked by an index, however many teams there are", async () => {
    const plan = async (sql: string) =>
      (await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).all<{ detail: string }>()).results.map(
        ({ detail }) => detail,
      );
    const version = "CAST(data_key AS INTEGER)";
    expect(
      await plan(
        `SELECT id, data_key FROM team WHERE data_key IS NOT NULL AND ${version} < 2 AND (${version}, id) > (0, '') ORDER BY ${version}, id LIMIT 100`,
      ),
    ).toEqual([expect.stringContaining("team_by_key")]);
    const counted = await plan(`SELECT count(*) FROM team WHERE ${version} < 2 OR ${version} > 2`);
    expect(counted.filter((line) => line.startsWith("SCAN"))).toEqual([]);
  });
});
