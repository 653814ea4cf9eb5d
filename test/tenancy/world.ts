import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { type GrantId, newId, type TeamId, type UserId } from "../../src/id.ts";
import { mintSession } from "../../src/identity/session.ts";
import { putIdentity } from "../../src/store/identity.ts";
import { insertSession } from "../../src/store/session.ts";
import { insertSubject } from "../../src/store/subject.ts";
import { AgentCalls } from "../api/agent_calls.ts";
import { ControlPlane, type Person, seenTool } from "../api/control_plane.ts";
import { TeamSetting } from "../api/team_setting.ts";

/** What the path of an operation can name, by the name of its placeholder. */
export type Things = Readonly<Record<string, string>>;

/** Everybody who asks for what the marked team has. */
export interface People {
  readonly owner: Person;
  readonly outsider: Person;
  readonly viewer: Person;
  readonly policy_manager: Person;
  readonly admin: Person;
  readonly approver: Person;
  /** Was a viewer, and is a member no more. */
  readonly removed: Person;
  /** An admin's session that has been signed out. */
  readonly signedOut: string;
  /** A session of one of its admins that opens another team of theirs alone. */
  readonly elsewhere: string;
  /** A script's token of one of its admins, which may do what a viewer may. */
  readonly script: string;
  /** The bearer form of a grant of the marked team, which stands. */
  readonly agent: string;
}

/** A team in which everything that has a name or a text carries the mark, and another team. */
export interface World {
  readonly plane: ControlPlane;
  readonly marked: TeamSetting;
  readonly other: TeamSetting;
  readonly mark: string;
  readonly things: Things;
  readonly grant: { readonly id: GrantId; readonly token: string };
  /** All the texts by which an answer could give the marked team away. */
  readonly traces: readonly string[];
}

/** Names that nothing has, of the shape that things have. */
export const absent: Things = {
  team: `tm_${"0".repeat(26)}`,
  server: `srv_${"0".repeat(26)}`,
  policy: `pol_${"0".repeat(26)}`,
  grant: `grt_${"0".repeat(26)}`,
  tool: "absent",
  revision: "9",
  decision: `dec_${"0".repeat(26)}_1`,
  approval: `apr_${"0".repeat(26)}_1`,
  hook: `hok_${"0".repeat(26)}`,
  user: `usr_${"0".repeat(26)}`,
  invitation: `inv_${"0".repeat(26)}`,
  session: `ses_${"0".repeat(26)}`,
  token: `tok_${"0".repeat(26)}`,
  passkey: `psk_${"0".repeat(26)}`,
  sub: "nobody",
  client: `cli_${"0".repeat(26)}`,
};

/** A world with everybody who asks in it. */
export async function peopledWorld(): Promise<World & { readonly people: People }> {
  let people: People | null = null;
  const world = await newWorld(async (...given) => {
    people = await gather(...given);
    return people;
  });
  if (!people) throw new Error("nobody came");
  return { ...world, people };
}

/** `invite` brings people into it; without, the owner and another team's are all. Each of them costs a password's hash. */
export async function newWorld(invite?: typeof gather): Promise<World> {
  const plane = await ControlPlane.start();
  const mark = `zq${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  const [marked, other] = [await TeamSetting.on(plane, `Team ${mark}`), await TeamSetting.on(plane, "Other")];
  const seen = ["read", "pay"].map((verb) =>
    seenTool(`${verb}_${mark}`, {
      definition: JSON.stringify({ name: `${verb}_${mark}`, description: mark }),
    }),
  );
  const server = await marked.server(`Server ${mark}`, seen);
  const policy = await marked.policy(server.id, `Policy ${mark}`, {
    version: "1",
    default: "allow",
    tools: { [`read_${mark}`]: { record: "values" }, [`pay_${mark}`]: { action: "approve" } },
  });
  const grant = await marked.grant(server.id, policy.id, { label: `Agent ${mark}`, tags: [mark] });
  const machine = await marked.must(201, "POST", `/grants/${grant.id}/clients`, {
    name: `Machine ${mark}`,
    auth: { type: "secret" },
  });
  const hook = await marked.must(201, "POST", "/hooks", {
    url: `https://${mark}.example/hook`,
    events: ["approval.requested"],
  });
  const people = await invite?.(marked, other, grant.token);
  const email = `${mark}@example.com`;
  const invitation = await marked.must(201, "POST", "/members", { email, role: "viewer" });
  const { token } = marked.person;
  const sessions = (await plane.ask("GET", "/v1/sessions", { token })).body;
  const minted = { label: `Script ${mark}`, team: marked.person.team.id, role: "viewer" };
  const script = (await plane.ask("POST", "/v1/tokens", { token, body: minted })).body;
  const agent = new AgentCalls(marked, grant);
  const read = await agent.call(server.slug, `read_${mark}`, { text: mark });
  const asked = await agent.call(server.slug, `pay_${mark}`, { text: mark });
  if (read.effect !== "allow" || asked.effect !== "deny" || !asked.waitsFor)
    throw new Error("not as planned");
  await agent.ship();
  await runDurableObjectAlarm(env.LOGS.get(env.LOGS.idFromName(marked.person.team.id)));
  const things = {
    team: marked.person.team.id,
    server: server.id,
    policy: policy.id,
    grant: grant.id,
    tool: `read_${mark}`,
    revision: "1",
    decision: read.decision,
    approval: asked.waitsFor.id,
    hook: hook.id,
    user: people?.viewer.id ?? marked.person.id,
    invitation: invitation.id,
    session: sessions.items[0].id,
    token: script.id,
    passkey: await passkeyOf(marked.person, mark),
    sub: await subjectOf(marked, mark),
    client: machine.id,
  };
  const known = [marked.person, ...(people ? [people.viewer, people.approver] : [])];
  const emails = known.map(({ email: one }) => one);
  const { revision: _, ...ids } = things;
  return {
    plane,
    marked,
    other,
    mark,
    things,
    grant,
    traces: [mark, ...Object.values(ids), ...emails],
  };
}

