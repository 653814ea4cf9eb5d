import { env, runInDurableObject } from "cloudflare:test";
import { exportJWK, generateKeyPair } from "jose";
import type { DecisionEntry, OutcomeEntry } from "../../src/audit/entry.ts";
import { Log } from "../../src/audit/log.ts";
import type { GrantId, PolicyId, ServerId } from "../../src/id.ts";
import { signCheckpoint } from "../../src/identity/checkpoint.ts";
import { type KeySet, readSigningKeys } from "../../src/identity/keys.ts";

export const gate = "grt_00000000000000000000000001" as GrantId;
export const other = "grt_00000000000000000000000002" as GrantId;
export const server = { id: "srv_00000000000000000000000001" as ServerId, slug: "cmux" };

export const decision = (seq: number, changes: Partial<DecisionEntry> = {}): DecisionEntry => ({
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

export const outcome = (seq: number, changes: Partial<OutcomeEntry> = {}): OutcomeEntry => ({
  kind: "outcome",
  gate,
  seq,
  atMs: 1_000 * seq + 5,
  end: "answered",
  status: 200,
  bytes: 12,
  ms: 5,
  ...changes,
});

export const newKeys = async (): Promise<KeySet> => {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  return readSigningKeys(JSON.stringify([await exportJWK(privateKey)]));
};

/** Runs `body` inside a real log object, where `wake` makes a log of what is stored, with the test's clock and key. */
export function inLog<T>(
  name: string,
  keys: KeySet,
  clock: { nowMs: number },
  body: (wake: () => Log, storage: DurableObjectStorage) => Promise<T> | T,
): Promise<T> {
  const stub = env.LOGS.get(env.LOGS.idFromName(name));
  return runInDurableObject(stub, (_, state) => {
    const deps = {
      sign: (statement: Parameters<typeof signCheckpoint>[0]) => signCheckpoint(statement, keys),
      warn: () => Promise.resolve(),
      now: () => clock.nowMs,
    };
    return body(() => new Log(state, env, deps), state.storage);
  });
}
