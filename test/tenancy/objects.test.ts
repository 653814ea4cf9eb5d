import { env, runInDurableObject } from "cloudflare:test";
import { DurableObject } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { Caller, GateStub } from "../../src/gate/rpc.ts";
import { type GrantId, newId, type TeamId } from "../../src/id.ts";
import * as worker from "../../src/index.ts";
import { loadSnapshot } from "../../src/store/snapshot.ts";
import { type Named, type ObjectRow, objectRows } from "./object_rows.ts";
import { newWorld, tracesIn, type World } from "./world.ts";

// T5: every method of every Durable Object, as the classes' prototypes have them.
let world: World;
let marked: Named;
let nothing: Named;
let others: { grant: { id: GrantId; token: string }; caller: Caller };
beforeAll(async () => {
  world = await newWorld();
  const { things, grant, other } = world;
  const [server] = (await world.marked.must(200, "GET", "/servers")).items;
  const at = {
    team: things["team"] as TeamId,
    teamSlug: world.marked.person.team.slug,
    serverSlug: server.slug,
  };
  marked = { grant: grant.id, caller: callerBy(grant, at) };
  const none = newId("grt", world.plane.deps.random);
  nothing = { grant: none, caller: { ...marked.caller, grant: none } };
  const own = await other.server("Own");
  await other.policy(own.slug, "Open");
  const given = await other.grant(own.slug, "open");
  const { id, slug } = other.person.team;
  others = {
    grant: given,
    caller: callerBy(given, { team: id as TeamId, teamSlug: slug, serverSlug: own.slug }),
  };
}, 60_000);

function callerBy(
  { id, token }: { id: GrantId; token: string },
  at: Pick<Caller, "team" | "teamSlug" | "serverSlug">,
): Caller {
  const jti = decodeJwt(token).jti ?? "";
  const { team, teamSlug, serverSlug } = at;
  return { grant: id, bearer: { kind: "token", jti }, team, teamSlug, serverSlug };
}

const classes = Object.entries(worker).filter(
  (one): one is [keyof typeof objectRows, (typeof one)[1] & typeof DurableObject] =>
    typeof one[1] === "function" && one[1].prototype instanceof DurableObject,
);
const rowsOf = (name: string): Record<string, ObjectRow<unknown>> => {
  const all = objectRows as unknown as Record<string, { methods: Record<string, ObjectRow<unknown>> }>;
  return all[name]?.methods ?? {};
};

/** All that can be called on an object of a class: what it and the classes below DurableObject define. */
function methodsOf({ prototype }: { prototype: object }): string[] {
  const names = new Set<string>();
  for (let at = prototype; at !== DurableObject.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor") names.add(name);
  }
  return [...names].toSorted();
}

function objectAt(className: keyof typeof objectRows, name: string): unknown {
  const namespace = env[objectRows[className].binding] as unknown as DurableObjectNamespace;
  return namespace.get(namespace.idFromName(name));
}

/** What comes of a call, as text; times left out. A row whose call throws proves nothing, so that fails. */
async function comesOf(row: ObjectRow<unknown>, object: unknown, named: Named): Promise<string> {
  const plain = (_: string, value: unknown) =>
    typeof value === "bigint" || (typeof value === "number" && value > 1e12) ? "number" : value;
  return JSON.stringify(await row.call(object, named), plain) ?? "nothing";
}

describe("every method of every object", () => {
  it("has a row", () => {
    const served = classes.map(([name, { prototype }]) => [name, methodsOf({ prototype })]);
    const rows = Object.entries(objectRows).map(([name, { methods }]) => [
      name,
      Object.keys(methods).toSorted(),
    ]);
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(served));
  });

  it.each(classes.map(([name]) => name))(
    "of an unused %s answers for the other team as for nothing",
    async (name) => {
      const wrong: string[] = [];
      for (const [method, row] of Object.entries(rowsOf(name))) {
        const fresh = () => objectAt(name, newId("grt", world.plane.deps.random));
        const foreign = await comesOf(row, fresh(), marked);
        const absent = (await comesOf(row, fresh(), nothing)).replaceAll(nothing.grant, marked.grant);
        if (foreign !== absent) wrong.push(`${method}: ${foreign} is not ${absent}`);
        const told = tracesIn(world, foreign).filter((trace) => trace !== marked.grant);
        wrong.push(...told.map((trace) => `${method} tells ${trace}`));
      }
      expect(wrong).toEqual([]);
    },
  );

  it.each([
    ["GrantGate" as const, () => others.grant.id],
    ["TeamLog" as const, () => world.other.person.team.id],
  ])("of another team's %s tells nothing of the marked team", async (name, own) => {
    const wrong: string[] = [];
    for (const [method, row] of Object.entries(rowsOf(name))) {
      if (method === "forget" || method === "append") continue;
      const answer = await comesOf(row, objectAt(name, own()), marked);
      const told = tracesIn(world, answer).filter((trace) => trace !== marked.grant);
      wrong.push(...told.map((trace) => `${method} tells ${trace}`));
    }
    expect(wrong).toEqual([]);
  });
});

describe("a gate", () => {
  const gateOf = (id: GrantId): GateStub => objectAt("GrantGate", id) as GateStub;
  const gone = '{"effect":"gone","because":"token"}';

  it("lets nobody in on the word of any other token", async () => {
    const { caller } = marked;
    const tried: [who: string, caller: Caller, answer: string][] = [
      ["another team's grant", { ...others.caller, serverSlug: caller.serverSlug }, gone],
      ["another team, this grant", { ...caller, team: others.caller.team }, gone],
      ["another grant of this team", { ...caller, grant: others.caller.grant }, gone],
      ["a token that was never given", callerBy({ ...others.grant, id: marked.grant }, caller), gone],
      [
        "another team's address",
        { ...caller, teamSlug: others.caller.teamSlug },
        gone.replace("token", "route"),
      ],
      ["a server that is not the grant's", { ...caller, serverSlug: "own" }, gone.replace("token", "route")],
    ];
    for (const [who, other, answer] of tried) {
      for (const method of ["admit", "view"]) {
        const row = rowsOf("GrantGate")[method];
        if (!row) throw new Error(method);
        const named = { ...marked, caller: other };
        expect(await comesOf(row, gateOf(marked.grant), named), `${who}, ${method}`).toBe(answer);
      }
      expect(await gateOf(marked.grant).stands(other, 1), who).toBe("gone");
    }
    expect(await gateOf(marked.grant).view(caller, "tools/list")).toMatchObject({ effect: "view" });
  });

  it("takes on no other grant's snapshot", async () => {
    const snapshot = await loadSnapshot(env.DB, marked.grant);
    if (!snapshot) throw new Error("no snapshot");
    const object = env.GATES.get(env.GATES.idFromName(others.grant.id));
    const taken = await runInDurableObject(object, (gate) =>
      gate.apply({ ...snapshot, epoch: 99 }).catch((error: unknown) => String(error)),
    );
    expect(taken).toBe("Error: a snapshot of another grant");
    expect(await gateOf(others.grant.id).view(others.caller, "tools/list")).toMatchObject({ effect: "view" });
  });

  it("is closed to its own token from the moment that the grant is revoked", async () => {
    await world.marked.must(200, "DELETE", `/grants/${marked.grant}`);
    const gate = gateOf(marked.grant);
    expect(JSON.stringify(await gate.view(marked.caller, "tools/list"))).toBe(gone);
    expect(await gate.stands(marked.caller, 1)).toBe("gone");
  });
});