/** Somebody whom the team's identity provider has named. */
async function subjectOf({ person, plane }: TeamSetting, mark: string): Promise<string> {
  const [nowMs, team] = [Date.now(), person.team.id as TeamId];
  const name = { team, issuer: `https://${mark}.example`, sub: `sub-${mark}` };
  // The guard refuses the address of its keys, so nobody asks for them.
  const nothing = { servers: [], tags: [], role: null, approver: false, auditor: false };
  const stored = {
    algorithms: '["ES256"]',
    jwksUri: "https://10.0.0.1",
    mapping: JSON.stringify({ label: "sub", rules: [{ when: null, ...nothing }] }),
    signIn: null,
    clientSecret: null,
    required: 0 as const,
    breakGlass: null,
  };
  const times = { createdAt: nowMs, updatedAt: nowMs, revision: nowMs };
  await plane.deps.db.batch([
    putIdentity(plane.deps.db, { ...name, ...stored, ...times, audience: mark }),
    ...insertSubject(plane.deps.db, name, newId("usr", plane.deps.random), nowMs),
  ]);
  return name.sub;
}

/** A passkey as it stands when its person has made one (test/api/passkey.test.ts makes true ones). */
async function passkeyOf({ id: user }: Person, mark: string): Promise<string> {
  const id = newId("psk", (count) => crypto.getRandomValues(new Uint8Array(count)));
  await env.DB.prepare(
    `INSERT INTO passkey (id, user_id, credential, public_key, counter, transports, name, created_at)
     VALUES (?1, ?2, ?3, '', 0, '[]', ?3, 0)`,
  )
    .bind(id, user, mark)
    .run();
  return id;
}

async function gather(marked: TeamSetting, other: TeamSetting, agent: string): Promise<People> {
  const [viewer, policy_manager, admin] = [
    await marked.member("viewer"),
    await marked.member("policy_manager"),
    await marked.member("admin"),
  ];
  const approver = await marked.member("viewer", { approver: true });
  const removed = await marked.member("viewer");
  await marked.must(200, "DELETE", `/members/${removed.id}`);
  const { email, password } = admin;
  const { token } = (await marked.plane.ask("POST", "/v1/login", { body: { email, password } })).body;
  await marked.plane.ask("POST", "/v1/logout", { token });
  const [owner, outsider] = [marked.person, other.person];
  const elsewhere = await sessionFor(marked.plane, admin);
  const minted = { label: "viewing", team: marked.person.team.id, role: "viewer" };
  const { body } = await marked.plane.ask("POST", "/v1/tokens", { token: admin.token, body: minted });
  // When it was used last is noted every five minutes: now, and not while others are watched.
  await marked.as(body).must(200, "GET", "");
  return {
    owner,
    outsider,
    viewer,
    policy_manager,
    admin,
    approver,
    removed,
    signedOut: token,
    elsewhere,
    script: body.token,
    agent,
  };
}

/** A session that opens the person's own team alone, as an identity provider's would. */
async function sessionFor({ deps }: ControlPlane, { id, team }: Person): Promise<string> {
  const nowMs = Date.now();
  const session = { jti: newId("ses", deps.random), user: id as UserId, expiresAtMs: nowMs + 3_600_000 };
  const scope = { team: team.id as TeamId, kind: "sso", client: "" } as const;
  await deps.db.batch(insertSession(deps.db, { ...session, ...scope }, nowMs));
  return mintSession(session, deps.keys, deps.origin, nowMs);
}

/** Which of the marked team's texts a text holds: those that it must not know. */
export const tracesIn = (world: World, text: string): string[] =>
  world.traces.filter((trace) => text.includes(trace));

/** Everything that is stored of the marked team, so that a change of it can be seen. */
export async function stored(world: World): Promise<Record<string, string[]>> {
  const { team, grant } = world.things;
  const log = env.LOGS.get(env.LOGS.idFromName(team ?? ""));
  const gate = env.GATES.get(env.GATES.idFromName(grant ?? ""));
  const found: Record<string, string[]> = {};
  const { results } = await env.DB.prepare(tableNames).all<{ name: string }>();
  for (const { name } of results) {
    const rows = (await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results.map((row) =>
      JSON.stringify(row),
    );
    found[name] = rows.filter((row) => tracesIn(world, row).length > 0).sort();
  }
  found["log"] = await runInDurableObject(log, (_, { storage }) => rowsOf(storage.sql));
  found["gate"] = await runInDurableObject(gate, (_, { storage }) => rowsOf(storage.sql));
  return found;
}

const tableNames =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'";

const rowsOf = (sql: SqlStorage): string[] =>
  sql
    .exec<{ name: string }>(tableNames)
    .toArray()
    .flatMap(({ name }) =>
      sql
        .exec(`SELECT * FROM "${name}"`)
        .toArray()
        .map((row) => JSON.stringify(row)),
    );
