import { beforeEach, expect, it } from "vitest";
import { fault } from "../../src/fault.ts";
import { IssuerKeyCache } from "../../src/identity/issuer_key_cache.ts";
import type { IssuerKeys } from "../../src/identity/issuer_keys.ts";
import { Provider } from "../support/oidc/provider.ts";

const url = "https://idp.example/jwks";
const minute = 60_000;

let provider: Provider;
let nowMs: number;
let fetches: string[];
let down: boolean;
let cache: IssuerKeyCache;

beforeEach(async () => {
  provider = await Provider.start("https://idp.example");
  [nowMs, fetches, down] = [Date.now(), [], false];
  cache = new IssuerKeyCache({
    fetch: async (asked) => {
      fetches.push(asked);
      await Promise.resolve();
      return down ? fault("upstream_unreachable", "down") : { keys: provider.keys };
    },
    now: () => nowMs,
    wait: () => new Promise(() => undefined),
    behind: () => undefined,
  });
});

const kidsOf = (keys: IssuerKeys | null) => keys?.keys.map(({ kid }) => kid) ?? null;
const kids = () => provider.keys.map(({ kid }) => kid);
const first = async (): Promise<IssuerKeys> => {
  const keys = await cache.keys("team", url);
  if (!keys) throw new Error("no keys");
  return keys;
};

it("many who ask at once cost one fetch", async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => cache.keys("team", url)));
  expect(all.map(kidsOf)).toEqual(all.map(kids));
  expect(fetches).toEqual([url]);
});

it("a flood of unknown kids costs one fetch in 30 s", async () => {
  const keys = await first();
  nowMs += 31_000;
  for (let i = 0; i < 5; i++)
    await Promise.all(Array.from({ length: 20 }, () => cache.newer("team", url, keys)));
  expect(fetches).toHaveLength(2);
  nowMs += 29_000;
  await cache.newer("team", url, keys);
  expect(fetches).toHaveLength(2);
  nowMs += 1_000;
  await cache.newer("team", url, keys);
  expect(fetches).toHaveLength(3);
});

it("a rotated key is found, under a new version", async () => {
  const before = await first();
  await provider.rotate();
  nowMs += 31_000;
  const after = await cache.newer("team", url, before);
  expect(kidsOf(after)).toEqual(kids());
  expect(after?.version).not.toBe(before.version);
});

it("what was imported of the same keys stays", async () => {
  const before = await first();
  nowMs += 31_000;
  expect(await cache.newer("team", url, before)).toBe(before);
});

it("keys of ten minutes are asked for again behind the answer, and count on while the issuer is down", async () => {
  const before = await first();
  [nowMs, down] = [nowMs + 11 * minute, true];
  expect(await cache.keys("team", url)).toBe(before);
  expect(fetches).toHaveLength(2);
});

it("keys that nobody could confirm for an hour count no more", async () => {
  await first();
  [nowMs, down] = [nowMs + 60 * minute, true];
  expect(await cache.keys("team", url)).toBeNull();
  [nowMs, down] = [nowMs + minute, false];
  expect(kidsOf(await cache.keys("team", url))).toEqual(kids());
});

it("a withdrawn key is gone after ten minutes, once it was asked for", async () => {
  await first();
  await provider.rotate();
  nowMs += 11 * minute;
  await cache.keys("team", url);
  await Promise.resolve();
  expect(kidsOf(await cache.keys("team", url))).toEqual(kids());
});

it("an issuer that is down from the start is asked again after five seconds", async () => {
  down = true;
  expect(await cache.keys("team", url)).toBeNull();
  expect(await cache.keys("team", url)).toBeNull();
  [nowMs, down] = [nowMs + 5_000, false];
  expect(kidsOf(await cache.keys("team", url))).toEqual(kids());
  expect(fetches).toHaveLength(2);
});

it("one team's look at an address is not another's", async () => {
  await cache.keys("team", url);
  await cache.keys("other", url);
  expect(fetches).toHaveLength(2);
});
