import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drainOutbox, pushEdit } from "../../src/gate/push.ts";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId, type UserId } from "../../src/id.ts";
import { commitEdit } from "../../src/store/edit.ts";
import { attachServers, insertGrant, revokeGrant } from "../../src/store/grant.ts";
import { takePending } from "../../src/store/outbox.ts";
import { insertPolicy, insertRevision } from "../../src/store/policy.ts";
import { insertServer } from "../../src/store/server.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { insertTeam, updateTeam } from "../../src/store/team.ts";
import { insertUser } from "../../src/store/user.ts";

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const now = 1_800_000_000_000;
const hour = 3_600_000;
const db = env.DB;

let user: UserId;
let team: TeamId;
let server: ServerId;
let policy: PolicyId;

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS));

beforeEach(async () => {
  [user, team] = [newId("usr", random), newId("tm", random)];
  [server, policy] = [newId("srv", random), newId("pol", random)];
  const slug = team.slice(3, 13);
  await db.batch([
    db.prepare("DELETE FROM outbox"),
    insertUser(db, { id: user, email: `${slug}@example.com`, password: "x" }, now),
    ...insertTeam(
      db,
      {
        id: team,
        slug,
        name: "T",
        zone: "UTC",
        frozen: "off",
        retentionDays: 365,
        secondFactor: false,
        dataKey: "k",
        createdAt: now,
      },
      user,
    ),
    insertServer(db, {
      id: server,
      team,
      slug: "tools",
      name: "Tools",
      url: "https://tools.example/mcp",
      authType: "none",
      credential: null,
      oauth: null,
      autoAccept: false,
      createdAt: now,
    }),
    ...insertPolicy(
      db,
      { id: policy, team, server, slug: "open", name: "Open", revision: 1, createdAt: now },
      revision(1, '{"version":"1","default":"allow"}'),
    ),
  ]);
});

const revision = (number: number, document: string) => ({
  revision: number,
  document,
  tests: null,
  note: null,
  author: user,
  createdAt: now,
});

async function grant(attached: PolicyId | null, expiresAt = now + hour): Promise<GrantId> {
  const id = newId("grt", random);
  await db.batch([
    insertGrant(db, {
      id,
      team,
      label: "agent",
      tags: ["a"],
      member: null,
      creator: user,
      expiresAt,
      revokedAt: null,
      createdAt: now,
    }),
    ...attachServers(db, team, id, [{ server, policy: attached }]),
  ]);
  return id;
}

const rename = () => [
  updateTeam(db, team, { name: "T", zone: "UTC", frozen: "all", retentionDays: 365, secondFactor: false }),
];

describe("an edit", () => {
  it("concerns the gates that it can change, by policy, server, team or grant", async () => {
    const [open, closed] = [await grant(policy), await grant(null)];
    const expired = await grant(policy, now - 1);
    const revoked = await grant(policy);
    await revokeGrant(db, team, revoked, now).run();
    const concern = async (of: Parameters<typeof commitEdit>[2]) =>
      (await commitEdit(db, team, of, now, rename())).grants.toSorted();
    expect(await concern({ of: "policy", policy })).toEqual([open]);
    expect(await concern({ of: "server", server })).toEqual([open, closed].toSorted());
    expect(await concern({ of: "team" })).toEqual([open, closed].toSorted());
    expect(await concern({ of: "grant", grant: revoked })).toEqual([revoked]);
    expect(await concern({ of: "grant", grant: expired })).toEqual([expired]);
  });

  it("that fails leaves nothing behind: no epoch, no row to push, no change", async () => {
    const id = await grant(policy);
    const before = await loadSnapshot(db, id);
    const taken = insertRevision(db, team, policy, revision(1, '{"version":"1","default":"deny"}'));
    await expect(commitEdit(db, team, { of: "team" }, now, [...rename(), ...taken])).rejects.toThrow(
      "UNIQUE",
    );
    expect(await loadSnapshot(db, id)).toEqual(before);
    expect(await takePending(db, now, 10)).toEqual([]);
  });

  it("raises the team's epoch by one and is in the snapshot with it", async () => {
    const id = await grant(policy);
    const first = await loadSnapshot(db, id);
    const document = '{"version":"1","default":"deny"}';
    const changes = insertRevision(db, team, policy, revision(2, document));
    const edit = await commitEdit(db, team, { of: "policy", policy }, now, changes);
    expect(edit).toEqual({ team, epoch: (first?.epoch ?? 0) + 1, grants: [id] });
    const second = await loadSnapshot(db, id);
    expect(second?.epoch).toBe(edit.epoch);
    expect(second?.routes[0]?.policy).toEqual({ id: policy, name: "Open", revision: 2, text: document });
  });
});

