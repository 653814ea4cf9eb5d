import type { DecisionEntry, LogRow } from "../../src/audit/entry.ts";
import type { Trial } from "../../src/gate/replay.ts";
import { decisionId, type GrantId, type ServerId } from "../../src/id.ts";
import { policy } from "../policy/judge.ts";

export const gate = "grt_00000000000000000000000001" as GrantId;
export const server = { id: "srv_00000000000000000000000001" as ServerId, slug: "cmux" };

/** A recorded call of `send`, allowed and without arguments unless `change` says otherwise. */
export function recorded(seq: number, atMs: number, change: Partial<DecisionEntry> = {}): LogRow {
  const decision: DecisionEntry = {
    kind: "decision",
    gate,
    seq,
    atMs,
    requestId: `req_${seq}`,
    epoch: 1,
    member: null,
    server,
    method: "tools/call",
    target: { kind: "tool", name: "send" },
    verdict: "allowed",
    rule: "",
    reason: "",
    notes: [],
    policy: null,
    client: null,
    argumentKeys: [],
    argumentHash: "h",
    values: null,
    ...change,
  };
  return { n: seq, id: decisionId(decision.gate, seq), decision, outcome: null };
}

export const bearer = { label: "ci", tags: [], member: null, elsewhere: false };

/** A trial of this document; every tool is pinned. */
export const trial = (document: unknown, change: Partial<Trial> = {}): Trial => ({
  draft: policy(document),
  server,
  team: null,
  zone: "UTC",
  tools: new Map(["send", "save", "batch"].map((name) => [name, { category: "Write", risk: "low" }])),
  bearers: new Map([[gate, bearer]]),
  ...change,
});
