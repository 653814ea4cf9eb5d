import { applyD1Migrations, env } from "cloudflare:test";
import { beforeAll, expect, test } from "vitest";
import type { GrantId, ServerId, TeamId } from "../../src/id.ts";
import { Refusals, type RefusedAsk, type RefusedGrant, type Surface } from "../../src/identity/refusals.ts";
import { countRefused } from "../../src/store/refusal.ts";

beforeAll(() => applyD1Migrations(env.DB, env.MIGRATIONS));

const team = "tm_1" as TeamId;
const grant = (n: number) => `grt_${n}` as GrantId;

class Door {
  readonly saved: [Surface, number][][] = [];
  readonly told: RefusedGrant[] = [];
  readonly asked: RefusedAsk[] = [];
  readonly #work: Promise<void>[] = [];
  #open: () => void = () => undefined;
  readonly refusals = new Refusals({
    saveUnknown: async (counts) => {
      this.saved.push([...counts]);
    },
    tellTeam: async (refused) => {
      this.told.push(refused);
    },
    tellAsked: async (refused) => {
      this.asked.push(refused);
    },
    behind: (work) => this.#work.push(work),
    wait: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#open = resolve;
      return promise;
    },
    now: () => 7,
  });

  async flush(): Promise<void> {
    this.#open();
    await Promise.all(this.#work);
  }
}

test("sign-ins that are refused are written together, not one by one", async () => {
  const door = new Door();
  for (let i = 0; i < 500; i++) door.refusals.unknown(i % 5 === 0 ? "login" : "gateway");
  for (let i = 0; i < 3; i++) door.refusals.grant(team, grant(1));
  expect(door.saved).toEqual([]);
  await door.flush();
  expect(door.saved).toEqual([
    [
      ["login", 100],
      ["gateway", 400],
    ],
  ]);
  expect(door.told).toEqual([{ team, grant: grant(1), count: 3, sinceMs: 7 }]);
});

test("a server that asks on and on for what it may not costs one entry for each rule", async () => {
  const door = new Door();
  const server = "srv_1" as ServerId;
  const ask = (rule: string) => ({ team, grant: grant(1), server, rule });
  for (let i = 0; i < 500; i++)
    door.refusals.ask(ask(i % 5 === 0 ? "/requests/roots" : "/requests/sampling"));
  await door.flush();
  expect(door.asked).toEqual([
    { ...ask("/requests/roots"), count: 100, sinceMs: 7 },
    { ...ask("/requests/sampling"), count: 400, sinceMs: 7 },
  ]);
});

test("what comes after a flush is counted anew", async () => {
  const door = new Door();
  door.refusals.unknown("login");
  await door.flush();
  door.refusals.unknown("login");
  await door.flush();
  expect(door.saved).toEqual([[["login", 1]], [["login", 1]]]);
});

test("a flood of different grants' tokens takes bounded memory and is still counted", async () => {
  const door = new Door();
  for (let i = 0; i < 1_500; i++) door.refusals.grant(team, grant(i));
  await door.flush();
  expect([door.told.length, door.saved]).toEqual([1_000, [[["gateway", 500]]]]);
});

test("counts of one hour add up in the database", async () => {
  const at = 3_600_000 * 500_000;
  await countRefused(env.DB, at + 5, new Map([["login", 2]]));
  await countRefused(env.DB, at + 3_599_999, new Map([["login", 3]]));
  const { results } = await env.DB.prepare("SELECT hour, surface, count FROM refused_sign_in").all();
  expect(results).toEqual([{ hour: at, surface: "login", count: 5 }]);
});
