import { beforeAll, expect, test, vi } from "vitest";
import type { DecisionEntry } from "../../src/audit/entry.ts";
import { hanging, inWords, lie, nameOf, type Point, rejecting, throwing } from "./point.ts";
import { Setting } from "./setting.ts";
import type { Way } from "./way.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
});

const rereadMs = 500_000;

const point = (at: string, how: Point["how"], what: string, breaks: Point["breaks"]): Point => ({
  at,
  how,
  what,
  breaks,
  on: "call",
});

/** The snapshot is at hand, and the time to read it again has come. */
const reread = (how: Point["how"], what: string, load: Way["parts"]["gate"]["load"]): Point =>
  point("D1, read again", how, what, async (way) => {
    await way.askPatiently("call");
    way.parts.gate.now = () => Date.now() + rereadMs;
    way.parts.gate.load = load;
  });

/** What may fail without a call being denied for it: nothing of this is needed to decide, and nothing of it is lost. */
const points: readonly Point[] = [
  reread("throws", "later", rejecting),
  reread("hangs", "never answers", hanging),
  ...[undefined, null, {}, { epoch: 9 }, { epoch: Number.NaN }].map((said) =>
    reread("lies", inWords(said), async () => lie(said)),
  ),
  point("log", "throws", "later", ({ parts }) => {
    parts.gate.ship = rejecting;
  }),
  point("log", "hangs", "never answers", ({ parts }) => {
    parts.gate.ship = hanging;
  }),
  point("webhooks", "throws", "later", ({ parts }) => {
    parts.gate.announce = rejecting;
  }),
  point("webhooks", "hangs", "never answers", ({ parts }) => {
    parts.gate.announce = hanging;
  }),
  point("shared counter, told", "throws", "later", ({ parts }) => {
    parts.counter.tell = rejecting;
  }),
  point("shared counter, told", "hangs", "never answers", ({ parts }) => {
    parts.counter.tell = hanging;
  }),
  point("gate.settle", "throws", "at once", ({ parts }) => {
    parts.stub.settle = throwing;
  }),
  point("gate.settle", "throws", "later", ({ parts }) => {
    parts.stub.settle = rejecting;
  }),
  point("gate.settle", "hangs", "never answers", ({ parts }) => {
    parts.stub.settle = hanging;
  }),
  point("a server's fare", "throws", "later", ({ parts }) => {
    parts.worker.noteFare = rejecting;
  }),
  point("gate's clock", "lies", "an hour back", async (way) => {
    await way.askPatiently("call");
    way.parts.gate.now = () => Date.now() - 3_600_000;
  }),
];

test.each(points.map((one): [string, Point] => [nameOf(one), one]))(
  "%s: calls go on, and each is in the log once it is back",
  async (_, { breaks }) => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    await setting.walk(async (way) => {
      const { ship } = way.parts.gate;
      await breaks(way);
      for (let i = 0; i < 3; i++)
        expect(await way.askPatiently("call")).toMatchObject({ status: 200, sent: [expect.any(String)] });
      const allowed = way.allowed;
      void way.gate.alarm();
      expect(await shippedAfter(way, ship)).toBe(allowed);
    });
  },
  30_000,
);

/** How many calls reach the log after the gate has been evicted, with whatever was on its way. */
async function shippedAfter(way: Way, ship: Way["parts"]["gate"]["ship"]): Promise<number> {
  const arrived = new Set<number>();
  way.parts.gate.ship = async (team, shipment) => {
    // At least once: the log passes over what it has.
    for (const [text] of shipment.calls) {
      const decision = JSON.parse(text) as DecisionEntry;
      if (decision.verdict === "allowed") arrived.add(decision.seq);
    }
    await ship(team, shipment);
  };
  way.parts.gate.announce = async () => undefined;
  way.parts.counter.tell = async () => undefined;
  way.evict();
  await way.gate.alarm();
  // What is younger than what was due waits for its end, until the next waking.
  await way.gate.alarm();
  return arrived.size;
}

test("a gate that D1 kept waiting, or told nonsense, decides as soon as D1 tells it the truth", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  await setting.walk(async (way) => {
    const { load } = way.parts.gate;
    const lies: Way["parts"]["gate"]["load"][] = [
      hanging,
      rejecting,
      async (grant) => lie({ ...(await load(grant)), routes: undefined }),
      async (grant) => lie({ ...(await load(grant)), epoch: Number.NaN }),
    ];
    for (const said of lies) {
      way.parts.gate.load = said;
      expect((await way.ask("call")).sent).toEqual([]);
      way.evict();
      expect((await way.ask("call")).sent).toEqual([]);
    }
    way.parts.gate.load = load;
    expect((await way.askPatiently("call")).sent).toHaveLength(1);
  });
}, 60_000);
