import { randomBytes } from "node:crypto";
import type { Snapshot } from "../../src/gate/snapshot.ts";
import { type GrantId, newId, type PolicyId, type ServerId, type TeamId } from "../../src/id.ts";

const random = (count: number): Uint8Array => randomBytes(count);

const limits = [
  { counter: "calls", window: "minute", max: 1_000_000_000, scope: "grant" },
  { counter: "calls", window: "hour", max: 1_000_000_000, scope: "grant" },
];
const conditions = [
  { path: "args.text", op: "length_lte", value: 1_000_000 },
  { path: "args.workspace", op: "in", value: ["one", "two", "three"] },
  { path: "args.count", op: "lte", value: 1_000 },
];

/** Twenty tools with two limits and three conditions each, or one without a limit. */
export const documents = {
  full: {
    version: "1",
    default: "deny",
    tools: Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`tool_${i}`, { require: [{ conditions }], limits }]),
    ),
  },
  unlimited: { version: "1", default: "deny", tools: { tool_0: {} } },
};

/** A grant that may call `tool_0` of one server under one of the documents. */
export function snapshotOf(document: keyof typeof documents, upstream: string): Snapshot {
  const farMs = Date.now() + 86_400_000;
  return {
    epoch: 1,
    team: { id: newId("tm", random) as TeamId, slug: "bench", zone: "UTC", frozen: "off", policy: null },
    grant: {
      id: newId("grt", random) as GrantId,
      label: "bench",
      tags: [],
      revoked: false,
      expiresAtMs: farMs,
      tokens: [{ jti: newId("jti", random), notAfterMs: farMs }],
      member: null,
    },
    routes: [
      {
        server: { id: newId("srv", random) as ServerId, slug: "up", name: "up", url: upstream },
        credential: null,
        policy: {
          id: newId("pol", random) as PolicyId,
          name: document,
          revision: 1,
          text: JSON.stringify(documents[document]),
        },
        pins: Array.from({ length: 20 }, (_, i) => ({
          name: `tool_${i}`,
          hash: "0".repeat(64),
          category: "Execute" as const,
          level: "high" as const,
        })),
        unpinned: false,
      },
    ],
  };
}
