import { afterEach, expect, it, vi } from "vitest";
import type { ConnectionId, ServerId, TeamId } from "../../src/id.ts";
import type { Access, AccountStub } from "../../src/upstream/account.ts";
import { AccessTokens, type SignInDeps, signIn } from "../../src/upstream/sign_in.ts";

const at = { team: "tm_1" as TeamId, server: "srv_1" as ServerId, url: "https://mcp.example/mcp" };
const connection = "con_1" as ConnectionId;
const credential = { wrappedKey: "1.x", account: { per: "team", connection } } as const;
const access: Access = { token: "t", scope: "", freshUntilMs: 1_000 };

const depsOf = (answer: AccountStub["access"], nowMs = 0): SignInDeps => ({
  master: { current: 1, keys: new Map() },
  account: () => ({ access: answer }),
  kept: new AccessTokens(),
  now: () => nowMs,
});

afterEach(() => vi.useRealTimers());

it.each<[string, AccountStub["access"]]>([
  ["fails", () => Promise.reject(new Error("gone"))],
  ["says half of it", async () => ({ token: "" }) as Access],
  ["says nothing", async () => null as unknown as Access],
])("an account that %s signs nobody in", async (_, answer) => {
  expect(await signIn(depsOf(answer), at, credential)).toMatchObject({ fault: "unavailable" });
});

it("an account that hangs signs nobody in, after fifteen seconds", async () => {
  vi.useFakeTimers();
  const signed = signIn(
    depsOf(() => new Promise(() => undefined)),
    at,
    credential,
  );
  await vi.advanceTimersByTimeAsync(15_000);
  expect(await signed).toMatchObject({ fault: "unavailable" });
});

it("a token is asked for once until it is due, and again where the server refused it", async () => {
  const asked: (string | null)[] = [];
  const deps = depsOf(async ({ refused }) => {
    asked.push(refused);
    return { ...access, token: `t${asked.length}` };
  });
  expect(await signIn(deps, at, credential)).toEqual({ Authorization: "Bearer t1" });
  expect(await signIn(deps, at, credential)).toEqual({ Authorization: "Bearer t1" });
  const refused = { Authorization: "Bearer t1" };
  expect(await signIn(deps, at, credential, refused)).toEqual({ Authorization: "Bearer t2" });
  expect(await signIn({ ...deps, now: () => 1_000 }, at, credential)).toEqual({ Authorization: "Bearer t3" });
  expect(asked).toEqual([null, "t1", null]);
});
