import { env } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { isFault } from "../../src/fault.ts";
import { enrol } from "../../src/upstream/enrol.ts";
import { type FetchDeps, guardedFetch, guardedOpen, platformFetch } from "../../src/upstream/fetch.ts";
import { judgeUrl } from "../../src/upstream/guard.ts";
import { ControlPlane } from "../api/control_plane.ts";
import { seeded } from "../gate/limit_world.ts";
import type { Sighting } from "../support/canary.ts";
import { sizeOf } from "../support/size.ts";
import { loopbackHosts } from "../upstream/addresses.ts";
import { type Entrance, entrancesOf } from "./entrances.ts";
import { drawn, leadingTo } from "./vectors.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      /** Answers with a `Sighting`. */
      CANARY: Fetcher;
    }
  }
}

// T7: whatever address is named wherever, nothing on this machine sees a connection. The platform lets fetch reach
// loopback here, so it is our guard alone that is tried.
const { runs, seed, within } = sizeOf("SSRF", 20_000);
// The corpus has spellings of this one among the gateway's own.
const rules = { allowLoopback: false, ownOrigin: "https://gate.portcullis.dev" };
const deps: FetchDeps = { fetch: platformFetch, rules };

let canary: Sighting;
let vectors: readonly string[];
/** What the parser makes of them, with a path. */
let normal: readonly string[];
let entrances: Readonly<Record<string, Entrance>>;
beforeAll(async () => {
  canary = await sighting();
  vectors = leadingTo(canary.port);
  normal = vectors.flatMap((address) => URL.parse("/client.json", address)?.href ?? []);
  const plane = await ControlPlane.start({
    fetch: deps,
    look: (url, headers) => enrol(deps, url, headers),
    judgeUrl: (url) => {
      const judged = judgeUrl(url, rules);
      return isFault(judged) ? judged : null;
    },
  });
  entrances = await entrancesOf(plane, deps);
});

const sighting = async (): Promise<Sighting> => (await env.CANARY.fetch("http://canary/")).json<Sighting>();
const connections = async (): Promise<number> => (await sighting()).connections;

/** The different answers that there were, each with an address that got it. */
async function answersOf({ tell, among }: Entrance): Promise<Map<string, string>> {
  const addresses = among ? [...vectors, ...normal].filter(among) : vectors;
  expect(addresses.length).toBeGreaterThan(150);
  const answers = await tell(addresses);
  expect(answers).toHaveLength(addresses.length);
  return new Map(answers.map((answer, n) => [JSON.stringify(answer), addresses[n] ?? ""]));
}

describe("the canary", () => {
  it("sees whoever gets past the guard: without it, most spellings of this machine lead there", async () => {
    const before = await connections();
    const tried = loopbackHosts
      .map((host) => `http://${host}:${canary.port}/`)
      .filter((url) => URL.canParse(url));
    await Promise.all(tried.map((url) => platformFetch(url).catch(() => null)));
    expect(tried.length).toBeGreaterThan(20);
    expect((await connections()) - before).toBeGreaterThan(20);
  });
});

describe("an address that leads to this machine, to a private one or to none", () => {
  it("is in the corpus in more than 300 ways, and every place that asks the guard is tried with them", () => {
    expect(new Set(vectors).size).toBeGreaterThan(300);
    const sources: Record<string, string> = import.meta.glob("../../src/**/*.ts", {
      query: "?raw",
      import: "default",
      eager: true,
    });
    const asking = Object.entries(sources)
      .filter(([, text]) =>
        /\b(?:guardedFetch|guardedOpen|judgeUrl)\((?!text: string|\n\s+deps: FetchDeps)/.test(text),
      )
      .map(([path]) => path.replace("../../src/", ""))
      .filter((path) => path !== "upstream/fetch.ts" && path !== "upstream/guard.ts");
    const tried = Object.values(entrances).flatMap(({ callers }) => callers);
    expect([...new Set(tried)].toSorted()).toEqual(asking.toSorted());
  });

  it("gets one and the same answer everywhere, and no connection", async () => {
    const before = await connections();
    for (const [name, entrance] of Object.entries(entrances)) {
      const answers = await answersOf(entrance);
      expect([...answers.values()], `${name}: ${[...answers.keys()].join("\n")}`).toHaveLength(1);
    }
    expect((await connections()) - before).toBe(0);
  }, 120_000);

  it(
    "is refused however it is put together",
    async () => {
      const chance = seeded(seed);
      const before = await connections();
      const passed: string[] = [];
      for (let n = 0; n < runs; n++) {
        const address = drawn(chance, canary.port);
        const answer = await guardedOpen(deps, address, {}, 1_000);
        if (!isFault(answer) || answer.sent !== "never") passed.push(address);
      }
      expect(passed, `seed ${seed}`).toEqual([]);
      expect((await connections()) - before).toBe(0);
    },
    within(30_000),
  );
});

describe("a redirect", () => {
  const statuses = [301, 302, 303, 307, 308];
  let next = { status: 302, to: "" };
  /** A public server that redirects to `next`: a real one, whose name stands for an address of this machine. */
  const abroad: FetchDeps = {
    rules,
    fetch: (_input, init) =>
      platformFetch(
        `http://127.0.0.1:${canary.redirector}/?status=${next.status}&to=${encodeURIComponent(next.to)}`,
        init,
      ),
  };

  it("to any of them is not followed, and is told alike", async () => {
    const before = await connections();
    // A header cannot hold a line break, nor Node's anything beyond Latin-1.
    const targets = vectors.filter((url) => /^[\x20-\x7e]+$/.test(url)).slice(0, 200);
    const answers = new Set<string>();
    for (const [n, to] of targets.entries()) {
      next = { status: statuses[n % statuses.length] ?? 302, to };
      const url = "https://mcp.example.com/mcp";
      answers.add(JSON.stringify(await guardedFetch(abroad, url, {}, { bytesMax: 10, timeoutMs: 5_000 })));
      if (n % 10 === 0) answers.add(JSON.stringify(await enrol(abroad, url, {})));
    }
    expect([...answers]).toEqual([
      expect.stringContaining('"fault":"upstream_bad"'),
      expect.stringContaining('"state":"pending"'),
    ]);
    expect((await connections()) - before).toBe(0);
  });
});
