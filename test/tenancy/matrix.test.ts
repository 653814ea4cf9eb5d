import { beforeAll, describe, expect, it } from "vitest";
import type { Operation } from "../../src/api/operation.ts";
import { operations } from "../../src/api/operations.ts";
import type { Role } from "../../src/store/team.ts";
import type { Answered, ControlPlane } from "../api/control_plane.ts";
import { type OperationRow, operationRows } from "./operation_rows.ts";
import { absent, type People, peopledWorld, stored, type Things, tracesIn } from "./world.ts";

// T5: every operation, as the router has them, against everybody who must not get through.
let world: Awaited<ReturnType<typeof peopledWorld>>;
let before: Awaited<ReturnType<typeof stored>>;
/** The plane that intruders meet, and the objects that were addressed on it. */
let door: ControlPlane;
const addressed = new Set<string>();

beforeAll(async () => {
  world = await peopledWorld();
  before = await stored(world);
  const { deps } = world.plane;
  const noting =
    <Id extends string, Stub>(object: (id: Id) => Stub) =>
    (id: Id): Stub => {
      addressed.add(id);
      return object(id);
    };
  door = world.plane.with({
    gate: noting(deps.gate),
    log: noting(deps.log),
    approvals: noting(deps.approvals),
    inbox: noting(deps.inbox),
  });
}, 60_000);

const title = ({ method, path }: Operation): string => `${method.toUpperCase()} ${path}`;
const rowOf = ({ id }: Operation): OperationRow => operationRows[id] ?? { needs: "public" };
const placeholders = ({ path }: Operation): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
const inTeam = operations.filter(({ path }) => path.startsWith("/v1/teams/{team}"));
const closed = operations.filter(({ access }) => access !== "public");

interface Sent {
  readonly body?: unknown;
  readonly query?: string;
}

function ask(plane: ControlPlane, operation: Operation, things: Things, token: string | null, sent?: Sent) {
  const { body, query = "" } = sent ?? rowOf(operation);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => things[name] ?? "unknown");
  return plane.ask(operation.method.toUpperCase(), `${path}${query}`, {
    ...(token === null ? {} : { token }),
    ...(body === undefined ? {} : { body }),
  });
}

