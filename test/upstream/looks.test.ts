import { beforeEach, describe, expect, test } from "vitest";
import { Looks } from "../../src/upstream/looks.ts";

let nowMs: number;
let resting: (() => void)[];
let looks: Looks;
let looked: string[];
beforeEach(() => {
  nowMs = 0;
  resting = [];
  looked = [];
  looks = new Looks({
    now: () => nowMs,
    wait: () => new Promise((resolve) => resting.push(resolve)),
  });
});

const look = (server: string) => async () => void looked.push(server);
const ask = (server: string) => looks.ask(server, look(server));
const settled = () => new Promise((resolve) => setTimeout(resolve));

async function rest(): Promise<void> {
  await settled();
  resting.shift()?.();
  await settled();
}

describe("a look that is asked for", () => {
  test("begins at once, and however many ask meanwhile there is one more, after a rest", async () => {
    const all = [ask("a"), ask("a"), ask("a")];
    await settled();
    expect(looked).toEqual(["a"]);
    void ask("a");
    await rest();
    expect(looked).toEqual(["a", "a"]);
    await rest();
    await Promise.all(all);
    expect(looked).toEqual(["a", "a"]);
    void ask("a");
    await settled();
    expect(looked).toEqual(["a", "a", "a"]);
  });

  test("waits for no other server", async () => {
    void ask("a");
    void ask("b");
    await settled();
    expect(looked).toEqual(["a", "b"]);
  });

  test("is not stopped by one that failed", async () => {
    const failed = looks.ask("a", () => Promise.reject(new Error("a bug")));
    void ask("a");
    await rest();
    await rest();
    await failed;
    void ask("a");
    await settled();
    expect(looked).toEqual(["a"]);
  });

  test("is not held up by one that was lost with its request", async () => {
    void looks.ask("a", () => new Promise(() => undefined));
    nowMs = 44_999;
    void ask("a");
    await settled();
    expect(looked).toEqual([]);
    nowMs = 45_000;
    void ask("a");
    await settled();
    expect(looked).toEqual(["a"]);
  });
});
