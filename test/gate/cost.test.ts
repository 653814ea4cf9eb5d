import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { agree, type Figures, type Usage, withFigures } from "../../scripts/cost_page.ts";
import { type Bill, Meter } from "./cost_meter.ts";
import { type Act, Traffic } from "./cost_traffic.ts";

const [page = ""] = Object.values(
  import.meta.glob("/docs/cost.md", { query: "?raw", import: "default", eager: true }),
);

let meter: Meter;
beforeAll(async () => {
  meter = await Meter.start();
  // Late enough for the runtime to leave every alarm to us.
  const now = Date.parse("2100-01-01T00:00:00Z");
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now });
  // Gates spread their looks at D1 by chance: here they all take the middle. Reservations are named by it, so none is like another.
  let drawn = 0;
  vi.spyOn(Math, "random").mockImplementation(() => 0.5 + drawn++ / 1e12);
});
afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface Kind {
  readonly name: string;
  /** The rule that the call meets. */
  readonly rule: unknown;
  readonly act: Act;
  readonly workerRequests: number;
  /** How often it happens while other calls happen 256 times. */
  readonly busy?: number;
}

const limit = (counter: string, more: object = {}) => ({ counter, window: "day", max: 1_000_000, ...more });
const call: Act = async (traffic) => {
  await traffic.call();
};
const askAndBeApproved: Act = async (traffic) => {
  const args = { invoice: Date.now() };
  const asked = await traffic.call(args);
  if (asked.effect !== "deny" || !asked.waitsFor) throw new Error("nobody is asked");
  await traffic.approve(asked.waitsFor.id);
  expect((await traffic.call(args)).effect).toBe("allow");
};

const kinds: readonly Kind[] = [
  { name: "allowed, no limit", rule: {}, act: call, workerRequests: 1 },
  { name: "a limit", rule: { limits: [limit("a")] }, act: call, workerRequests: 1 },
  {
    name: "three limits",
    rule: { limits: [limit("a"), limit("b"), limit("c")] },
    act: call,
    workerRequests: 1,
  },
  {
    name: "a limit of the member",
    rule: { limits: [limit("a", { scope: "member" })] },
    act: call,
    workerRequests: 1,
  },
  {
    name: "limits of the member and the team",
    rule: { limits: [limit("a", { scope: "member" }), limit("b", { scope: "team" })] },
    act: call,
    workerRequests: 1,
  },
  { name: "denied by a rule", rule: { action: "deny" }, act: call, workerRequests: 1 },
  { name: "refused by a limit", rule: { limits: [limit("a", { max: 1 })] }, act: call, workerRequests: 1 },
  {
    name: "asked, approved, called again",
    rule: { action: "approve" },
    act: askAndBeApproved,
    workerRequests: 3,
    busy: 32,
  },
  { name: "a list", rule: {}, act: (traffic) => traffic.list(), workerRequests: 1 },
];

const usageOf = ({ requests, rows, rowsRead }: Bill, worker: number, count: number): Usage => ({
  worker,
  requests: {
    gate: requests.GATES / count,
    log: requests.LOGS / count,
    counter: requests.COUNTERS / count,
  },
  rows: {
    gate: rows.GATES / count,
    log: rows.LOGS / count,
    counter: rows.COUNTERS / count,
    d1: rows.DB / count,
  },
  rowsRead: rowsRead / count,
});

async function measure(timesOf: (kind: Kind) => number, everyMs: number): Promise<Figures> {
  const figures = new Map<string, Usage>();
  for (const kind of kinds) {
    const traffic = await Traffic.on(meter, kind.rule);
    const times = timesOf(kind);
    const bill = await traffic.run(kind.act, times, everyMs);
    figures.set(kind.name, usageOf(bill, kind.workerRequests, times));
  }
  return figures;
}

async function measureEdit(): Promise<Figures> {
  const traffic = await Traffic.on(meter, {}, 20);
  const bill = await traffic.run((all) => all.edit(), 4, 60_000);
  return new Map([["a policy of 20 grants", usageOf(bill, 1, 4)]]);
}

it("docs/cost.md says what the runtime's own meters count", { timeout: 300_000 }, async () => {
  const tables = new Map([
    // More than one flush of the charts (256 entries), so that they are in it.
    ["busy", await measure(({ busy = 256 }) => busy, 50)],
    // An hour, so that a checkpoint is in it.
    ["alone", await measure(() => 20, 180_000)],
    ["edit", await measureEdit()],
  ]);
  const counted = withFigures(page, tables);
  await expect(agree(page, counted) ? page : counted).toMatchFileSnapshot("../../docs/cost.md");
});