/** All of an answer but its request's id, byte for byte. */
function bytes({ status, headers, text }: Answered): string {
  const requestId = headers.get("X-Request-Id") ?? "";
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`).sort();
  return [status, ...lines, "", text].join("\n").replaceAll(requestId, "req");
}

/** What is wrong where two answers should be one, of this status, and tell nothing. */
function wrong(operation: Operation, [foreign, missing]: [Answered, Answered], status?: number): string[] {
  const told = tracesIn(world, bytes(foreign));
  return [
    ...(status !== undefined && foreign.status !== status ? [`${title(operation)}: ${foreign.status}`] : []),
    ...(bytes(foreign) === bytes(missing) ? [] : [`${title(operation)}: not alike`]),
    ...told.map((trace) => `${title(operation)}: tells ${trace}`),
  ];
}

describe("the table", () => {
  it("has a row for each operation that the router serves, which says what it needs", () => {
    const needs = Object.entries(operationRows).map(([id, row]) => `${id} ${row.needs}`);
    expect(needs.toSorted()).toEqual(operations.map(({ id, access }) => `${id} ${access}`).toSorted());
  });

  it("knows a thing of the marked team, and none, for everything that a path names", () => {
    const named = [...new Set(operations.flatMap(placeholders))].toSorted();
    expect(Object.keys(world.things).toSorted()).toEqual(named);
    expect(Object.keys(absent).toSorted()).toEqual(named);
  });
});

const intruders: readonly [who: string, token: (people: People) => string | null, status: 401 | 404][] = [
  ["a stranger", () => null, 401],
  ["whoever has a session that was signed out", ({ signedOut }) => signedOut, 401],
  ["an agent with the team's own grant", ({ agent }) => agent, 401],
  ["another team's admin", ({ outsider }) => outsider.token, 404],
  ["who was a member", ({ removed }) => removed.token, 404],
  ["an admin of both, whose session opens the other alone", ({ elsewhere }) => elsewhere, 404],
];

describe("another's and absent are one answer, and no byte of the other team is in it", () => {
  it.each(intruders)(
    "for %s",
    async (_, tokenOf, status) => {
      const token = tokenOf(world.people);
      const found: string[] = [];
      for (const operation of closed) {
        if (rowOf(operation).ends && status !== 401) continue;
        const pair: [Answered, Answered] = [
          await ask(door, operation, world.things, token),
          await ask(door, operation, absent, token),
        ];
        const named = placeholders(operation).length > 0;
        // A session for one team is told so before anything of the person's is looked for.
        const oneTeam = operation.access === "person" && token === world.people.elsewhere;
        if (named || status === 401) found.push(...wrong(operation, pair, oneTeam ? 403 : status));
        else
          found.push(...tracesIn(world, pair[0].text).map((trace) => `${title(operation)}: tells ${trace}`));
      }
      expect(found).toEqual([]);
    },
    30_000,
  );

  it("for another team's admin who asks for them as if they were his own team's", async () => {
    const { outsider } = world.people;
    const found: string[] = [];
    for (const operation of closed.filter((one) => placeholders(one).some((name) => name !== "team"))) {
      const at = (things: Things) =>
        ask(door, operation, { ...things, team: outsider.team.slug }, outsider.token);
      found.push(...wrong(operation, [await at(world.things), await at(absent)], 404));
    }
    expect(found).toEqual([]);
  });

  it("where a body or a query names them, from another team or from none", async () => {
    const { outsider } = world.people;
    const found: string[] = [];
    for (const operation of operations) {
      const own = { ...absent, team: outsider.team.slug };
      const token = operation.access === "public" ? null : outsider.token;
      const { naming = () => [] } = rowOf(operation);
      for (const [n, sent] of naming(world.things).entries()) {
        const foreign = await ask(door, operation, own, token, sent);
        found.push(...wrong(operation, [foreign, await ask(door, operation, own, token, naming(absent)[n])]));
      }
    }
    expect(found).toEqual([]);
  });

  it("for a page of another origin in the browser of the team's admin", async () => {
    const headers = {
      Cookie: `__Host-session=${world.people.admin.token}`,
      Origin: "https://evil.example",
      "Sec-Fetch-Site": "cross-site",
      "Content-Type": "text/plain",
    };
    const found: string[] = [];
    for (const operation of closed) {
      const { body } = rowOf(operation);
      const at = (things: Things) => {
        const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => things[name] ?? "unknown");
        const text = body === undefined ? {} : { text: JSON.stringify(body) };
        return door.ask(operation.method.toUpperCase(), path, { headers, ...text });
      };
      found.push(...wrong(operation, [await at(world.things), await at(absent)], 403));
    }
    expect(found).toEqual([]);
  });

  it("and a method that a path does not take is refused before anybody is asked for", async () => {
    const found: string[] = [];
    for (const operation of inTeam) {
      const at = (things: Things) =>
        ask(door, { ...operation, method: "options" as "get" }, things, null, {});
      found.push(...wrong(operation, [await at(world.things), await at(absent)], 405));
    }
    expect(found).toEqual([]);
  });
});

describe("a lesser role of the same team", () => {
  const rank = ["viewer", "policy_manager", "admin"] as const;

  it.each([
    ["viewer", "viewer", ({ viewer }: People) => viewer.token],
    ["policy_manager", "policy_manager", (people: People) => people.policy_manager.token],
    ["viewer, in a script's token of an admin", "viewer", ({ script }: People) => script],
  ] as const)("of %s is refused all that is above it, alike", async (_, role, tokenOf) => {
    const token = tokenOf(world.people);
    const found: string[] = [];
    for (const operation of inTeam) {
      const { needs } = rowOf(operation);
      if (rank.indexOf(role) >= rank.indexOf(needs as Role)) continue;
      const own = { team: world.things["team"] ?? "" };
      const pair: [Answered, Answered] = [
        await ask(world.plane, operation, world.things, token),
        await ask(world.plane, operation, { ...absent, ...own }, token),
      ];
      found.push(...wrong(operation, pair, 403));
    }
    expect(found).toEqual([]);
  });

  it("is refused what only some of its rank may, and so is a script of whoever may", async () => {
    const found: string[] = [];
    const { owner, policy_manager: manager, script } = world.people;
    for (const operation of inTeam.filter((one) => rowOf(one).also)) {
      for (const token of [manager.token, script]) {
        const { status } = await ask(world.plane, operation, { ...world.things, user: owner.id }, token);
        if (status !== 403) found.push(`${title(operation)}: ${status}`);
      }
    }
    expect(found).toEqual([]);
  });

  it("is what a script has: never its person's sessions, tokens, factors or other teams", async () => {
    const found: string[] = [];
    const { script } = world.people;
    for (const operation of closed.filter(({ access }) => access === "person" || access === "session")) {
      const pair: [Answered, Answered] = [
        await ask(world.plane, operation, world.things, script),
        await ask(world.plane, operation, absent, script),
      ];
      found.push(...wrong(operation, pair, 403));
    }
    expect(found).toEqual([]);
  });
});

it("a policy manager gives a grant its policies, and changes nothing else of it", async () => {
  const { grant, server, policy, team } = world.things;
  const body = { servers: [{ server, policy }], label: "mine" };
  const { token } = world.people.policy_manager;
  const answer = await world.plane.ask("PATCH", `/v1/teams/${team}/grants/${grant}`, { token, body });
  expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
});

describe("all these attempts", () => {
  it("have changed nothing of the team", async () => {
    expect(await stored(world)).toEqual(before);
    expect(before["server"]).toHaveLength(1);
    expect(before["gate"]?.length).toBeGreaterThan(1);
  });

  it("have addressed none of its objects unless a member made them", async () => {
    const { team = "", grant = "" } = world.things;
    expect([team, grant].filter((id) => addressed.has(id))).toEqual([]);
    const { team: own, token } = world.other.person;
    await door.ask("GET", `/v1/teams/${own.slug}/log`, { token });
    expect(addressed).toContain(own.id);
  });
});

describe("the control", () => {
  const turnOf = (operation: Operation): number => rowOf(operation).turn ?? 0;

  it("whoever has just what an operation needs is served", async () => {
    const { plane, people, things } = world;
    const found: string[] = [];
    for (const operation of operations.toSorted((a, b) => turnOf(a) - turnOf(b))) {
      if (operation.id === "follow_log") continue;
      const row = rowOf(operation);
      const { needs, also, control } = row;
      const anybody = needs === "public" || needs === "user" || needs === "session" || needs === "person";
      const who = also ?? (anybody ? "outsider" : needs);
      const sent = operation.id === "delete_team" ? { body: { slug: world.marked.person.team.slug } } : row;
      const answer = await ask(plane, operation, things, people[who].token, sent);
      if (control ? answer.status !== control : answer.status >= 300)
        found.push(`${title(operation)}: ${answer.status} ${answer.text}`);
    }
    expect(found).toEqual([]);
  }, 30_000);
});
