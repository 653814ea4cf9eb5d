import { beforeAll, describe, expect, it } from "vitest";
import { scanMax } from "../../src/audit/decision_list.ts";
import type { Entry, LogPage, LogQuery } from "../../src/audit/entry.ts";
import type { Log } from "../../src/audit/log.ts";
import type { TeamId } from "../../src/id.ts";
import type { KeySet } from "../../src/identity/keys.ts";
import { decision, inLog, newKeys, other, outcome } from "./rows.ts";

const team = "tm_bounded" as TeamId;
const day = 86_400_000;
const hour = 3_600_000;
const begunMs = Math.floor(Date.now() / day) * day - 40 * day;
const decisionsMax = 45_000;
const clock = { nowMs: begunMs };
let keys: KeySet;

/** Rows that the runtime says were read while `body` ran. */
function rowsRead<T>({ sql }: DurableObjectStorage, body: () => T): { read: number; answer: T } {
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  const plain = sql.exec;
  sql.exec = ((...given: Parameters<typeof plain>) => {
    const cursor = plain.apply(sql, given);
    cursors.push(cursor);
    return cursor;
  }) as typeof plain;
  try {
    const answer = body();
    return { read: cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0), answer };
  } finally {
    sql.exec = plain;
  }
}

// 40 days of one gate's calls, of which one is another gate's, one is refused and one calls a tool of its own.
function entriesOf(seq: number): Entry[] {
  const atMs = begunMs + Math.floor((seq / decisionsMax) * 40 * day);
  const call = decision(seq, {
    atMs,
    ...(seq === 700 ? { verdict: "denied" as const } : {}),
    ...(seq === 900 ? { target: { kind: "tool" as const, name: "rare" } } : {}),
  });
  const rare = seq === 800 ? [decision(1, { gate: other, atMs })] : [];
  return [call, ...rare, outcome(seq, { atMs: atMs + 5, ms: seq % 40 })];
}

beforeAll(async () => {
  keys = await newKeys();
  await inLog(team, keys, clock, async (wake, storage) => {
    const log = wake();
    for (let seq = 1; seq <= decisionsMax; seq += 500) {
      log.append(Array.from({ length: 500 }, (_, i) => entriesOf(seq + i)).flat());
      clock.nowMs = begunMs + Math.floor(((seq + 500) / decisionsMax) * 40 * day);
      await log.alarm();
    }
    await storage.deleteAlarm();
  });
}, 120_000);

const within = <T>(body: (log: Log, storage: DurableObjectStorage) => T): Promise<T> =>
  inLog(team, keys, clock, (wake, storage) => body(wake(), storage));

// What a page costs at most: its window, looked at twice, and what it shows with outcomes and kept arguments.
const pageReadsMax = 2.5 * scanMax;

