import { beforeEach, describe, expect, test } from "vitest";
import { type Fault, isFault } from "../../src/fault.ts";
import { Traffic, type Turn } from "../../src/upstream/traffic.ts";

let nowMs: number;
let whileWaiting: (() => void)[];
let traffic: Traffic;
beforeEach(() => {
  nowMs = 1_000_000;
  whileWaiting = [];
  traffic = new Traffic({
    now: () => nowMs,
    wait: async (ms) => {
      nowMs += ms;
      whileWaiting.shift()?.();
    },
  });
});

async function enter(server = "a"): Promise<Turn> {
  const turn = await traffic.enter(server);
  if (isFault(turn)) throw new Error(turn.detail);
  return turn;
}

/** One request from beginning to end. */
async function request(status: number | null, server = "a") {
  const turn = await enter(server);
  const news = turn.met(status);
  turn.leave();
  return news;
}

const failTimes = async (times: number, server = "a", status: number | null = null) => {
  const news = [];
  for (let time = 0; time < times; time++) news.push(await request(status, server));
  return news;
};
const code = (answer: Turn | Fault) => (isFault(answer) ? answer.fault : "turn");

describe("a server that fails five times in a row", () => {
  test.each([
    ["without an answer", null],
    ["with 500", 500],
    ["with 503", 503],
  ])("%s is tried no more, and that is news once", async (_how, status) => {
    expect(await failTimes(5, "a", status)).toEqual([null, null, null, null, "unreachable"]);
    expect(await traffic.enter("a")).toEqual({
      fault: "upstream_unreachable",
      detail:
        "The server has failed 5 times in a row, so nothing was sent or counted. It is tried again in 15 s.",
    });
  });

  test("leaves every other server alone", async () => {
    await failTimes(5);
    expect(await request(200, "b")).toBeNull();
  });

  test("is given one request every 15 s, and a success lets all through again", async () => {
    await failTimes(5);
    nowMs += 14_999;
    expect(code(await traffic.enter("a"))).toBe("upstream_unreachable");
    nowMs += 1;
    const trial = await enter();
    expect(code(await traffic.enter("a"))).toBe("upstream_unreachable");
    expect(trial.met(null)).toBeNull();
    trial.leave();
    expect(code(await traffic.enter("a"))).toBe("upstream_unreachable");
    nowMs += 15_000;
    expect(await request(200)).toBe("ok");
    expect(await failTimes(4)).toEqual([null, null, null, null]);
    expect(code(await traffic.enter("a"))).toBe("turn");
  });

  test("is given another at once where the first never reached it, and in 15 s where it never came back", async () => {
    await failTimes(5);
    nowMs += 15_000;
    (await enter()).leave();
    await enter();
    expect(code(await traffic.enter("a"))).toBe("upstream_unreachable");
    nowMs += 15_000;
    expect(code(await traffic.enter("a"))).toBe("turn");
  });

  test.each([200, 202, 400, 401, 404, 429])(
    "but not where an answer with %i comes between",
    async (status) => {
      await failTimes(4);
      await request(status);
      await failTimes(4);
      expect(code(await traffic.enter("a"))).toBe("turn");
    },
  );
});

describe("requests that are under way to one server", () => {
  const fill = () => Promise.all(Array.from({ length: 256 }, () => enter()));

  test("are 256 at most: the next waits until one of them ends", async () => {
    const turns = await fill();
    whileWaiting.push(
      () => undefined,
      () => turns[7]?.leave(),
    );
    const before = nowMs;
    expect(code(await traffic.enter("a"))).toBe("turn");
    expect(nowMs - before).toBe(100);
  });

  test("are followed by whoever has waited for longest, not by whoever comes when one ends", async () => {
    const turns = await fill();
    let newcomer: Promise<Turn | Fault> | undefined;
    whileWaiting.push(() => {
      turns[0]?.leave();
      newcomer = traffic.enter("a");
    });
    expect(code(await traffic.enter("a"))).toBe("turn");
    expect(code(await (newcomer ?? enter()))).toBe("upstream_busy");
  });

  test("do not keep a place for one who has stopped waiting", async () => {
    let hangs = true;
    const leaver = new Traffic({
      now: () => nowMs,
      wait: () => (hangs ? new Promise(() => undefined) : Promise.resolve()),
    });
    const others = await Promise.all(Array.from({ length: 256 }, () => leaver.enter("a")));
    void leaver.enter("a");
    hangs = false;
    const [first] = others;
    if (first && !isFault(first)) first.leave();
    nowMs += 1_001;
    expect(code(await leaver.enter("a"))).toBe("turn");
  });

  test("make the next one give up after 10 s, and no server wait but theirs", async () => {
    await fill();
    expect(code(await traffic.enter("b"))).toBe("turn");
    const before = nowMs;
    expect(code(await traffic.enter("a"))).toBe("upstream_busy");
    expect(nowMs - before).toBe(10_000);
  });

  test("end once, however often that is said", async () => {
    const [first] = await fill();
    first?.leave();
    first?.leave();
    await enter();
    expect(code(await traffic.enter("a"))).toBe("upstream_busy");
  });

  test("that were lost with their isolate's request are forgotten after eleven minutes", async () => {
    await fill();
    nowMs += 660_001;
    expect(code(await traffic.enter("a"))).toBe("turn");
  });

  test("do not wait for a server that fails while they wait", async () => {
    const turns = await fill();
    whileWaiting.push(() => {
      for (const turn of turns.slice(0, 5)) turn.met(null);
    });
    expect(code(await traffic.enter("a"))).toBe("upstream_unreachable");
  });
});
