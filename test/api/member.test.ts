import { env } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GrantId } from "../../src/id.ts";
import type { Role } from "../../src/store/team.ts";
import { AgentCalls } from "./agent_calls.ts";
import { ControlPlane, type Person } from "./control_plane.ts";
import { TeamSetting } from "./team_setting.ts";

let plane: ControlPlane;
let team: TeamSetting;

beforeAll(async () => {
  plane = await ControlPlane.start();
});
beforeEach(async () => {
  team = await TeamSetting.on(plane);
});

const member = (role?: Role): Promise<Person> => team.member(role);

async function again({ email, token }: Person): Promise<void> {
  await team.must(201, "POST", "/members", { email, role: "admin" });
  const body = { token: plane.invitationTo(email) };
  expect((await plane.ask("POST", "/v1/invitations/accept", { token, body })).status).toBe(200);
}

const one = ({ id }: Person) => `/members/${id}`;
const code = async (asked: ReturnType<TeamSetting["ask"]>) => {
  const { status, body } = await asked;
  return [status, body.code];
};

async function lastEvent() {
  const { items } = await team.must(200, "GET", "/events?limit=1");
  const [{ actor, action, subject, detail }] = items;
  return { actor, action, subject, detail };
}

/** An agent that acts for a person, by a policy that lets admins alone read. */
async function agentOf({ id }: Person): Promise<AgentCalls> {
  await team.server();
  const require = [{ conditions: [{ path: "member.role", op: "eq", value: "admin" }], on_deny: "No." }];
  const document = { version: "1", default: "deny", tools: { read_a: { require } } };
  await team.policy("tools", "Admins", document);
  return new AgentCalls(team, await team.grant("tools", "admins", { member: id }));
}

describe("the members of a team", () => {
  it("are listed to each of them, in the order of their joining, page by page", async () => {
    const [viewer, manager] = [await member("viewer"), await member("policy_manager")];
    const seen = team.as(viewer);
    const first = await seen.must(200, "GET", "/members?limit=2");
    expect(first.items).toMatchObject([
      { id: team.person.id, email: team.person.email, role: "admin", approver: false, auditor: false },
      { id: viewer.id, email: viewer.email, role: "viewer" },
    ]);
    const next = await seen.must(200, "GET", `/members?limit=2&cursor=${first.next_cursor}`);
    expect(next).toMatchObject({ items: [{ id: manager.id, role: "policy_manager" }], next_cursor: null });
  });

  it("are changed and removed by admins alone, and may be called by their address", async () => {
    const [viewer, manager, other] = [await member(), await member("policy_manager"), await member()];
    for (const who of [viewer, manager]) {
      expect(await code(team.as(who).ask("PATCH", one(other), { role: "viewer" }))).toEqual([
        403,
        "forbidden",
      ]);
      expect(await code(team.as(who).ask("DELETE", one(other)))).toEqual([403, "forbidden"]);
    }
    const stranger = await plane.signUp("Stranger");
    expect(await code(team.as(stranger).ask("DELETE", one(other)))).toEqual([404, "not_found"]);
    expect(await code(team.ask("PATCH", one(stranger), { role: "admin" }))).toEqual([404, "not_found"]);
    await team.must(200, "DELETE", `/members/${encodeURIComponent(other.email)}`);
    expect(await code(team.as(other).ask("GET", ""))).toEqual([404, "not_found"]);
  });
});

describe("a role", () => {
  it("is in force at the next request, with its additions, and the log says who gave it", async () => {
    const person = await member();
    const changed = await team.must(200, "PATCH", one(person), { role: "policy_manager", auditor: true });
    const standing = { role: "policy_manager", approver: false, auditor: true };
    expect(changed).toMatchObject({ id: person.id, ...standing, in_force: { acknowledged: 0, pending: 0 } });
    expect(await team.as(person).must(200, "GET", "")).toMatchObject(standing);
    expect(await lastEvent()).toEqual({
      actor: team.person.id,
      action: "member.changed",
      subject: person.id,
      detail: standing,
    });
  });

  it("is what policies judge the member's agents by, from the next call on", async () => {
    const person = await member("viewer");
    const agent = await agentOf(person);
    expect((await agent.call("tools", "read_a")).effect).toBe("deny");
    const changed = await team.must(200, "PATCH", one(person), { role: "admin" });
    expect(changed.in_force).toEqual({ acknowledged: 1, pending: 0 });
    expect((await agent.call("tools", "read_a")).effect).toBe("allow");
    await team.must(200, "PATCH", one(person), { role: "viewer" });
    expect((await agent.call("tools", "read_a")).effect).toBe("deny");
  });
});

describe("the last admin", () => {
  it("cannot leave, be removed or be demoted, and may once there is another", async () => {
    const self = one(team.person);
    await member("policy_manager");
    const refused = [409, "conflict"];
    expect(await code(team.ask("DELETE", self))).toEqual(refused);
    expect(await code(team.ask("PATCH", self, { role: "policy_manager" }))).toEqual(refused);
    await team.must(200, "PATCH", self, { approver: true });
    const heir = await member();
    await team.must(200, "PATCH", one(heir), { role: "admin" });
    await team.must(200, "PATCH", self, { role: "viewer" });
    expect(await code(team.as(heir).ask("DELETE", one(heir)))).toEqual(refused);
    await team.must(200, "DELETE", self);
  });

  it("stays where all admins step back at once", async () => {
    const admins = [team.person, await member("admin"), await member("admin")];
    const answers = await Promise.all(
      admins.map((admin, i) =>
        i === 1
          ? team.as(admin).ask("DELETE", one(admin))
          : team.as(admin).ask("PATCH", one(admin), { role: "viewer" }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 409]);
  });

  it("who is refused leaves nothing behind: neither an event nor a later epoch", async () => {
    const before = await lastEvent();
    const epoch = () =>
      env.DB.prepare("SELECT epoch FROM team WHERE id = ?1").bind(team.person.team.id).first("epoch");
    const then = await epoch();
    expect((await team.ask("DELETE", one(team.person))).status).toBe(409);
    expect([await lastEvent(), await epoch()]).toEqual([before, then]);
  });
});

describe("a membership's end", () => {
  it.each(["left", "removed"])(
    "takes the team and the member's agents from who has %s, and coming back gives back neither",
    async (how) => {
      const person = await member("admin");
      const agent = await agentOf(person);
      expect((await agent.call("tools", "read_a")).effect).toBe("allow");
      const who = how === "left" ? person : team.person;
      const ended = await team.as(who).must(200, "DELETE", one(person));
      expect(ended).toEqual({ in_force: { acknowledged: 1, pending: 0 } });
      expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
      expect(await code(team.as(person).ask("GET", "/members"))).toEqual([404, "not_found"]);
      expect(await lastEvent()).toEqual({
        actor: who.id,
        action: `member.${how}`,
        subject: person.id,
        detail: { role: "admin" },
      });
      await again(person);
      await team.must(200, "PATCH", "", { name: "Renamed" });
      expect(await agent.call("tools", "read_a")).toEqual({ effect: "gone", because: "token" });
      const { items } = await team.must(200, "GET", "/grants");
      expect(items.map((grant: { id: GrantId; revoked_at: string | null }) => grant.revoked_at)).toEqual([
        expect.any(String),
      ]);
    },
  );
});
