import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import { addressOf, attempt, type Guess, ration } from "../../src/identity/attempt.ts";
import { Throttle, type ThrottleStub } from "../../src/identity/throttle.ts";

const minute = 60_000;

/** Throttles over real objects, by a clock that stands until it is set. */
class Door {
  nowMs = 1_800_000_000_000;
  readonly #run = crypto.randomUUID();

  readonly throttle = (subject: string): ThrottleStub => ({
    take: (...args) => this.#at(subject, (throttle) => throttle.take(...args)),
    giveBack: (...args) => this.#at(subject, (throttle) => throttle.giveBack(...args)),
    know: (...args) => this.#at(subject, (throttle) => throttle.know(...args)),
    succeed: (...args) => this.#at(subject, (throttle) => throttle.succeed(...args)),
  });

  #at<T>(subject: string, what: (throttle: Throttle) => Promise<T>): Promise<T> {
    const stub = env.THROTTLES.get(env.THROTTLES.idFromName(`${this.#run} ${subject}`));
    return runInDurableObject(stub, (_, state) => what(new Throttle(state, env, () => this.nowMs)));
  }

  /** Lets an object's alarm go off, and counts what is left in it. */
  async sleep(subject: string, ms: number): Promise<number> {
    this.nowMs += ms;
    const stub = env.THROTTLES.get(env.THROTTLES.idFromName(`${this.#run} ${subject}`));
    return runInDurableObject(stub, async (_, state) => {
      await new Throttle(state, env, () => this.nowMs).alarm();
      const tables = state.storage.sql.exec("SELECT name FROM sqlite_schema WHERE name = 'bucket'").toArray();
      if (tables.length === 0) return 0;
      return state.storage.sql.exec("SELECT name FROM bucket UNION ALL SELECT address FROM known").toArray()
        .length;
    });
  }

  /** One guess: "in", or for how many seconds it is refused. */
  async guess(account: string, address: string | null, right = false, what: Guess = "password") {
    const tried = await attempt(what, account, { throttle: this.throttle, address });
    if (isFault(tried)) return tried.retryAfterS;
    if (right) await tried.succeeded();
    return "in";
  }

  async wrong(times: number, account: string, address: string | null): Promise<unknown[]> {
    const answers = [];
    for (let i = 0; i < times; i++) answers.push(await this.guess(account, address));
    return answers;
  }
}

const ins = (count: number) => Array<string>(count).fill("in");

