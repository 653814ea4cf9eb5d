import { createExecutionContext, env, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { newSecrets } from "../../scripts/start/secrets.ts";
import type { GateStub } from "../../src/gate/rpc.ts";
import worker from "../../src/index.ts";
import { origin } from "../api/control_plane.ts";
import { throwing } from "./point.ts";
import { Setting } from "./setting.ts";

type Env = Parameters<typeof worker.fetch>[1];

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
});
const upstream = vi.fn<typeof fetch>(async () => Response.json({ jsonrpc: "2.0", id: 1, result: {} }));
beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.stubGlobal("fetch", upstream);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** Calls the Worker as it is deployed, with something wrong in what it was given. */
async function called(change: Record<string, unknown>): Promise<Response> {
  const ctx = createExecutionContext();
  const given = { ...env, PUBLIC_ORIGIN: origin, ALLOW_LOOPBACK_UPSTREAMS: undefined, ...change };
  const answer = await worker.fetch(setting.request("call") as never, given as unknown as Env, ctx);
  const read = new Response(await answer.text(), answer);
  await waitOnExecutionContext(ctx);
  return read;
}

const decided = () => {
  const gate = env.GATES.get(env.GATES.idFromName(setting.caller.grant)) as unknown as GateStub;
  return gate.find(1);
};

const other = newSecrets();
const wrong: readonly [what: string, change: Record<string, unknown>][] = [
  ["no signing keys", { SIGNING_KEYS: undefined }],
  ["an empty list of signing keys", { SIGNING_KEYS: "[]" }],
  ["signing keys that do not read", { SIGNING_KEYS: "{" }],
  ["another's signing keys", { SIGNING_KEYS: other.SIGNING_KEYS }],
  ["no master key", { MASTER_KEYS: undefined }],
  ["a master key that is too short", { MASTER_KEYS: "1:AAEC" }],
  ["another's master key", { MASTER_KEYS: other.MASTER_KEYS }],
  ["no origin", { PUBLIC_ORIGIN: undefined }],
  ["an origin that is none", { PUBLIC_ORIGIN: "here" }],
  ["another's origin", { PUBLIC_ORIGIN: "https://other.example" }],
  ["servers of this machine permitted at a public origin", { ALLOW_LOOPBACK_UPSTREAMS: "true" }],
  ["no gates", { GATES: undefined }],
  ["gates that cannot be addressed", { GATES: { idFromName: throwing, get: throwing } }],
];

test.each(wrong)("a Worker with %s decides nothing, and says so", async (_, change) => {
  const answer = await called(change);
  expect([401, 404, 500, 503]).toContain(answer.status);
  const said = await answer.json<{ detail?: string; error?: { message: string } }>();
  expect(said.detail ?? said.error?.message).toBeTruthy();
  expect(await decided()).toBeNull();
  expect(upstream).not.toHaveBeenCalled();
});

test("the same Worker with what is its own lets the call through", async () => {
  expect((await called({})).status).toBe(200);
  expect(upstream).toHaveBeenCalledOnce();
  expect(await decided()).toMatchObject({ decision: { verdict: "allowed", target: { name: "send" } } });
});
