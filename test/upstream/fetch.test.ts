import { expect, test } from "vitest";
import { isFault } from "../../src/fault.ts";
import { enrol } from "../../src/upstream/enrol.ts";
import { guardedFetch } from "../../src/upstream/fetch.ts";
import { forward } from "../../src/upstream/forward.ts";
import { refusedUrls } from "./addresses.ts";

const rules = { allowLoopback: false, ownOrigin: "https://gate.portcullis.dev" };
const url = "https://mcp.example.com/mcp";
const caps = { bytesMax: 10, timeoutMs: 1_000 };
const chunks = (...sizes: number[]): Response =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const size of sizes) controller.enqueue(new Uint8Array(size));
        controller.close();
      },
    }),
  );

test("no entry point fetches any address of the corpus", async () => {
  const fetched: unknown[] = [];
  const canary = {
    fetch: async (input: RequestInfo | URL) => {
      fetched.push(input);
      return new Response();
    },
    rules,
  };
  const request = { method: "POST" as const, headers: new Headers(), body: new Uint8Array() };
  for (const refused of refusedUrls) {
    const target = { url: refused, credential: { Authorization: "Bearer s" } };
    expect(await guardedFetch(canary, refused, {}, caps)).toMatchObject({ fault: "invalid", sent: "never" });
    expect(await forward(canary, target, request, { firstByteMs: 1_000 })).toMatchObject({
      fault: "misconfigured",
      sent: "never",
    });
    expect(await enrol(canary, refused, {})).toMatchObject({ fault: "invalid" });
  }
  expect(fetched).toEqual([]);
});

test("what is fetched is the address as it was judged, without following redirects", async () => {
  const seen: unknown[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    seen.push(String(input), init?.redirect);
    return new Response("ok");
  };
  const answer = await guardedFetch({ fetch, rules }, "HTTPS://MCP.Example.com:443/mcp/../a", {}, caps);
  expect(isFault(answer) ? answer : await answer.text()).toBe("ok");
  expect(seen).toEqual(["https://mcp.example.com/a", "manual"]);
});

test("an answer of exactly the cap is whole, and one byte more breaks it off", async () => {
  const get = async (...sizes: number[]): Promise<Response> => {
    const answer = await guardedFetch({ fetch: async () => chunks(...sizes), rules }, url, {}, caps);
    if (isFault(answer)) throw new Error(answer.detail);
    return answer;
  };
  expect((await (await get(4, 6)).arrayBuffer()).byteLength).toBe(10);
  await expect((await get(4, 7)).arrayBuffer()).rejects.toThrow("the answer is longer than 10 bytes");
});

test("a fetch that fails says nothing of what it was given", async () => {
  const fetch = async () => {
    throw new TypeError("connect ECONNREFUSED 10.0.0.7 with Bearer s3cret");
  };
  expect(await guardedFetch({ fetch, rules }, url, {}, caps)).toEqual({
    fault: "upstream_unreachable",
    detail: "The server refused or broke the connection, or its name does not resolve.",
    sent: "perhaps",
  });
});

test("a fetch that never answers is late, and is aborted", async () => {
  let aborted = false;
  const fetch = (_input: RequestInfo | URL, init?: RequestInit) =>
    new Promise<Response>((_, reject) => {
      init?.signal?.addEventListener("abort", () => {
        aborted = true;
        reject(new Error("aborted"));
      });
    });
  const answer = await guardedFetch({ fetch, rules }, url, {}, { bytesMax: 10, timeoutMs: 30 });
  expect(answer).toMatchObject({ fault: "upstream_late", sent: "perhaps" });
  expect(aborted).toBe(true);
});