describe("pushing", () => {
  const gates = (answer: (snapshot: Snapshot) => number) => {
    const seen: Snapshot[] = [];
    const apply = async (snapshot: Snapshot) => {
      seen.push(snapshot);
      return { epoch: answer(snapshot) };
    };
    return { seen, deps: { db, gate: () => ({ apply }) } };
  };

  it("strikes off the gates that took the edit and keeps the others to try again", async () => {
    const [one, two] = [await grant(policy), await grant(policy)];
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    const { deps } = gates((snapshot) => (snapshot.grant.id === one ? snapshot.epoch : snapshot.epoch - 1));
    expect(await pushEdit(deps, edit)).toEqual({ acknowledged: 1, pending: 1 });
    const all = gates((snapshot) => snapshot.epoch);
    expect(await drainOutbox(all.deps, now)).toEqual({ acknowledged: 1, pending: 0 });
    expect(all.seen.map((snapshot) => snapshot.grant.id)).toEqual([two]);
    expect(await drainOutbox(all.deps, now)).toEqual({ acknowledged: 0, pending: 0 });
  });

  it("keeps a row that a later edit raised while the earlier one was on its way", async () => {
    const id = await grant(policy);
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    let later = 0;
    const deps = {
      db,
      gate: () => ({
        apply: async (snapshot: Snapshot) => {
          later = (await commitEdit(db, team, { of: "grant", grant: id }, now, rename())).epoch;
          return { epoch: snapshot.epoch };
        },
      }),
    };
    expect(await pushEdit(deps, edit)).toEqual({ acknowledged: 1, pending: 0 });
    expect(await takePending(db, now, 10)).toEqual([{ grant: id, team, epoch: later }]);
  });

  it("lifts a database that was restored from a back-up past its gates", async () => {
    const id = await grant(policy);
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    let standing = edit.epoch + 40;
    const { deps, seen } = gates((snapshot) => {
      standing = Math.max(standing, snapshot.epoch);
      return standing;
    });
    expect(await pushEdit(deps, edit)).toEqual({ acknowledged: 1, pending: 0 });
    expect(seen.map((snapshot) => snapshot.epoch)).toEqual([edit.epoch, edit.epoch + 41]);
    expect((await loadSnapshot(db, id))?.epoch).toBe(edit.epoch + 41);
  });

  it("brings every gate of such a database to its state, however many are ahead", async () => {
    const ids = [await grant(policy), await grant(policy), await grant(policy)];
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    const acts = new Map(ids.map((id) => [id, { epoch: edit.epoch + 40, frozen: "off" }]));
    const { deps } = gates(({ grant: { id }, epoch, team: { frozen } }) => {
      if (epoch > (acts.get(id)?.epoch ?? 0)) acts.set(id, { epoch, frozen });
      return acts.get(id)?.epoch ?? 0;
    });
    expect(await pushEdit(deps, edit)).toEqual({ acknowledged: 3, pending: 0 });
    expect([...acts.values()].map(({ frozen }) => frozen)).toEqual(["all", "all", "all"]);
  });

  it("reads the snapshots of many gates together, and each gate's is its own", async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, (_, i) => grant(i % 2 === 0 ? policy : null)));
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    const alone = new Map(
      await Promise.all(ids.map(async (id) => [id, await loadSnapshot(db, id)] as const)),
    );
    const { deps, seen } = gates((snapshot) => snapshot.epoch);
    let reads = 0;
    const counted = {
      prepare: (sql: string) => db.prepare(sql),
      batch: <T>(statements: D1PreparedStatement[]) => {
        reads++;
        return db.batch<T>(statements);
      },
    };
    expect(await pushEdit({ ...deps, db: counted }, edit)).toEqual({ acknowledged: 60, pending: 0 });
    expect(new Map(seen.map((snapshot) => [snapshot.grant.id, snapshot]))).toEqual(alone);
    expect(reads).toBe(3);
  });

  it("reaches all gates but the one whose policy is broken", async () => {
    const broken = newId("pol", random);
    await db.batch([
      ...insertPolicy(
        db,
        { id: broken, team, server, slug: "broken", name: "Broken", revision: 1, createdAt: now },
        revision(1, '{"version":"1","default":"deny"}'),
      ),
      db.prepare("DELETE FROM policy_revision WHERE policy_id = ?1").bind(broken),
    ]);
    const [one, two] = [await grant(broken), await grant(policy)];
    const edit = await commitEdit(db, team, { of: "team" }, now, rename());
    const { deps, seen } = gates((snapshot) => snapshot.epoch);
    expect(await pushEdit(deps, edit)).toEqual({ acknowledged: 1, pending: 1 });
    expect(seen.map((snapshot) => snapshot.grant.id)).toEqual([two]);
    expect((await takePending(db, now, 10)).map((row) => row.grant)).toEqual([one]);
  });
});

describe("a snapshot", () => {
  it("is null for no grant and refuses a policy without its document", async () => {
    expect(await loadSnapshot(db, newId("grt", random))).toBeNull();
    const id = await grant(policy);
    await db.prepare("DELETE FROM policy_revision WHERE policy_id = ?1").bind(policy).run();
    await expect(loadSnapshot(db, id)).rejects.toThrow("no document");
  });
});