describe("a log of 90,000 entries", () => {
  it.each([
    ["a tool called once", { name: "rare" }, 900],
    ["a refusal", { verdict: "denied" }, 700],
    ["another gate", { grant: other }, 1],
    ["an hour a month ago", { fromMs: begunMs + day, toMs: begunMs + day + hour / 10 }, null],
  ] as [string, Omit<LogQuery, "limit">, number | null][])(
    "finds %s in pages of bounded work",
    async (_, query, seq) => {
      const { found, pages, worst } = await within((log, storage) => {
        let [pages, worst] = [0, 0];
        const found: LogPage["items"][number][] = [];
        for (let before: number | null | undefined; before !== null; pages++) {
          const asked: LogQuery = { ...query, limit: 50, ...(before === undefined ? {} : { before }) };
          const { read, answer } = rowsRead(storage, () => log.list(asked));
          worst = Math.max(worst, read);
          found.push(...answer.items);
          before = answer.next;
        }
        return { found, pages, worst };
      });
      expect(worst).toBeLessThan(pageReadsMax);
      expect(pages).toBeLessThanOrEqual(1 + Math.ceil((2 * decisionsMax) / scanMax));
      if (seq !== null) expect(found.map((row) => row.decision.seq)).toEqual([seq]);
      else expect(found.length).toBeGreaterThan(0);
    },
  );

  it("finds an indexed rarity in one page that reads next to nothing", async () => {
    const { read, answer } = await within((log, storage) =>
      rowsRead(storage, () => log.list({ verdict: "denied", limit: 50 })),
    );
    expect([answer.items.length, answer.next]).toEqual([1, null]);
    expect(read).toBeLessThan(20);
  });

  it("draws a chart of 30 days from counts alone, and the counts are the entries'", async () => {
    const toMs = begunMs + 40 * day;
    const query = {
      by: "tool",
      step: "day",
      fromMs: toMs - 30 * day,
      toMs,
      after: null,
      limit: 1_000,
    } as const;
    const { drawn, listed } = await within((log, storage) => {
      log.stats(query);
      const listed = storage.sql
        .exec<{ calls: number }>(
          "SELECT count(*) AS calls FROM entry WHERE kind = 'decision' AND verdict = 'allowed' AND at_ms BETWEEN ?1 AND ?2",
          query.fromMs,
          query.toMs - 1,
        )
        .one().calls;
      return { drawn: rowsRead(storage, () => log.stats(query)), listed };
    });
    expect(drawn.answer).toHaveLength(30);
    expect(drawn.read).toBeLessThanOrEqual(31);
    const total = drawn.answer.reduce((sum, cell) => sum + cell.tally.allowed, 0);
    const timed = drawn.answer.reduce((sum, cell) => sum + cell.tally.latency.reduce((a, b) => a + b, 0), 0);
    expect([total, timed]).toEqual([listed, listed]);
  });

  it("verifies in ranges of 2,000", async () => {
    const { ranges, worst, problems } = await within((log, storage) => {
      let [ranges, worst] = [0, 0];
      const problems: unknown[] = [];
      for (let from: number | null = null; ranges === 0 || from !== null; ranges++) {
        const { read, answer }: ReturnType<typeof rowsRead<ReturnType<Log["verify"]>>> = rowsRead(
          storage,
          () => log.verify(from),
        );
        worst = Math.max(worst, read);
        if (answer.problem) problems.push(answer.problem);
        from = answer.next;
      }
      return { ranges, worst, problems };
    });
    expect(problems).toEqual([]);
    expect(ranges).toBe(Math.ceil((2 * decisionsMax + 1) / 2_000));
    expect(worst).toBeLessThan(12_000);
  });

  it("counts nothing twice when it wakes in between", async () => {
    const count = (log: Log) =>
      log
        .stats({ by: "grant", step: "day", fromMs: 0, toMs: clock.nowMs + day, after: null, limit: 5_000 })
        .reduce((sum, { tally }) => sum + tally.allowed + tally.denied, 0);
    const counts = await inLog("tm_waking", keys, clock, (wake) => {
      wake().append(Array.from({ length: 300 }, (_, i) => decision(i + 1, { atMs: clock.nowMs })));
      wake().append([decision(301, { atMs: clock.nowMs })]);
      wake().append([decision(301, { atMs: clock.nowMs }), decision(302, { atMs: clock.nowMs })]);
      return [count(wake()), count(wake())];
    });
    expect(counts).toEqual([302, 302]);
  });
});

describe("retention", () => {
  it("drops whole sealed segments, says so, and leaves a log that verifies", async () => {
    const own = "tm_forgetful" as TeamId;
    const start = Date.now();
    const time = { nowMs: start };
    const seen = await inLog(own, keys, time, async (wake, storage) => {
      const log = wake();
      log.append([changed(start)]);
      for (let seq = 1; seq <= 3_000; seq += 1_000) {
        log.append(Array.from({ length: 1_000 }, (_, i) => decision(seq + i, { atMs: time.nowMs })));
        await log.alarm();
        time.nowMs += day;
      }
      const before = log.verify(null);
      // Two days are kept: the first thousand is past it, the rest is not.
      time.nowMs = start + 2 * day + hour;
      await log.alarm();
      await storage.deleteAlarm();
      const after = [wake().verify(null), log.verify(null)];
      return {
        before,
        after,
        events: log.events(null, 1).items,
        first: log.list({ limit: 1, before: 1_000 }),
      };
    });
    expect(seen.before).toMatchObject({ from: 1, problem: null });
    for (const range of seen.after) expect(range).toMatchObject({ from: 1_001, problem: null });
    expect(seen.events).toMatchObject([
      { event: { action: "log.dropped", detail: { from: 1, up_to: 1_000 } } },
    ]);
    expect(seen.first).toEqual({ items: [], next: null });
  });
});

const changed = (atMs: number): Entry => ({
  kind: "control",
  id: "evt_changed" as never,
  atMs,
  requestId: "req_1",
  actor: "usr_1",
  action: "team.changed",
  subject: "tm_1",
  detail: { retention_days: 2 },
});