describe("wrong passwords at an account", () => {
  it("are ten at once and then one every five minutes, from however many addresses", async () => {
    const door = new Door();
    const answers = [];
    for (let i = 0; i < 12; i++) answers.push(await door.guess("a@x", `203.0.113.${i}`));
    expect(answers).toEqual([...ins(10), 300, 300]);
    door.nowMs += 2 * minute;
    expect(await door.guess("a@x", "203.0.113.20")).toBe(180);
    door.nowMs += 3 * minute;
    expect(await door.guess("a@x", "203.0.113.20")).toBe("in");
    expect(await door.guess("a@x", "203.0.113.20")).toBe(300);
  });

  it("count also where they come at the same time", async () => {
    const door = new Door();
    const answers = await Promise.all(Array.from({ length: 15 }, () => door.guess("a@x", "203.0.113.1")));
    expect(answers.filter((answer) => answer === "in")).toHaveLength(10);
  });

  it("do not keep its owner out who comes from where they have signed in before", async () => {
    const door = new Door();
    expect(await door.guess("a@x", "198.51.100.1", true)).toBe("in");
    for (let hour = 0; hour < 4; hour++) {
      await door.wrong(12, "a@x", `203.0.113.${hour}`);
      expect(await door.guess("a@x", "203.0.113.9", true)).toBeTypeOf("number");
      expect(await door.guess("a@x", "198.51.100.1", true)).toBe("in");
      door.nowMs += 60 * minute;
    }
  });

  it("do not even keep out an owner who comes from elsewhere for longer than five minutes", async () => {
    const door = new Door();
    await door.wrong(20, "a@x", "203.0.113.1");
    door.nowMs += 5 * minute;
    expect(await door.guess("a@x", "198.51.100.7", true)).toBe("in");
  });

  it("from a known address have a budget too, which is no other's", async () => {
    const door = new Door();
    await door.guess("a@x", "198.51.100.1", true);
    expect(await door.wrong(11, "a@x", "198.51.100.1")).toEqual([...ins(10), 300]);
    expect(await door.guess("a@x", "198.51.100.2")).toBe("in");
  });

  it("are forgotten when the budget is full again, with the object that held them", async () => {
    const door = new Door();
    await door.wrong(2, "a@x", null);
    expect(await door.sleep("account a@x", 9 * minute)).toBe(1);
    expect(await door.sleep("account a@x", minute)).toBe(0);
    expect(await door.wrong(11, "a@x", null)).toEqual([...ins(10), 300]);
  });

  it("know an address for half a year, and twenty of them", async () => {
    const door = new Door();
    for (let i = 0; i <= 20; i++) {
      await door.guess("a@x", `198.51.100.${i}`, true);
      door.nowMs += minute;
    }
    await door.wrong(10, "a@x", "203.0.113.1");
    expect(await door.guess("a@x", "198.51.100.0")).toBeTypeOf("number");
    expect(await door.guess("a@x", "198.51.100.1")).toBe("in");
    expect(await door.sleep("account a@x", 181 * 1440 * minute)).toBe(0);
  });
});

describe("an address", () => {
  it("guesses thirty times at once, at whichever accounts, and uses up none of their budgets after that", async () => {
    const door = new Door();
    for (let i = 0; i < 30; i++) expect(await door.guess(`${i}@x`, "203.0.113.1")).toBe("in");
    for (let i = 0; i < 10; i++) expect(await door.guess("victim@x", "203.0.113.1")).toBe(60);
    expect(await door.wrong(10, "victim@x", "203.0.113.2")).toEqual(ins(10));
  });

  it("that many share is not refused for signing in rightly", async () => {
    const door = new Door();
    for (let i = 0; i < 40; i++) expect(await door.guess(`${i}@x`, "203.0.113.1", true)).toBe("in");
  });

  it("signs up twenty people at once, and twenty more an hour", async () => {
    const door = new Door();
    const signUp = () => ration("sign_up", "address 203.0.113.1", door);
    for (let i = 0; i < 20; i++) expect(await signUp()).toBeNull();
    expect(await signUp()).toEqual({
      fault: "throttled",
      detail: "There were too many tries. Wait 180 seconds before the next one.",
      retryAfterS: 180,
    });
    door.nowMs += 60 * minute;
    for (let i = 0; i < 20; i++) expect(await signUp()).toBeNull();
    expect(await signUp()).not.toBeNull();
  });

  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:ffff::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::ffff:203.0.113.7", "::ffff:203.0.113.7"],
  ])("%s is told apart as %s", (given, network) => {
    const header = (name: string) => (name === "CF-Connecting-IP" ? given : null);
    expect(addressOf(header, "https://gateway.example")).toBe(network);
  });

  it("is nothing on loopback, where anybody could claim one", () => {
    for (const host of ["localhost:8787", "127.0.0.1:8787", "[::1]:8787"]) {
      expect(addressOf(() => "203.0.113.7", `http://${host}`)).toBeNull();
    }
  });
});

it("second factors are counted apart from passwords, five at once", async () => {
  const door = new Door();
  await door.wrong(10, "a@x", "203.0.113.1");
  const answers = [];
  for (let i = 0; i < 6; i++) answers.push(await door.guess("a@x", "203.0.113.1", false, "second_factor"));
  expect(answers).toEqual([...ins(5), 300]);
});
