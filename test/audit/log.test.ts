import { env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { genesis, link } from "../../src/audit/chain.ts";
import type { DecisionEntry, Entry, OutcomeEntry, Shipment } from "../../src/audit/entry.ts";
import type { EventId, GrantId, PolicyId, ServerId } from "../../src/id.ts";

const gate = "grt_00000000000000000000000001" as GrantId;
const other = "grt_00000000000000000000000002" as GrantId;
const server = { id: "srv_00000000000000000000000001" as ServerId, slug: "cmux" };

const decision = (seq: number, changes: Partial<DecisionEntry> = {}): DecisionEntry => ({
  kind: "decision",
  gate,
  seq,
  atMs: 1_000 * seq,
  requestId: `req_${seq}`,
  epoch: 1,
  member: null,
  server,
  method: "tools/call",
  target: { kind: "tool", name: "cmux_send" },
  verdict: "allowed",
  rule: "",
  reason: "",
  notes: [],
  policy: { id: "pol_00000000000000000000000001" as PolicyId, name: "p", revision: 1 },
  client: null,
  argumentKeys: ["text"],
  argumentHash: "00",
  values: null,
  ...changes,
});

const outcome = (seq: number): OutcomeEntry => ({
  kind: "outcome",
  gate,
  seq,
  atMs: 1_000 * seq + 5,
  end: "answered",
  status: 200,
  bytes: 12,
  ms: 5,
});

// What is hashed of a decision is a hash of what was kept of its arguments.
const told = (entry: Entry): string => {
  if (entry.kind !== "decision") return JSON.stringify(entry);
  const { values: _, outcome: ended, ...rest } = entry;
  return JSON.stringify({ ...rest, valuesHash: null, ...(ended && { outcome: ended }) });
};

const log = (name: string) => env.LOGS.get(env.LOGS.idFromName(name));

test("an entry that is shipped twice stands once", async () => {
  const stub = log("twice");
  const head = await stub.append([decision(1), outcome(1)]);
  expect(await stub.append([decision(1), outcome(1)])).toEqual(head);
  expect(head.n).toBe(2);
  expect((await stub.list({ limit: 10 })).items).toEqual([
    { n: 1, id: `dec_${gate.slice(4)}_1`, decision: decision(1), outcome: outcome(1) },
  ]);
});

describe("what a gate ships", () => {
  const { kind: _, gate: __, seq: ___, ...ending } = outcome(1);
  const open = (...seqs: number[]): Shipment => ({
    calls: seqs.map((seq) => [JSON.stringify(decision(seq)), null]),
    others: [],
  });
  const ended = (...seqs: number[]): Shipment => ({
    calls: seqs.map((seq) => [JSON.stringify(decision(seq)), JSON.stringify(ending)]),
    others: [],
  });
  const end: Shipment = { calls: [], others: [outcome(1)] };

  test("is one entry for a call that has ended, and reads like two", async () => {
    const stub = log("ended");
    const head = await stub.take(ended(1));
    const body = told({ ...decision(1), outcome: ending });
    expect(head).toEqual({ n: 1, hash: link(genesis, ["1", body]) });
    const row = { n: 1, id: `dec_${gate.slice(4)}_1`, decision: decision(1), outcome: outcome(1) };
    expect((await stub.list({ limit: 10 })).items).toEqual([row]);
    expect(await stub.find(gate, 1)).toEqual(row);
    expect(await stub.follow(0, 10)).toEqual({
      head: 1,
      items: [
        { n: 1, entry: decision(1) },
        { n: 1, entry: outcome(1) },
      ],
    });
  });

  test("is the same entry, byte for byte, as the writer's own", async () => {
    const values = { salt: "ab".repeat(32), text: '{"values":null}' };
    for (const one of [
      decision(1),
      decision(1, { values }),
      decision(1, { argumentKeys: ['"values":null}'] }),
    ]) {
      const [texts, objects] = [log(crypto.randomUUID()), log(crypto.randomUUID())];
      const head = await texts.take({ calls: [[JSON.stringify(one), JSON.stringify(ending)]], others: [] });
      expect(head).toEqual(await objects.append([{ ...one, outcome: ending }]));
    }
  });

  test("ends a call once, in whatever order it comes and however often", async () => {
    for (const [shipments, entries] of [
      [[open(1), ended(1), end, open(1)], 2],
      [[ended(1), end, open(1), ended(1)], 1],
      [[open(1), end, ended(1)], 2],
      [[end, ended(1), open(1)], 2],
      [[{ calls: [...open(1).calls, ...ended(1).calls], others: [outcome(1)] }], 2],
    ] as const) {
      const stub = log(crypto.randomUUID());
      for (const shipment of shipments) await stub.take(shipment);
      expect((await stub.follow(null, 0)).head).toBe(entries);
      expect((await stub.list({ limit: 10 })).items).toMatchObject([
        { decision: decision(1), outcome: outcome(1) },
      ]);
      const day = { step: "day", fromMs: 0, toMs: 1, after: null, limit: 10 } as const;
      expect(await stub.stats({ by: "grant", ...day })).toMatchObject([{ tally: { allowed: 1, bytes: 12 } }]);
    }
  });
});

test("each entry's hash covers all before it", async () => {
  const entries: Entry[] = [
    decision(1),
    {
      kind: "control",
      id: "evt_00000000000000000000000001" as EventId,
      atMs: 1,
      requestId: "r",
      actor: "usr_1",
      action: "policy.saved",
      subject: "pol_1",
      detail: {},
    },
    decision(2),
  ];
  const head = await log("chain").append(entries);
  const expected = entries.reduce((hash, entry, i) => link(hash, [String(i + 1), told(entry)]), genesis);
  expect(head).toEqual({ n: 3, hash: expected });
});

test("the list is newest first, narrowed by every filter, and pages without a gap", async () => {
  const stub = log("list");
  await stub.append([1, 2, 3, 4, 5].map((seq) => decision(seq)));
  await stub.append([decision(6, { verdict: "limited", target: { kind: "tool", name: "cmux_batch" } })]);
  await stub.append([decision(1, { gate: other })]);
  const first = await stub.list({ limit: 3 });
  expect(first.items.map((row) => row.n)).toEqual([7, 6, 5]);
  expect(first.next).toBe(5);
  const rest = await stub.list({ limit: 10, before: 5 });
  expect(rest.items.map((row) => row.n)).toEqual([4, 3, 2, 1]);
  expect(rest.next).toBeNull();
  const narrowed = async (query: object) =>
    (await stub.list({ limit: 10, ...query })).items.map((row) => row.n);
  expect(await narrowed({ grant: other })).toEqual([7]);
  expect(await narrowed({ verdict: "limited" })).toEqual([6]);
  expect(await narrowed({ name: "cmux_batch" })).toEqual([6]);
  expect(await narrowed({ fromMs: 2_000, toMs: 4_000 })).toEqual([3, 2]);
  expect(await narrowed({ server: "srv_00000000000000000000000009" })).toEqual([]);
});

test("a decision is found by its gate and number, and by no other's", async () => {
  const stub = log("find");
  await stub.append([decision(3)]);
  expect((await stub.find(gate, 3))?.decision).toEqual(decision(3));
  expect(await stub.find(other, 3)).toBeNull();
});

test("a log that falls asleep between entries is sealed as soon as one that stays awake", async () => {
  const log = env.LOGS.get(env.LOGS.idFromName("tm_drowsy"));
  const planned = () => runInDurableObject(log, (_, state) => state.storage.getAlarm());
  await log.append([decision(1)]);
  const first = await planned();
  expect(first).not.toBeNull();
  for (let seq = 2; seq <= 4; seq++) {
    await evictDurableObject(log);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await log.append([decision(seq)]);
    expect(await planned()).toBe(first);
  }
});
